#!/usr/bin/env python3
"""usage: check.py --library LIBASHLAR --program ASHLAR_SYSTEM SITUATION...

Runs programs under the drop-in in a situation, and compares their cost with a bound: of the live
bytes, or of the system's malloc in the same situation. Prints each value. Status 1: a value exceeds
its bound. Status 77: the machine does not allow the situation.
"""
import argparse
import sys

import bounds
from machine import Skipped
from subject import SKIPPED, Failed, Subject


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--keep-going", action="store_true", help="all situations, then the status")
    parser.add_argument("situation", nargs="*", choices=[*bounds.ALL, []],
                        help="none: list them")
    options = parser.parse_args()
    ours = Subject("Ashlar", options.library, options.program)
    system = Subject("the system's malloc", "", options.program)
    status = 0
    for name in options.situation or print("\n".join(bounds.ALL)) or ():
        status = max(status, check(name, ours, system), key=(0, SKIPPED, 1).index)
        if status != 0 and not options.keep_going:
            break
    return status


def check(name, ours, system):
    expect = bounds.Expect()
    try:
        bounds.ALL[name](expect, ours, system)
    except Skipped as why:
        print(f"{name}: skipped: {why}")
        return SKIPPED
    except Failed as why:
        expect.fail(str(why))
    for line in expect.lines:
        print(f"{name}: {line}")
    return 1 if expect.failed else 0


if __name__ == "__main__":
    sys.exit(main())
