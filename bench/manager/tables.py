#!/usr/bin/env python3
"""Prints the tables of bench/README.md out of what ashlar_manager_bench wrote.

usage: tables.py FILE.json…    files of --benchmark_out; where several have the same measurement, the median
"""
import json
import re
import statistics
import sys

SUBJECTS = ("tlsf", "tlsf_locked", "first_fit", "next_fit", "best_fit", "worst_fit", "ordered_best_fit", "buddy",
            "boost_rbtree", "boost_seq")
SIZES = ("fixed", "uniform", "power", "mixed")


def read(paths):
    """{(use, subject, sizes, live, threads): operations a second}"""
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            runs = json.load(file)["benchmarks"]
        for run in runs:
            if run.get("error_occurred"):
                raise SystemExit(f"{path}: {run['name']}: {run['error_message']}")
            if run.get("run_type") == "aggregate":
                continue
            use, subject, sizes, live, rest = (run["name"] + "/").split("/", 4)
            threads = re.search(r"threads:(\d+)", rest)
            key = (use, subject, sizes, int(live), int(threads[1]) if threads else 1)
            found.setdefault(key, []).append(run["items_per_second"])
    return {key: statistics.median(values) for key, values in found.items()}


def table(title, rows, subjects, figure, ratio):
    """rows: [(name, {subject: operations a second})]"""
    subjects = [subject for subject in subjects if any(subject in row for _, row in rows)]
    print(f"| {title} | " + " | ".join(subjects) + " | tlsf : boost_rbtree |")
    print("|---" * (len(subjects) + 2) + "|")
    for name, row in rows:
        cells = [figure(row[subject]) if subject in row else "" for subject in subjects]
        cells.append(f"{ratio(row):.1f}" if {"tlsf", "boost_rbtree"} <= row.keys() else "")
        print(f"| {name} | " + " | ".join(cells) + " |")
    print()


def main(paths):
    if not paths:
        raise SystemExit(__doc__)
    groups = {}
    found = read(paths)
    for use, subject, sizes, live, threads in sorted(found, key=lambda key: (SIZES.index(key[2]), key[3:])):
        groups.setdefault(use, {}).setdefault((sizes, live, threads), {})[subject] = found[use, subject, sizes, live, threads]
    for use, group in groups.items():
        one = use.startswith("one")
        rows = [(f"{sizes}, {live:,}" if one else f"{sizes}, {threads}", row) for (sizes, live, threads), row in group.items()]
        table(f"{use}, ns" if one else f"{use}, million/s", rows, SUBJECTS,
              (lambda rate: f"{1e9 / rate:.0f}") if one else (lambda rate: f"{rate / 1e6:.2f}"),
              lambda row: row["tlsf"] / row["boost_rbtree"])


if __name__ == "__main__":
    main(sys.argv[1:])
