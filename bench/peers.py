#!/usr/bin/env python3
"""Compares Ashlar with the allocators installed on this machine.

Every workload of ashlar_workloads runs under every allocator by LD_PRELOAD, in turn, for some rounds; all run the very
same program, with everybody's default settings. Medians are compared with the best of the four peers on each workload.
"""
import argparse
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PEERS = {
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "tbbmalloc": "libtbbmalloc_proxy.so.2",
}
TIME_LIMIT_RATIO = 1.15
MEMORY_LIMIT_RATIO = 1.10
LIBRARY_FOLDERS = [f"/usr/lib/{platform.machine()}-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"]


def find_library(name):
    """The path of an installed library, or None."""
    for folder in LIBRARY_FOLDERS:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    return None


def find_allocators(options):
    """Name -> path of the library, "" for the system's malloc; in the order of the table."""
    found = {"glibc": ""}
    for name, library in PEERS.items():
        path = find_library(library)
        if path:
            found[name] = path
        else:
            print(f"peers: {name} is not installed ({library}); going on without it", file=sys.stderr)
    if os.path.exists(options.ashlar):
        found["ashlar"] = os.path.abspath(options.ashlar)
    else:
        print(f"peers: {options.ashlar} does not exist (build it, or --ashlar PATH); going on without it",
              file=sys.stderr)
    for extra in options.lib:
        name, _, path = extra.partition("=")
        if not os.path.exists(path):
            sys.exit(f"peers: --lib {extra}: no such file (NAME=PATH is wanted)")
        found[name] = os.path.abspath(path)
    if options.allocators:
        wanted = options.allocators.split(",")
        unknown = [name for name in wanted if name not in found]
        if unknown:
            sys.exit(f"peers: no allocator is called {', '.join(unknown)} (there are {', '.join(found)})")
        found = {name: found[name] for name in wanted}
    return found


def environment(library):
    """The caller's environment without its allocators' settings, with one preload."""
    settings = re.compile(r"LD_PRELOAD|MALLOC_|MIMALLOC_|TCMALLOC_|TBB_|ASHLAR_|GLIBC_TUNABLES")
    result = {name: value for name, value in os.environ.items() if not settings.match(name)}
    if library:
        result["LD_PRELOAD"] = library
    return result


