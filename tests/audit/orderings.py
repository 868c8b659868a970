"""Rules about atomics: the table and the code agree, and no access goes without its reason."""
import re

TABLE = "src/ORDERING.md"
LAYERS = {"base", "region", "spans", "arena", "depot", "cache", "faces", "ranges", "manager"}
ABOVE = 6

_TAG = re.compile(r"\[(E\d+)\]")
_ROW = re.compile(r"^\|\s*(E\d+)\s*\|")
_ACCESS = re.compile(r"\b(?:load|store|exchange|fetch_\w+|cas)\s*\(")
_ORDER = re.compile(r"\b(?:rlx|acq|rel|ar|sc)\b")
# What a reason names: an edge, an order, or who else could be there.
_REASON = re.compile(r"\[E\d+\]|relaxed|acquire|release|acq_rel|seq_cst|\bF\d\b|pairs with", re.I)


def orderings(project):
    """Each [E…] in the code is a row of the table, once, and each row is found in the code."""
    table = project.find(TABLE)
    if table is None:
        yield f"{TABLE}: not there"
        return
    rows = {}
    for number, line in enumerate(table.lines, 1):
        match = _ROW.match(line)
        if match and match[1] in rows:
            yield f"{TABLE}:{number}: {match[1]} has a row already"
        if match:
            rows.setdefault(match[1], number)
    if not rows:
        yield f"{TABLE}: no rows"
    used = set()
    for file in project.layer_files(LAYERS):
        for number, comment in enumerate(file.comment_lines, 1):
            for tag in _TAG.findall(comment):
                used.add(tag)
                if tag not in rows:
                    yield f"{file.name}:{number}: [{tag}] is no row of {TABLE}"
    for tag, number in rows.items():
        if tag not in used:
            yield f"{TABLE}:{number}: {tag} occurs nowhere in the code"


def _statement(file, line):
    """The statement that begins on this line, to its semicolon or five lines on."""
    text = "\n".join(file.code_lines[line - 1:line + 4])
    match = _ACCESS.search(text)
    depth = 0
    for position in range(match.end() - 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return text[match.start():position + 1]
    return text


def _comment_above(file, line):
    """The comment that ends just above this line."""
    found = []
    line -= 1
    while line >= 1 and file.comment_lines[line - 1] and not file.code_lines[line - 1].strip():
        found.append(file.comment_lines[line - 1])
        line -= 1
    return found


def has_reason(file, line):
    """Any comment on the line or within a few lines above; or one of its function's that speaks of orders."""
    if any(file.comment_lines[max(0, line - 1 - ABOVE):line]):
        return True
    function = file.function_at(line)
    if function is None:
        return False
    comments = _comment_above(file, function.first) + file.comment_lines[function.first - 1:function.last]
    return any(_REASON.search(comment) for comment in comments)


def accesses(project):
    """Every atomic access says why its order is enough: on its line, just above it, or once for its function."""
    found = 0
    for file in project.layer_files(LAYERS):
        for number, line in enumerate(file.code_lines, 1):
            if not _ACCESS.search(line) or file.name == "src/base/atomic.hpp":
                continue
            if not _ORDER.search(_statement(file, number)):
                continue
            found += 1
            if not has_reason(file, number):
                yield f"{file.name}:{number}: no reason given: {line.strip()}"
    if found == 0:
        yield "no atomic access was found: this rule looks for the wrong names"
