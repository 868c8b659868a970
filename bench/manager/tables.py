#!/usr/bin/env python3
"""Prints the tables of docs/benchmarks.md from the output of ashlar_manager_bench.

usage: tables.py [--cpu] FILE.json…    files of --benchmark_out; where several have the same measurement, the median
--cpu: by processor time instead of the clock's, for measurements of one thread beside others' work
"""
import json
import re
import statistics
import sys

SUBJECTS = ("tlsf", "tlsf_slabs", "tlsf_locked", "first_fit", "next_fit", "best_fit", "worst_fit", "ordered_best_fit", "buddy",
            "linear", "ring", "boost_rbtree", "boost_seq")
COMPARED = ("tlsf", "tlsf_slabs")  # with boost_rbtree
SIZES = ("fixed", "uniform", "power", "mixed")


def read(paths, cpu):
    """{(use, subject, sizes, live, threads): operations a second}"""
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            runs = json.load(file)["benchmarks"]
        for run in runs:
            if run.get("error_occurred"):
                raise SystemExit(f"{path}: {run['name']}: {run['error_message']}")
            if run.get("run_type") == "aggregate" or not run["name"].startswith(("one", "many")):
                continue
            use, subject, sizes, live, rest = (run["name"] + "/").split("/", 4)
            threads = re.search(r"threads:(\d+)", rest)
            key = (use, subject, sizes, int(live), int(threads[1]) if threads else 1)
            found.setdefault(key, []).append(1e9 / run["cpu_time"] if cpu else run["items_per_second"])
    return {key: statistics.median(values) for key, values in found.items()}


def table(title, rows, figure):
    """rows: [(name, {subject: operations a second})]"""
    subjects = [subject for subject in SUBJECTS if any(subject in row for _, row in rows)]
    compared = [subject for subject in COMPARED if subject in subjects and "boost_rbtree" in subjects]
    print("| " + " | ".join([title, *subjects, *(f"{subject} : boost_rbtree" for subject in compared)]) + " |")
    print("|---" * (len(subjects) + len(compared) + 1) + "|")
    for name, row in rows:
        cells = [figure(row[subject]) if subject in row else "" for subject in subjects]
        cells += [f"{row[subject] / row['boost_rbtree']:.1f}" if {subject, "boost_rbtree"} <= row.keys() else ""
                  for subject in compared]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print()


def main(arguments):
    paths = [argument for argument in arguments if argument != "--cpu"]
    if not paths:
        raise SystemExit(__doc__)
    groups = {}
    found = read(paths, cpu=paths != arguments)
    for use, subject, sizes, live, threads in sorted(found, key=lambda key: (SIZES.index(key[2]), key[3:])):
        groups.setdefault(use, {}).setdefault((sizes, live, threads), {})[subject] = found[use, subject, sizes, live, threads]
    for use, group in groups.items():
        one = use.startswith("one")
        rows = [(f"{sizes}, {live:,}" if one else f"{sizes}, {threads}", row) for (sizes, live, threads), row in group.items()]
        table(f"{use}, ns" if one else f"{use}, million/s", rows,
              (lambda rate: f"{1e9 / rate:.0f}") if one else (lambda rate: f"{rate / 1e6:.2f}"))


if __name__ == "__main__":
    main(sys.argv[1:])
