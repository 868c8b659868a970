#!/usr/bin/env python3
"""Tells a real change from noise between two results of bench/run.sh: BEFORE.json and AFTER.json.

For each workload and real program, and each figure (time, CPU time, peak memory, memory after idling), the rounds of one
allocator in both files are compared. A change is reported only if all of these hold:

  - Welch's t-test of the logarithms finds it. Benjamini and Hochberg's correction for the number of tests keeps the
    share of false reports at 5%.
  - Mann and Whitney's rank test, which an outlier cannot mislead, agrees at 5%. With too few rounds for that, all rounds
    of one file are below all of the other.
  - The medians differ by more than --least (3%), and by more than 95% of the changes of those allocators that are the
    same in both files, which only the machine can have caused.

Exit status: 0 no regression, 1 a regression, 2 the files can't be compared.
"""
import argparse
import math
import statistics
import sys
from collections import namedtuple

from report import figures, noise, records
from report.allocators import SUBJECT

LEVEL = 0.05
KINDS = (("workloads", figures.WORKLOAD_METRICS), ("programs", figures.PROGRAM_METRICS))
Change = namedtuple("Change", "name metric before after ratio p rank_p real")


def samples(data, allocator):
    """(name, metric) -> figures of all rounds, if there are at least two and all are above zero."""
    result = {}
    for kind, metrics in KINDS:
        for name, one in data.get(kind, {}).items():
            for metric in metrics:
                found = figures.values(one["runs"].get(allocator, []), metric.key)
                if len(found) > 1 and min(found) > 0:
                    result[name, metric] = found
    return result


def ratio_of(before, after):
    return statistics.median(after) / statistics.median(before)


def controls(before, after, subject):
    """Allocators that are in both files, from the same version of the same package."""
    def known(data):
        return {name: (one["package"], one["version"]) for name, one in data["allocators"].items() if one["version"]}
    first, second = known(before), known(after)
    return [name for name in first if name != subject and second.get(name) == first[name]]


def drift(before, after, names):
    """metric -> the ratio that 95% of the controls' changes stay within; 1 without controls."""
    moves = {}
    for name in names:
        first, second = samples(before, name), samples(after, name)
        for key in first.keys() & second.keys():
            moves.setdefault(key[1], []).append(abs(math.log(ratio_of(first[key], second[key]))))
    return {metric: math.exp(noise.quantile(found, 0.95)) for metric, found in moves.items()}


def ranks_agree(before, after, p):
    apart = max(before) < min(after) or max(after) < min(before)
    return p <= LEVEL or (apart and 2 / math.comb(len(before) + len(after), len(before)) > LEVEL)


def changes(before, after, subject=SUBJECT, least=0.03):
    """Every possible comparison, the worst first, and the drift by metric."""
    first, second = samples(before, subject), samples(after, subject)
    keys = [key for key in first if key in second]
    floor = drift(before, after, controls(before, after, subject))
    ps = [noise.welch_p(*([math.log(value) for value in of[key]] for of in (first, second))) for key in keys]
    found = []
    for key, p in zip(keys, noise.adjusted(ps)):
        ratio = ratio_of(first[key], second[key])
        rank_p = noise.rank_p(first[key], second[key])
        limit = max(1 + least, floor.get(key[1], 1.0))
        real = p <= LEVEL and ranks_agree(first[key], second[key], rank_p) and max(ratio, 1 / ratio) > limit
        found.append(Change(*key, statistics.median(first[key]), statistics.median(second[key]), ratio, p, rank_p, real))
    return sorted(found, key=lambda change: -change.ratio), floor


def print_changes(title, found):
    print(f"\n{title}: {len(found) or 'none'}")
    for change in found:
        factor, unit = change.metric.factor, change.metric.unit
        print(f"  {change.name:28}{change.metric.title:42}{figures.number_text(change.before * factor):>9} -> "
              f"{figures.number_text(change.after * factor):>8} {unit:4}{change.ratio:7.3f}   p {change.p:.1e}, "
              f"ranks {change.rank_p:.1e}")


def parse_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--allocator", default=SUBJECT, metavar="NAME",
                        help=f"the allocator whose changes to report (default: {SUBJECT})")
    parser.add_argument("--least", type=float, default=0.03, metavar="SHARE",
                        help="ignore smaller changes (default: 0.03)")
    parser.add_argument("--all", action="store_true", help="print every comparison")
    return parser.parse_args(words)


def main(words):
    options = parse_arguments(words)
    try:
        before, after = records.load(options.before), records.load(options.after)
    except (OSError, ValueError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    if before["scale"] != after["scale"]:
        print(f"compare: the scales differ: {before['scale']} and {after['scale']}", file=sys.stderr)
        return 2
    for key in ("processor", "cores", "kernel", "transparent_hugepages", "libc"):
        first, second = before["machine"].get(key), after["machine"].get(key)
        if first != second:
            print(f"compare: the machines differ: {key.replace('_', ' ')}: {first} and {second}", file=sys.stderr)
    found, floor = changes(before, after, options.allocator, options.least)
    if not found:
        print(f"compare: there is nothing to compare: {options.allocator} needs two rounds of something in both",
              file=sys.stderr)
        return 2
    print(f"{options.allocator}: {before['commit']} -> {after['commit']}, {len(found)} comparisons, "
          f"{before['rounds']} and {after['rounds']} rounds")
    for metric, limit in sorted(floor.items()):
        print(f"  {metric.title}: what did not change moved by up to {100 * (limit - 1):.1f}% (95% of it)")
    if options.all:
        print_changes("All", found)
    worse = [change for change in found if change.real and change.ratio > 1]
    print_changes("Worse", worse)
    print_changes("Better", [change for change in reversed(found) if change.real and change.ratio < 1])
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
