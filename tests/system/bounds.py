"""The bound of each situation. Sizes are in MiB; times are only compared with other times."""
import resource

import reserving
import returning
import touching

KIB = 1 << 10
MIB = 1 << 20
PAGE_MIB = 4 * KIB / MIB

# Of a thread with 40 blocks: its cache and a page for most blocks. A huge page alone would be 2048.
THREAD_KIB = 64

# Of a process with a few small blocks. Each has room for one or two pages more than today.
LIBRARY_KIB = 92  # symbols, relocations, the code that every process runs, data
WRITTEN_KIB = 96  # beyond the system's malloc: tables, the first thread's cache, first pages of slabs
IDLE_THREAD_KIB = 31  # of a thread with 40 blocks, small pages only; its stack is 16


class Expect:
    """Collects the values, and whether they are within their bounds."""

    def __init__(self):
        self.lines = []
        self.failed = False

    def fail(self, line):
        self.failed = True
        self.lines.append("FAILED: " + line)

    def holds(self, right, line):
        if right:
            self.lines.append(line)
        else:
            self.fail(line)

    def at_most(self, what, value, bound):
        self.holds(value <= bound, f"{what}: {value:.2f}, at most {bound:.2f}")

    def at_least(self, what, value, bound):
        self.holds(value >= bound, f"{what}: {value:.2f}, at least {bound:.2f}")


# Address space that is reserved but not used.

def patience(seconds, least):
    """Ten times the time of the system's malloc, which counts as at least `least`."""
    return 10 * max(seconds, least)


def crash(expect, ours, system):
    theirs = reserving.crash(system)
    limit = patience(theirs["seconds"], 0.3)
    found = reserving.crash(ours, limit)
    expect.at_most("seconds until it is dead", found["seconds"], limit)
    expect.at_most("apparent size of the core", found["apparent_mib"], theirs["apparent_mib"] + 64)
    expect.at_most("core on disk", found["disk_mib"], theirs["disk_mib"] + 32)


def crash_pipe(expect, ours, system):
    theirs = reserving.crash_into_pipe(system)
    found = reserving.crash_into_pipe(ours, limit=patience(theirs["seconds"], 0.5))
    expect.at_most("core through a pipe", found["pipe_mib"], theirs["pipe_mib"] + 64)


def gcore(expect, ours, system):
    theirs = reserving.gcore(system)
    limit = patience(theirs["seconds"], 0.5)
    found = reserving.gcore(ours, limit)
    expect.at_most("seconds of gcore", found["seconds"], limit)
    expect.at_most("core on disk", found["disk_mib"], theirs["disk_mib"] + 64)


def lock(expect, ours, system):
    theirs = reserving.lock(system, 300)
    found = reserving.lock(ours, 300)
    expect.at_most("resident when locked", found["resident_mib"], theirs["resident_mib"] + 64)


def charge(expect, ours, system):
    theirs = reserving.charge(system)
    found = reserving.charge(ours)
    expect.at_most("charged in strict accounting", found["charged_mib"], theirs["charged_mib"] + 40)


def charge_strict(expect, ours, system):
    theirs = reserving.charge_for_real(system)
    found = reserving.charge_for_real(ours)
    expect.at_most("charged", found["charged_mib"], theirs["charged_mib"] + 40)


def address_limit(gib):
    def check(expect, ours, _):
        found = reserving.address_limit(ours, gib)
        expect.at_least(f"part of {gib} GiB that malloc gives", found["part"], 0.9)
        expect.holds(found["enomem"] == 1, "then ENOMEM")
    return check


def limit_itself(kind):
    def check(expect, ours, _):
        found = reserving.limit_itself(ours, kind)
        expect.holds(found["thread_works"] == 1, "a thread starts after setrlimit")
        expect.at_most("part of the limit that malloc gives", found["part"], 1.05)
        expect.at_least("part of the limit that malloc gives", found["part"], 0.85)
    return check


def beyond_ram(expect, ours, _):
    found = reserving.beyond_ram(ours)
    expect.holds(found["refused"] == 1, "malloc of four times the RAM is refused")
    expect.holds(found["errno_is_enomem"] == 1, "with ENOMEM")


# Freed memory goes back.

def one_block(expect, ours, _):
    expect.at_most("left of 256", returning.one_block(ours, 256)["left_mib"], 4)


def vector(expect, ours, _):
    # The last growth copies 128 MiB from one buffer to the next.
    found = returning.vector(ours, 175)
    expect.at_most("peak of a vector of 175", found["peak_mib"], 256 * 1.1 + 8)
    expect.at_most("left", found["left_mib"], 4)


def python_one(expect, ours, _):
    expect.at_most("left of 200", returning.python_bytes(ours, 1, 200)["left_mib"], 4)


def python_many(expect, ours, _):
    expect.at_most("left of 200", returning.python_bytes(ours, 200, 1)["left_mib"], 8)


