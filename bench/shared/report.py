#!/usr/bin/env python3
"""usage: ashlar_shared_bench | report.py

Makes Markdown tables of the benchmark's JSON lines. A ratio is the median over the rounds of Boost's time
divided by Ashlar's time in the same round. Processor time leaves out what processes waited for.
"""
import json
import statistics
import sys

PAIRS = (("ashlar", "boost"), ("ashlar-file", "boost-file"))


def times(lines, clock, title):
    found = {}
    for line in lines:
        found.setdefault((line["work"], line["processes"]), {}).setdefault(line["heap"], {})[line["round"]] = line[clock]
    print(f"\n| {title} of an operation | processes | Ashlar, ns | Boost, ns | ratio | file: Ashlar, ns | Boost, ns | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for (work, processes), heaps in found.items():
        cells = [work, str(processes)]
        for ours, theirs in PAIRS:
            rounds = heaps[ours].keys() & heaps[theirs].keys()
            ratio = statistics.median(heaps[theirs][i] / heaps[ours][i] for i in rounds)
            cells += [f"{statistics.median(heaps[heap].values()):.0f}" for heap in (ours, theirs)] + [f"{ratio:.1f}"]
        print("| " + " | ".join(cells) + " |")


def both_times(lines):
    times(lines, "cpu_ns", "processor time")
    times(lines, "ns", "time")


def memory(lines):
    found = {}
    for line in lines:
        found.setdefault(line["work"], {})[line["heap"]] = line
    print("\n| live set | asked for, MiB | Ashlar's file, MiB | Boost's file, MiB |\n|---|---|---|---|")
    for work, heaps in found.items():
        sizes = [heaps["ashlar"]["asked"], heaps["ashlar"]["full"], heaps["boost"]["full"]]
        print(f"| {work} | " + " | ".join(f"{size / 2**20:.1f}" for size in sizes) + " |")


def kills(lines):
    print("\n| heap | kills | survivors that worked | threw | hung | crashed |\n|---|---|---|---|---|---|")
    for line in lines:
        print("| " + " | ".join(str(line[key]) for key in ("heap", "kills", "worked", "threw", "hung", "died")) + " |")


def recovery(lines):
    spans = sorted(line["ns"] / 1000 for line in lines)
    print(f"\nrecovery of a dead process with {lines[0]['live']} live blocks: "
          f"median {statistics.median(spans):.0f} µs, longest {spans[-1]:.0f} µs, {len(spans)} runs")


def main():
    lines = [json.loads(line) for line in sys.stdin]
    for kind, table in (("time", both_times), ("memory", memory), ("recovery", recovery), ("kills", kills)):
        found = [line for line in lines if line["kind"] == kind]
        if found:
            table(found)


if __name__ == "__main__":
    main()
