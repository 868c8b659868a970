#!/usr/bin/env python3
"""usage: check.py

Checks that each text that an entry replaces is in its source exactly once. Status 1: one is not.
"""
import sys

import bugs
import cache_bugs
import collector_bugs
import edges
import guard_bugs
import guard_schedules
import idle_bugs
import inspect_bugs
import manager_bugs
import programs
import report_bugs
import check_bugs
import paranoid_bugs
import settings_bugs
import shared_bugs
import shared_programs
import small_blocks
from run import ROOT


def misfits(bug, olds):
    text = (ROOT / bug.file).read_text(encoding="utf-8")
    for old in olds:
        times = text.count(old)
        if times != 1:
            yield f"{bug.name}: {bug.file} has this text {times} times: {old!r}"


def main():
    tables = (bugs.BUGS, edges.EDGES, small_blocks.SMALL_BLOCKS, shared_bugs.SHARED, cache_bugs.BUGS, guard_schedules.BUGS,
              collector_bugs.BUGS, programs.ALL, manager_bugs.MANAGER, settings_bugs.BUGS, check_bugs.BUGS, guard_bugs.BUGS,
              report_bugs.BUGS, idle_bugs.BUGS, paranoid_bugs.BUGS, inspect_bugs.BUGS, shared_programs.SHARED)
    every = [bug for table in tables for bug in table]
    found = [line for bug in every for line in misfits(bug, [bug.old, *(old for old, _ in getattr(bug, "also", ()))])]
    names = [bug.name for bug in every]
    found += [f"{name}: two entries have this name" for name in sorted({name for name in names if names.count(name) > 1})]
    print("\n".join(found) or f"{len(every)} mutations fit their sources")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
