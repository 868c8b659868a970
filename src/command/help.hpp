// The text of --help after the options.
#ifndef ASHLAR_COMMAND_HELP_HPP
#define ASHLAR_COMMAND_HELP_HPP

namespace ashlar::command {

constexpr const char* kExamples = R"(Examples:
  ashlar run python3 script.py             runs it with Ashlar as its malloc
  ashlar run --stats -- ls -l              and says at the end what the heap held
  ashlar compare -n 9 -- ./server --bench  all allocators that are installed here, 9 runs each
  ashlar compare -- sh -c 'zcat log.gz | sort | uniq -c'
  ashlar compare -a mine=./libmine.so --only mine,ashlar --json -- ./program
  ashlar heap /name                        what a shared heap holds, and who uses it
  ashlar report 1234                       where the memory of a running process is
  ashlar top                               the same of all processes, again and again
  ashlar metrics 1234                      the same for Prometheus
  ashlar map 1234 -o heap.html             a picture of its heap
  ashlar core core.1234 --address 7f0c1a2b which block that was, and whether it was live
  ashlar doctor ./server                   whether its malloc would be Ashlar's, and if not, why
  ashlar doctor 1234                       the same for a process that runs
Each command has its own --help.
)";

constexpr const char* kRunHelp =
    R"(Replaces itself by PROGRAM, with libashlar.so in front of LD_PRELOAD: exit status and signals
are the program's. It takes the libashlar.so of its own build tree or installation;
ASHLAR_LIBRARY names another. Statically linked and setuid programs keep their own malloc: it
says so, and runs them.
Exit status where PROGRAM can't be started: 127 if it does not exist, 126 if it is not
executable, 2 if the command line is wrong or there is no libashlar.so.
)";

constexpr const char* kCompareHelp =
    R"(Runs PROGRAM under the system malloc, under Ashlar and under each allocator found in the
linker's directories, in rounds: each round runs every allocator once and begins with another
one. Everything that PROGRAM starts has the same allocator. It runs with no input, its output
is dropped, and it must end with exit status 0: a run that does not is the last one of its
allocator, whose row says 'failed'. For pipelines, input, or another exit status:
  ashlar compare -- sh -c 'a <file | b || true'
The row 'system' preloads libc itself, so that it is libc's malloc also where the program links
another allocator.

Measured: wall time; CPU time, user and system, of the program and the descendants that were
waited for; peak memory: the largest resident set that any one of these processes had, not
their sum (what is below about 0.6 MiB can't be seen).

'ratio' is the median of the ratios to the system malloc within each round. A difference is
claimed only where the interval from the k-th smallest to the k-th largest of these ratios,
which covers the true median with probability 15/16 or more, lies wholly beyond one percent
from 1; else it says 'no difference'. Fewer than 5 runs are never enough for that: '?'.

Exit status: 0, or 1 if the program failed under the system malloc or under Ashlar; 127 and
126 as for run; 2 for a wrong command line.

--json prints one object on stdout:
  ashlar        version of this command
  program       [the program and its arguments]
  rounds        the number asked for
  warmup        the rounds before these, not recorded
  processors    those online
  warnings      [sentences]
  allocators    [one object each, 'system' first]
    name, library  (what was preloaded)
    failed      null, or {reason, stderr} of the first run that failed; there are no later ones
    runs        [{wall_seconds, user_seconds, system_seconds, peak_kib}]; item i of every
                allocator is of round i
    wall_seconds, cpu_seconds, peak_kib  (not where it or 'system' failed):
                {median, min, max, ratio, ratio_low, ratio_high, verdict}: the ratio to
                'system' and its interval; the verdict is 'less', 'more', 'no difference' or
                'too few runs'
)";

constexpr const char* kHeapHelp =
    R"(HEAP is a name of shm_open() if it begins with a slash and has no other; else it is a path.
The heap stays in use meanwhile: the command takes part as one more process, and is not counted.

Printed: pages of the file, live blocks, free memory, metadata; each process with attached
threads, and the free blocks that these keep for themselves; each block in doubt, which a dead
thread allocated last and whose address its program may not have stored.

--recover gives back what dead threads had in their hands, as any process of the heap does at
times. --check verifies the heap's invariants, and prints a line on stderr for each fault. Its
answer is exact only while no other process uses the heap.

Exit status: 0; 1 if --check found faults; 2 if the heap cannot be opened, or for a wrong command
line.

--json prints one object on stdout:
  ashlar      version of this command
  heap        HEAP
  memory      {limit, file, used, blocks, rounding, kept, free, metadata}: bytes, but for blocks
  threads     attached threads
  processes   [{pid, threads, blocks, bytes}]: the free blocks that its threads keep
  doubts      [{offset, size}]
  recovered   dead threads, or null without --recover
  faults      their number, or null without --check
)";

constexpr const char* kReportHelp =
    R"(PID is a process with Ashlar as its malloc, preloaded, linked or static. It is not stopped:
its memory is read as a debugger may read it, so that the rights of one are needed.

The report begins with what the program asked for, and ends with the resident memory (RSS) that the
kernel reports. Each step between has a name. Then come the sizes and the slabs that hold the most
for the least, and counters. docs/tuning.md explains each line.

--address prints what lies there instead, as for core: see ashlar core --help.

Exit status: 0; 1 if the process has no heap of Ashlar, or one of another version, or if no heap has
the address; 2 if it does not exist or may not be read, or for a wrong command line.

