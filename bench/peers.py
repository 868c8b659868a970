#!/usr/bin/env python3
"""Compares Ashlar with the allocators installed on this machine, on a terminal; bench/run.sh makes a report.

Every workload of ashlar_workloads runs under every allocator by LD_PRELOAD, in turn, for some rounds. All run the same
program, in their default settings. For each workload the median is compared with that of the best of the four peers.
"""
import argparse
import json
import os
import platform
import sys

from report import allocators, counts, figures, tables, workloads
from report.progress import Progress

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def find_allocators(options):
    peers = allocators.debian_peers()
    for name, library in allocators.PEERS.items():
        if name not in peers:
            print(f"peers: {name} is not installed ({library}); skipped", file=sys.stderr)
    if not os.path.exists(options.ashlar):
        print(f"peers: {options.ashlar} does not exist; skipped (build it, or give --ashlar PATH)", file=sys.stderr)
    only = options.allocators.split(",") if options.allocators else None
    return allocators.choose(options.ashlar, peers, options.lib, only)


def compare_workloads(options, chosen):
    listed = workloads.listed(options.program, options.only)
    progress = Progress()
    progress.expect(options.rounds * len(listed) * len(chosen))
    results = workloads.run_all(options.program, listed, chosen, ["--scale", str(options.scale)], options.limit, progress,
                                rounds=options.rounds, idle_rounds=0)
    progress.end()
    time = (figures.CPU, "CPU time of all threads") if options.cpu else (figures.TIME, "wall time")
    for metric, title, what in ((time[0], f"Nanoseconds per operation ({time[1]})", "time"),
                                (figures.PEAK, "Peak memory in MiB (VmHWM)", "peak memory")):
        ratios = tables.print_table(results, chosen, metric, f"{title}, median of {options.rounds}", options.subject,
                                    allocators.PEERS)
        tables.print_means(results, chosen, metric, allocators.PEERS)
        tables.print_over(ratios, metric, what, options.subject)
    errors = workloads.errors_of(results)
    for line in errors:
        print(f"peers: {line}", file=sys.stderr)
    return results, errors


def compare_startup(options, chosen):
    progress = Progress()
    progress.expect(options.rounds * len(chosen))
    results = counts.startup(os.path.dirname(options.program), chosen, options.rounds, options.starts, options.limit, progress)
    progress.end()
    tables.print_startup(results, options.rounds, options.starts)
    return results


def compare_instructions(options, chosen):
    progress = Progress()
    progress.expect(len(chosen))
    results = counts.instructions(os.path.dirname(options.program), chosen, progress)
    progress.end()
    if not results:
        raise allocators.Unusable("there is no valgrind to count instructions with")
    tables.print_instructions(results)
    return results


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build = os.path.join(ROOT, "build", "release")
    parser.add_argument("--ashlar", default=os.path.join(build, "src", "libashlar.so"), help="the drop-in library")
    parser.add_argument("--program", default=os.path.join(build, "bench", "ashlar_workloads"), help="the workloads")
    parser.add_argument("--lib", action="append", default=[], metavar="NAME=PATH", help="one more; repeatable")
    parser.add_argument("--allocators", metavar="A,B", help="only these")
    parser.add_argument("--subject", default="ashlar", help="show the ratio of this one to the best peer (default: ashlar)")
    parser.add_argument("--only", default="", metavar="REGEX", help="only workloads whose name matches")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="how much work, 1 is about a second each")
    parser.add_argument("--cpu", action="store_true", help="compare CPU time instead of wall time")
    parser.add_argument("--limit", type=float, default=300, metavar="SECONDS", help="give up on a run after this")
    parser.add_argument("--startup", action="store_true", help="compare the start-up of `true`, and nothing else")
    parser.add_argument("--instructions", action="store_true", help="count instructions of a pair, and nothing else")
    parser.add_argument("--starts", type=int, default=200, help="starts in a round of --startup")
    parser.add_argument("--no-startup", action="store_true", help="leave out the start-up comparison")
    parser.add_argument("--json", metavar="FILE", help="save all figures")
    return parser.parse_args()


def main():
    options = parse_arguments()
    options.program = os.path.abspath(options.program)
    if not os.path.exists(options.program):
        raise allocators.Unusable(f"{options.program} does not exist: build the target ashlar_workloads, or --program PATH")
    chosen = find_allocators(options)
    data = {"allocators": chosen, "rounds": options.rounds, "scale": options.scale, "kernel": platform.release()}
    errors = []
    if options.instructions:
        data["instructions"] = compare_instructions(options, chosen)
    elif options.startup:
        data["startup"] = compare_startup(options, chosen)
    else:
        data["workloads"], errors = compare_workloads(options, chosen)
        if not options.no_startup:
            data["startup"] = compare_startup(options, chosen)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
    return 1 if errors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except allocators.Unusable as why:
        sys.exit(f"peers: {why}")
