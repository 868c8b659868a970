"""usage: audit.py [--rule NAME]… ROOT

Checks the sources against the rules of the project. Prints each fault. Status 1: there is one.
"""
import argparse
import sys

import names
import orderings
import prose
import settings
import source
import structure
import substance
import widths

RULES = {rule.__name__: rule for rule in (
    structure.includes, structure.links, structure.headers, structure.conditionals, structure.sizes, orderings.orderings,
    orderings.sides, orderings.edge_tests, orderings.accesses, substance.forbidden, substance.library_calls, substance.races,
    substance.marks, prose.words, prose.figures, prose.sentences, widths.widths, widths.comment_widths, names.identifiers,
    names.references, names.excuses, names.homes, settings.settings)}


def check(project, rule):
    """The rule's faults, each once, in order."""
    return sorted(set(RULES[rule](project)))


def main():
    parser = argparse.ArgumentParser(description="Checks the sources against the rules of the project.")
    parser.add_argument("--rule", action="append", choices=sorted(RULES), help="check only this rule; repeatable")
    parser.add_argument("root")
    arguments = parser.parse_args()
    project = source.Project(arguments.root)
    if not project.cpp("src"):
        sys.exit(f"audit.py: {arguments.root} has no sources")
    faults = 0
    for rule in arguments.rule or RULES:
        found = check(project, rule)
        faults += len(found)
        if found:
            print(f"{rule}: {RULES[rule].__doc__}")
        for line in found:
            print(f"  {line}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