--json prints one object on stdout:
  layout        version of the heap's tables
  pid           PID
  pages_known   whether the system tells which pages are resident
  core          whether it is of a core file: pages that are not all zero count as resident
  swapped       bytes in swap, of the whole process
  waterfall     [{line, bytes}]: the steps, which add up to 'sum'
  ours, sum     of Ashlar's own lines, and of all
  rss           as the kernel says
  difference    rss - sum
  heap          {blocks, live, asked, ...}: bytes, resident or not, but for blocks, mapped_blocks,
                caches, further_heaps, private_heaps and unreadable
  counters      {refills, overflows, depot_takes, depot_gives, lock_taken, lock_refused, map, unmap,
                commit, purge, move}
  bins          [{bin, size, slabs, blocks, live, cached, depot, free, refills, used_bytes,
                used_resident, free_bytes, free_resident, end_bytes, end_resident}]: bin 0 has the
                runs over 2 MiB
  slabs         [{address, size, resident, used}]: those with the most resident bytes out of use
)";

constexpr const char* kMapHelp =
    R"(Each unit of 64 KiB is a cell, coloured by the size of its blocks and by how full it is.
Beside it are the steps from the bytes that the program asked for to its resident memory, as in the
report. The file needs no other, and works without a network. The process is not stopped.

Exit status: 0; 1 if the process has no heap of Ashlar, or one of another version; 2 if it does not
exist or may not be read, if the file cannot be written, or for a wrong command line. If the process
ends after the first snapshot, the picture has those until then.
)";

constexpr const char* kCoreHelp =
    R"(Prints the report of ashlar report, without resident memory: a core does not tell it. Pages
that are not all zero stand for resident ones. With -o it draws the picture of ashlar map.

--address says which block has the address, at any of its bytes; whether it is live, or free in its
slab, in the cache of a thread, in a shared cache or in the depot; its slab, and the blocks or units
before and after it.

Exit status: 0; 1 if the core has no heap of Ashlar, or one of another version, or if no heap has
the address; 2 if FILE is no core file of this architecture, or of another program than EXECUTABLE,
or for a wrong command line.

--address with --json prints one object on stdout:
  address         A
  kind            block, run, mapped, units (free ones), slab_end, metadata, guarded,
                  reserved or foreign
  state           live, or where it is free, or a sentence
  start, bytes    of the block, run or units, or null
  slab            {address, bytes, blocks, in_use}, or null
  before, after   {address, bytes, state}, or null
)";

constexpr const char* kDoctorHelp =
    R"(PROGRAM is a process by its number, or a program, which is examined as `ashlar run` would
start it, and not run: the dynamic linker lists its libraries. Write ./1234 for a program with
such a name. Without PROGRAM the environment and the kernel are examined.

Printed: the library's file and version; for each object of the program, what malloc's names
bind to; memory of the process; limits and modes of the kernel; the settings; and what is
misconfigured, each with the line that mends it:
  error     malloc is not Ashlar's, or not for all objects
  warning   a setting or a mode of the kernel that is probably not meant
  note      worth to know

Libraries that a program opens while it runs are seen in processes only.

Exit status: 0; 1 if there is an error or a warning; 2 if there is no such process, or it may
not be looked at, or for a wrong command line; 127 and 126 as for run.

--json prints one object on stdout:
  ashlar     version of this command
  process    number, or null
  program    its file, or null
  library    {path, version, origin}, or null; the origin is 'preloaded', 'linked', 'built in' or
             'opened later'
  objects    [{path, at_start, defines_malloc, names}] in search order; names has the path that
             each name binds to
  memory     {resident, accessible, reserved, mappings, region, region_reserved,
             region_accessible} in bytes, or null; region is the address of the heap, or 0
  kernel     {memory, cgroup_limit, address_space, locked, overcommit, max_map_count, seccomp,
             huge_pages}; null is no limit, -1 unknown
  settings   [{name, value, default, unit, effect}]
  findings   [{weight, what, mend}]
)";

constexpr const char* kTopHelp =
    R"(Without a PID it shows all processes with a heap of Ashlar that may be read. None is stopped.
Columns in bytes are resident memory, and add up to RSS: live blocks, blocks with mappings of their
own, free blocks in thread caches, in the depot and in slabs, runs kept for reuse, free runs,
metadata, and what is not of Ashlar. REFILL/s counts how often a thread's cache was empty: most
allocations need none. CALL/s counts system calls for memory. Below are the sizes of the selected
process, and the change of its live blocks.

Columns for --sort: rss, live, refills, calls, mapped, cached, depot, slabs, kept, dirty, metadata,
other, pid.
Keys: q quits, up and down select a process, < and > choose the column to sort by.
If stdout is no terminal, each look is printed below the one before.

Exit status: 0, also when all processes that were named have ended; else as for report.

--json prints one object in a line for each look:
  seconds    since the first look
  processes  [{pid, command, rss, live, refills_per_second, calls_per_second, mapped, cached, depot,
             slabs, kept, dirty, metadata, other, classes}]; rates are null in the first look
    classes  [{size, bytes, slabs, refills_per_second, live, live_per_second, cached, depot, free}]:
             size 0 stands for all runs over 2 MiB
  gone       [{pid, command, reason}]: those that left since the look before
)";

constexpr const char* kMetricsHelp =
    R"(Without a PID it prints those of all processes with a heap of Ashlar that may be read.
None is stopped. Each sample has the labels pid and command. The text is OpenMetrics 1.0.
docs/tuning.md lists the metrics, and shows how Prometheus scrapes them.

Exit status: as for report.
)";

}  // namespace ashlar::command

#endif
