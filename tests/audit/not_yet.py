"""The files that still break a rule: in not_yet.txt, one line each, `path: rule…`. The list must shrink.

These rules are not checked for a listed file. A file without faults must leave the list: `audit.py --update ROOT` removes
it, and adds none.
"""
FILE = "tests/audit/not_yet.txt"
RULES = ("words", "figures", "sentences", "widths", "identifiers", "references", "homes")


def read(project):
    """path -> rules"""
    file = project.find(FILE)
    listed = {}
    for line in file.text.splitlines() if file is not None else ():
        path, _, rules = line.partition(":")
        listed[path] = set(rules.split())
    return listed


def text_of(listed):
    return "".join(f"{path}: {' '.join(sorted(rules))}\n" for path, rules in sorted(listed.items()) if rules)


def split(project, rule, faults):
    """A rule's faults in files that are not listed, and listed files without faults."""
    if rule not in RULES:
        return faults, []
    listed = {path for path, rules in read(project).items() if rule in rules}
    at_fault = {fault.split(":")[0] for fault in faults}
    return [fault for fault in faults if fault.split(":")[0] not in listed], sorted(listed - at_fault)
