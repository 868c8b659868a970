"""usage: audit.py [--rule NAME]… ROOT: says where the sources break a rule of the house; status 1 where they do."""
import argparse
import sys

import orderings
import source
import structure
import substance

RULES = {rule.__name__: rule for rule in (
    structure.includes, structure.links, structure.headers, structure.conditionals, structure.sizes, orderings.orderings,
    orderings.accesses, substance.forbidden, substance.library_calls, substance.races, substance.marks)}


def main():
    parser = argparse.ArgumentParser(description="Checks the sources against the rules of the house.")
    parser.add_argument("--rule", action="append", choices=sorted(RULES), help="only this one; may be given again")
    parser.add_argument("root")
    arguments = parser.parse_args()
    project = source.Project(arguments.root)
    if not project.cpp("src"):
        sys.exit(f"{arguments.root}: no sources in it")
    faults = 0
    for name in arguments.rule or RULES:
        found = sorted(set(RULES[name](project)))
        faults += len(found)
        if found:
            print(f"{name}: {RULES[name].__doc__}")
        for line in found:
            print(f"  {line}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