class Progress:
    """One line on stderr that is written over, where stderr is a terminal."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.shown = sys.stderr.isatty()

    def step(self, what):
        self.done += 1
        if self.shown:
            print(f"\r\033[K{self.done}/{self.total} {what}", end="", file=sys.stderr, flush=True)

    def end(self):
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def run_once(program, workload, scale, library, limit):
    """One run: the program's own figures, or a dictionary with the key "error"."""
    command = [program, workload, "--scale", str(scale)]
    try:
        done = subprocess.run(command, env=environment(library), capture_output=True, text=True, timeout=limit,
                              check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {limit} s"}
    if done.returncode != 0:
        message = done.stderr.strip().splitlines()
        return {"error": f"exit status {done.returncode}: {message[-1] if message else 'no message'}"}
    result = json.loads(done.stdout)
    if library and os.path.realpath(result["malloc"]) != os.path.realpath(library):
        return {"error": f"malloc came from {result['malloc']}"}
    return result


def run_all(options, allocators, workloads):
    """workload -> allocator -> list of results, one a round. The order of allocators rotates, so that a slow spell of
    the machine does not always meet the same one."""
    names = list(allocators)
    results = {workload: {name: [] for name in names} for workload in workloads}
    progress = Progress(options.rounds * len(workloads) * len(names))
    for turn in range(options.rounds):
        for number, workload in enumerate(workloads):
            shift = (turn + number) % len(names)
            for name in names[shift:] + names[:shift]:
                progress.step(f"{workload} {name}")
                outcome = run_once(options.program, workload, options.scale, allocators[name], options.limit)
                results[workload][name].append(outcome)
    progress.end()
    return results


def errors_of(results):
    """Lines about runs that failed, and about workloads whose checksums differ between allocators."""
    lines = []
    for workload, by_allocator in results.items():
        checksums = set()
        for name, runs in by_allocator.items():
            failed = [run["error"] for run in runs if "error" in run]
            if failed:
                lines.append(f"{workload} under {name}: {len(failed)} of {len(runs)} runs failed: {failed[0]}")
            checksums |= {run["checksum"] for run in runs if "error" not in run}
        if len(checksums) > 1:
            lines.append(f"{workload}: checksums differ: {', '.join(sorted(checksums))}")
    return lines


def figure(runs, key, pick):
    """A figure over all rounds; None if any of them failed."""
    if not runs or any("error" in run for run in runs):
        return None
    return pick([run[key] for run in runs])


def row_of(by_allocator, key, pick):
    return {name: figure(runs, key, pick) for name, runs in by_allocator.items()}


def ratio_to_best(row, subject):
    """(subject's figure / the best peer's, that peer's name), or (None, "")."""
    peers = {name: row[name] for name in PEERS if row.get(name)}
    if not peers or not row.get(subject):
        return None, ""
    best = min(peers, key=peers.get)
    return row[subject] / peers[best], best


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def text_of(value):
    if value is None:
        return "failed"
    return f"{value:,.1f}" if value < 10000 else f"{value:,.0f}"


def print_table(title, results, allocators, key, scale, subject):
    """One line a workload, the worst ratio first; "(least)" is the ratio between the best rounds, which noise disturbs
    less than it does medians. Returns the ratios by workload."""
    print(f"\n{title}\n")
    names = "".join(f"{name:>12}" for name in allocators)
    print(f"{'workload':26}{names}{'ratio':>9}{'(least)':>11}  best peer")
    lines = []
    ratios = {}
    for workload, by_allocator in results.items():
        medians = row_of(by_allocator, key, statistics.median)
        ratio, best = ratio_to_best(medians, subject)
        least, _ = ratio_to_best(row_of(by_allocator, key, min), subject)
        cells = "".join(f"{text_of(value and value * scale):>12}" for value in medians.values())
        tail = f"{ratio:9.2f}{f'({least:.2f})':>11}  {best}" if ratio else f"{'-':>9}{'-':>11}"
        lines.append((ratio or 0, f"{workload:26}{cells}{tail}"))
        if ratio:
            ratios[workload] = ratio
    for _, line in sorted(lines, key=lambda item: -item[0]):
        print(line)
    return ratios


def print_means(results, allocators, key):
    """Every allocator's geometric mean of the ratio to the best peer, over the workloads that all have done."""
    sums = {name: [] for name in allocators}
    for by_allocator in results.values():
        medians = row_of(by_allocator, key, statistics.median)
        if any(value is None for value in medians.values()):
            continue
        for name in allocators:
            ratio, _ = ratio_to_best(medians, name)
            if ratio:
                sums[name].append(ratio)
    cells = [f"{name} {geometric_mean(ratios):.3f}" for name, ratios in sums.items() if ratios]
    count = max((len(ratios) for ratios in sums.values()), default=0)
    if cells:
        print(f"\ngeometric mean of the ratio to the best peer, over {count} workloads: " + ", ".join(cells))


def print_over(ratios, limit, what, subject):
    over = sorted(((ratio, workload) for workload, ratio in ratios.items() if ratio > limit), reverse=True)
    if not ratios:
        return
    names = ", ".join(f"{workload} {ratio:.2f}" for ratio, workload in over) or "none"
    print(f"{subject} over {limit:.2f} of the best peer's {what}: {len(over)} of {len(ratios)}: {names}")


def compare_workloads(options, allocators):
    listing = subprocess.run([options.program, "--list"], capture_output=True, text=True, check=True).stdout
    workloads = [line.split()[0] for line in listing.splitlines()]
    workloads = [name for name in workloads if re.search(options.only, name)]
    if not workloads:
        sys.exit(f"peers: no workload matches {options.only}")
    results = run_all(options, allocators, workloads)
    time_key, time_scale, unit = ("ns_per_operation", 1, "wall time")
    if options.cpu:
        time_key, time_scale, unit = ("cpu_ns", 1, "CPU time of all threads")
        for runs in (runs for row in results.values() for runs in row.values()):
            for run in (run for run in runs if "error" not in run):
                run["cpu_ns"] = 1e9 * run["cpu_seconds"] / run["operations"]
    tables = [
        (f"Nanoseconds per operation ({unit})", time_key, time_scale, TIME_LIMIT_RATIO, "time"),
        ("Peak memory in MiB (VmHWM)", "peak_kib", 1 / 1024, MEMORY_LIMIT_RATIO, "peak memory"),
    ]
    for title, key, scale, limit, what in tables:
        ratios = print_table(f"{title}, median of {options.rounds}", results, allocators, key, scale, options.subject)
        print_means(results, allocators, key)
        print_over(ratios, limit, what, options.subject)
    errors = errors_of(results)
    for line in errors:
        print(f"peers: {line}", file=sys.stderr)
    return results, errors


def compare_startup(options, allocators):
    """Wall time and peak memory of the program `true`, started many times."""
    program = os.path.join(os.path.dirname(options.program), "ashlar_startup")
    results = {name: [] for name in allocators}
    for turn in range(options.rounds):
        names = list(allocators)
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            command = [program, str(options.starts), allocators[name], "true"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=options.limit)
            results[name].append(json.loads(done.stdout))
    print(f"\nStart-up of `true`: {options.rounds} rounds of {options.starts} starts\n")
    print(f"{'allocator':12}{'mean us':>10}{'least us':>10}{'peak KiB':>10}")
    for name, runs in results.items():
        mean, least, peak = (figure(runs, key, statistics.median) for key in ("mean_us", "least_us", "peak_kib"))
        print(f"{name:12}{mean:10.1f}{least:10.1f}{peak:10.0f}")
    return results


def count_instructions(program, rounds, library):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, str(rounds)]
    done = subprocess.run(command, env=environment(library), capture_output=True, text=True, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    return int(found.group(1)) if done.returncode == 0 and found else None


def compare_instructions(options, allocators):
    """Instructions of one malloc and free of 64 bytes: the difference of two counts, so that start-up cancels out."""
    program = os.path.join(os.path.dirname(options.program), "ashlar_pair64")
    few, many = 10_000, 110_000
    print("\nInstructions for malloc and free of 64 bytes (callgrind; the loop and the calls included)\n")
    results = {}
    for name, library in allocators.items():
        counts = [count_instructions(program, rounds, library) for rounds in (few, many)]
        results[name] = None if None in counts else (counts[1] - counts[0]) / (many - few)
        shown = "does not run under valgrind" if results[name] is None else f"{results[name]:10.2f}"
        print(f"{name:12}{shown}", flush=True)
    return results


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build = os.path.join(ROOT, "build", "release")
    parser.add_argument("--ashlar", default=os.path.join(build, "src", "libashlar.so"), help="the drop-in library")
    parser.add_argument("--program", default=os.path.join(build, "bench", "ashlar_workloads"), help="the workloads")
    parser.add_argument("--lib", action="append", default=[], metavar="NAME=PATH", help="one more; repeatable")
    parser.add_argument("--allocators", metavar="A,B", help="only these")
    parser.add_argument("--subject", default="ashlar", help="whose ratio to the best peer is shown (default: ashlar)")
    parser.add_argument("--only", default="", metavar="REGEX", help="only workloads whose name matches")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="how much work, 1 is about half a second each")
    parser.add_argument("--cpu", action="store_true", help="compare CPU time instead of wall time")
    parser.add_argument("--limit", type=float, default=300, metavar="SECONDS", help="give up on a run after this")
    parser.add_argument("--startup", action="store_true", help="compare the start-up of `true`, and nothing else")
    parser.add_argument("--instructions", action="store_true", help="count instructions of a pair, and nothing else")
    parser.add_argument("--starts", type=int, default=200, help="starts in a round of --startup")
    parser.add_argument("--no-startup", action="store_true", help="leave out the start-up comparison")
    parser.add_argument("--json", metavar="FILE", help="save all that was measured")
    return parser.parse_args()


def main():
    options = parse_arguments()
    options.program = os.path.abspath(options.program)
    if not os.path.exists(options.program):
        sys.exit(f"peers: {options.program} does not exist: build the target ashlar_workloads, or --program PATH")
    allocators = find_allocators(options)
    data = {"allocators": allocators, "rounds": options.rounds, "scale": options.scale, "kernel": platform.release()}
    errors = []
    if options.instructions:
        data["instructions"] = compare_instructions(options, allocators)
    elif options.startup:
        data["startup"] = compare_startup(options, allocators)
    else:
        data["workloads"], errors = compare_workloads(options, allocators)
        if not options.no_startup:
            data["startup"] = compare_startup(options, allocators)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
