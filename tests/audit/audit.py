"""usage: audit.py [--rule NAME]… [--update] ROOT

Checks the sources against the rules of the project. Prints each fault. Status 1: there is one.
"""
import argparse
import sys

import names
import not_yet
import orderings
import prose
import source
import structure
import substance
import widths

RULES = {rule.__name__: rule for rule in (
    structure.includes, structure.links, structure.headers, structure.conditionals, structure.sizes, orderings.orderings,
    orderings.sides, orderings.edge_tests, orderings.accesses, substance.forbidden, substance.library_calls, substance.races,
    substance.marks, prose.words, prose.figures, prose.sentences, widths.widths, widths.comment_widths, names.identifiers,
    names.references, names.excuses, names.homes)}


def check(project, rule):
    """The rule's faults, without those of files in not_yet.txt; an entry there without a fault is a fault too."""
    faults, idle = not_yet.split(project, rule, sorted(set(RULES[rule](project))))
    return faults + [f"{path}: has no fault, or is gone, but is in {not_yet.FILE}: run audit.py --update" for path in idle]


def update(project):
    """Removes files without faults from not_yet.txt, and adds files with narrow comments to comments_done.txt."""
    listed = not_yet.read(project)
    for rule in not_yet.RULES:
        for path in not_yet.split(project, rule, sorted(set(RULES[rule](project))))[1]:
            listed[path].discard(rule)
    (project.root / not_yet.FILE).write_text(not_yet.text_of(listed), encoding="utf-8")
    (project.root / widths.DONE).write_text(widths.updated(project), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Checks the sources against the rules of the project.")
    parser.add_argument("--rule", action="append", choices=sorted(RULES), help="check only this rule; repeatable")
    parser.add_argument("--update", action="store_true", help="first update not_yet.txt and comments_done.txt")
    parser.add_argument("root")
    arguments = parser.parse_args()
    project = source.Project(arguments.root)
    if not project.cpp("src"):
        sys.exit(f"audit.py: {arguments.root} has no sources")
    if arguments.update:
        update(project)
        project = source.Project(arguments.root)
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