def free_untouched(expect, ours, system):
    theirs = returning.free_untouched(system)
    found = returning.free_untouched(ours)
    times = ", ".join(f"{time:.0f}" for time in found["times_us"])
    expect.at_most(f"growth of the times ({times} us)", found["growth"], 3 * found["steps"])
    expect.at_most("times the system's", found["last_us"] / max(theirs["last_us"], 500), 20)


def ended_threads(expect, ours, _):
    count = 2000
    bound = count * 2.5 / KIB + 4
    found = returning.ended_threads(ours, count)
    expect.at_most(f"left of {count} threads", found["left_mib"], bound)
    expect.at_most("after malloc_trim", found["trimmed_mib"], bound)


def aligned(expect, ours, _):
    found = returning.aligned(ours, 50, rounds=500)
    expect.at_most("peak of 100 live", found["peak_mib"], 1.05 * found["live_mib"] + 8)


# Blocks in the caches of threads that sleep come back only with trim, so that shapes with sleeping threads have no bound.
AWAKE = ("one", "ended")


def burst(size):
    def check(expect, ours, _):
        for shape, left in returning.bursts(ours, [size], 48, by=AWAKE).items():
            expect.at_most(f"left of 48, {shape}", left, 8.5)
    return check


def burst_limited(expect, ours, _):
    """Where the address space is limited, a part of the burst comes from further heaps."""
    limit = ((resource.RLIMIT_AS, 330 << 20),)
    for shape, left in returning.bursts(ours, ["mixed"], 150, by=AWAKE, limits=limit).items():
        expect.at_most(f"left of 150, {shape}", left, 8.5)


# Untouched memory stays untouched.

def partly(expect, ours, kind, count, size):
    """`count` blocks, of which a page each is written."""
    found = touching.partly(ours, kind, count, size, 100)
    bound = 1.15 * count * PAGE_MIB + 8
    expect.at_most(f"{count} of {size // KIB} KiB", found["resident_mib"], bound)


def malloc_partly(expect, ours, _):
    partly(expect, ours, "malloc", 5000, 32 * KIB)


def calloc_partly(expect, ours, _):
    for count, size in ((8000, 8), (2000, 32), (1000, 64), (200, 512), (25, 4096)):
        partly(expect, ours, "calloc", count, size * KIB)


def calloc_again(expect, ours, _):
    expect.at_most("resident of 128", touching.calloc_again(ours, 128)["resident_mib"], 4)


def python_files(expect, ours, _):
    found = touching.open_files(ours, 900)
    expect.at_most("900 open files", found["resident_mib"], 900 * 6 / KIB + 8)


def python_streams(expect, ours, _):
    found = touching.open_streams(ours, 2000)
    expect.at_most("2000 streams", found["resident_mib"], 2000 * 14 / KIB + 8)


def haproxy(expect, ours, system):
    theirs = touching.haproxy(system)
    found = touching.haproxy(ours)
    expect.at_most("resident", found["resident_mib"], 1.5 * theirs["resident_mib"])


def sandbox(expect, ours, _):
    expect.holds(touching.sandbox(ours)["works"] == 1, "only glibc's system calls")


def footprint(expect, ours, system):
    """Code, tables and metadata of a process with a few small blocks."""
    theirs = touching.footprint(system)
    found = touching.footprint(ours)
    expect.at_most("KiB of the library's file", found["library_kib"], LIBRARY_KIB)
    expect.at_most("of them cold, see cmake/layout.ld", found["behind_code_kib"], 0)
    expect.at_most("KiB written", found["anonymous_kib"], theirs["anonymous_kib"] + WRITTEN_KIB)
    expect.at_most("KiB of a thread", touching.idle_threads(ours)["thread_kib"], IDLE_THREAD_KIB)


def huge_pages_tiny(expect, ours, system):
    theirs = touching.tiny(system)
    found = touching.tiny(ours)
    expect.at_most("a tiny program", found["anonymous_mib"], theirs["anonymous_mib"] + 4)


def huge_pages_threads(expect, ours, _):
    expect.at_most("KiB of a thread", touching.threads(ours)["thread_kib"], THREAD_KIB)


def huge_pages_forecast(expect, ours, system):
    theirs = touching.tiny_forecast(system)
    found = touching.tiny_forecast(ours)
    expect.at_most("a tiny program", found["anonymous_mib"], theirs["anonymous_mib"] + 4)
    expect.at_most("KiB of a thread", touching.threads_forecast(ours)["thread_kib"], THREAD_KIB)


ALL = {check.__name__: check for check in (
    crash, crash_pipe, gcore, lock, charge, charge_strict, beyond_ram,
    one_block, vector, python_one, python_many, free_untouched, ended_threads, aligned,
    burst_limited, malloc_partly, calloc_partly, calloc_again, python_files, python_streams, haproxy, sandbox,
    footprint, huge_pages_tiny, huge_pages_threads, huge_pages_forecast)}
ALL |= {f"address_limit_{gib}": address_limit(gib) for gib in (8, 64)}
ALL |= {f"limit_itself_{kind}": limit_itself(kind) for kind in ("as", "data")}
ALL |= {f"burst_{size}": burst(size) for size in returning.SIZES}
