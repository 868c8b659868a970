"""The table of settings is the only place that names variables of the environment, and docs/tuning.md has each row of it."""
import re

TABLE = "src/malloc/settings/table.cpp"
DOCUMENT = "docs/tuning.md"
READERS = {"malloc/settings", "command"}
_LITERAL = r'"((?:\\.|[^"\\])*)"'
_ROW = re.compile(r"\{" + r",\s*".join([_LITERAL] * 5) + r",\s*Reader::")


def rows(project):
    """(name, default, unit, expected, effect) of each setting."""
    table = project.find(TABLE)
    return [match.groups() for match in _ROW.finditer(table.text)] if table else []


def settings(project):
    """docs/tuning.md describes each setting with its default, unit and effect; no other layer reads the environment."""
    found = rows(project)
    document = project.find(DOCUMENT)
    lines = document.lines if document else []
    for name, fallback, unit, _, effect in found:
        row = f"| `{name}` | {fallback} | {unit or '-'} | {effect} |"
        if row not in lines:
            yield f"{DOCUMENT}: no row {row}"
    names = {row[0] for row in found}
    for number, line in enumerate(lines, 1):
        for name in re.findall(r"^\| `(ASHLAR_\w+)` \| [^|]* \| [^|]* \| [^|]* \|$", line):
            if name not in names:
                yield f"{DOCUMENT}:{number}: {name} is not in {TABLE}"
    for file in project.cpp("src"):
        if file.layer in READERS:
            continue
        for number, line in enumerate(file.code_lines, 1):
            if re.search(r"\b(?:secure_)?getenv\s*\(|\benviron\b", line):
                yield f"{file.name}:{number}: reads the environment beside {TABLE}"
