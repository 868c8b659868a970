"""Rules about atomics: docs/orderings.md and the code agree, and each access has its edge or its reason."""
import ast
import re

DOCUMENT = "docs/orderings.md"
MUTANTS = "tests/mutation/"
SCENARIOS = "tests/model/"
LAYERS = {"base", "core/region", "core/spans", "core/arena", "malloc/depot", "malloc/cache", "malloc/heap",
          "malloc/settings", "malloc/guards", "malloc/process", "malloc/api", "manager/ranges", "manager/base", "manager/slabs",
          "manager/collector", "manager/moves", "manager/engine", "manager/report", "manager/state", "manager/api",
          "shared/segment", "shared/blocks", "shared/names", "shared/recovery", "shared/api", "shared/users",
          "shared/manager"}
ABOVE = 6
FIELDS = ("Words", "Side one", "Side two", "Publishes", "Without it", "Test that catches it")

_TAG = re.compile(r"\[(E\d+)\]")
_HEADING = re.compile(r"^## (?:(E\d+) — \S|)")
_FIELD = re.compile(r"^- ([^:`]+): ")
_QUOTED = re.compile(r"`([^`]+)`")
# Functions that are given their order, too.
_ACCESS = re.compile(r"\b(?:load|store|exchange|fetch_\w+|cas|state|complete)\s*\(")
_ORDER = re.compile(r"\b(?:rlx|acq|rel|acq_rel|seq_cst)\b")
_EDGE = re.compile(r"\[E\d+\]|\[none: ")
_REASON = re.compile(r"\[E\d+\]|\[none: |relaxed", re.I)


class Section:
    def __init__(self, edge, number):
        self.edge = edge
        self.number = number
        self.fields = {}  # name -> text

    def names(self, field):
        return _QUOTED.findall(self.fields.get(field, ""))


def sections_of(document):
    found = []
    section = field = None
    for number, line in enumerate(document.lines, 1):
        heading = _HEADING.match(line)
        if heading:
            section = Section(heading[1], number) if heading[1] else None
            if section is not None:
                found.append(section)
            field = None
            continue
        if section is None:
            continue
        match = _FIELD.match(line)
        if match:
            field = match[1]
            section.fields[field] = line
        elif line.startswith("  ") and field is not None:
            section.fields[field] += "\n" + line
        else:
            field = None
    return found


def orderings(project):
    """Each [E…] in the code is a section of docs/orderings.md, once, and each section is found in the code."""
    document = project.find(DOCUMENT)
    if document is None:
        yield f"{DOCUMENT}: not there"
        return
    sections = {}
    for section in sections_of(document):
        if section.edge in sections:
            yield f"{DOCUMENT}:{section.number}: {section.edge} has a section already"
        sections.setdefault(section.edge, section)
    if not sections:
        yield f"{DOCUMENT}: no sections"
    used = set()
    for file in project.layer_files(LAYERS):
        for number, comment in enumerate(file.comment_lines, 1):
            for edge in _TAG.findall(comment):
                used.add(edge)
                if edge not in sections:
                    yield f"{file.name}:{number}: [{edge}] is no section of {DOCUMENT}"
    for edge, section in sections.items():
        if edge not in used:
            yield f"{DOCUMENT}:{section.number}: {edge} occurs nowhere in the code"


def _has_function(project, file, name):
    *scope, last = name.split("::")
    if not all(re.search(rf"\b{part}\b", file.code) for part in scope):
        return []
    return [function for function in file.functions if function.name.split("::")[-1] == last]


def _side(project, section, side):
    files = [project.find(name) for name in section.names(side) if "/" in name]
    if not files:
        yield "names no file"
    for name in section.names(side):
        if "/" in name and project.find(name) is None:
            yield f"there is no {name}"
    files = [file for file in files if file is not None]
    functions = [name for name in section.names(side) if "::" in name]
    if not functions:
        yield "names no function"
    tagged = False
    for name in functions:
        bodies = [(file, function) for file in files for function in _has_function(project, file, name)]
        if files and not bodies:
            yield f"none of its files defines {name}"
        for file, function in bodies:
            comments = _comment_above(file, function.first) + file.comment_lines[function.first - 1:function.last]
            tagged = tagged or any(f"[{section.edge}]" in comment for comment in comments)
    if files and functions and not tagged:
        yield f"none of its functions carries [{section.edge}]"


def sides(project):
    """Each section of docs/orderings.md has all its lines; both sides name existing functions with the edge."""
    document = project.find(DOCUMENT)
    for section in sections_of(document) if document is not None else ():
        for field in FIELDS:
            if field not in section.fields:
                yield f"{DOCUMENT}:{section.number}: {section.edge} has no line \"{field}: …\""
        for side in ("Side one", "Side two"):
            if side in section.fields:
                for fault in _side(project, section, side):
                    yield f"{DOCUMENT}:{section.number}: {section.edge}: {side}: {fault}"


def _mutants(project):
    """The names of the mutants, and whether a test finds each."""
    found = {}
    for file in project.files:
        if not file.name.startswith(MUTANTS) or file.path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(file.text)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or len(node.args) < 5:
                continue
            words = [argument.value if isinstance(argument, ast.Constant) else None for argument in node.args]
            if words[0] is None:
                continue
            if node.func.id == "weaker" and len(words) == 7:
                found[f"{words[0]}_{words[1]}"] = words[6] != ""
            elif node.func.id == "Bug":
                found[words[0]] = words[4] != ""
            elif node.func.id == "Mutation":
                found[words[0]] = True
    return found


def _tests(project):
    """Scenarios, and tests as Suite.Name."""
    found = set()
    for file in project.cpp("tests"):
        if file.name.startswith(SCENARIOS):
            found.update(re.findall(r'\{"(\w+\.\w+)"\}', file.text))
        found.update(".".join(pair) for pair in re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", file.text, re.M))
    return found


def edge_tests(project):
    """The test line of each edge names an existing scenario, test or mutant; an order that no test finds is argued."""
    document = project.find(DOCUMENT)
    if document is None:
        return
    mutants = _mutants(project)
    tests = _tests(project)
    prefixes = {test.split(".")[0] for test in tests}
    sections = {section.edge: section for section in sections_of(document)}
    for edge, section in sections.items():
        place = f"{DOCUMENT}:{section.number}: {edge}"
        line = section.fields.get("Test that catches it", "")
        known = 0
        for name in section.names("Test that catches it"):
            if name in mutants or name in prefixes or any(test.startswith(name) and "." in name for test in tests):
                known += 1
            elif "::" not in name:
                yield f"{place}: there is no test, scenario or mutant {name}"
        if known == 0 and not ("none; argued" in line and "Argued" in section.fields):
            yield f"{place}: names no test, and does not say \"none; argued in words\" with a line \"Argued: …\""
        for name in section.names("Argued"):
            if name.startswith(edge + "_") and mutants.get(name) is not False:
                yield f"{place}: argues for {name}, which {'a test finds' if name in mutants else 'does not exist'}"
    for name, is_found in mutants.items():
        edge = name.split("_")[0]
        if not re.fullmatch(r"E\d+", edge):
            continue
        if edge not in sections:
            yield f"{name}: {edge} is no section of {DOCUMENT}"
        elif not is_found and name not in sections[edge].names("Argued"):
            yield f"{DOCUMENT}:{sections[edge].number}: {edge}: no test finds {name}, and it is not argued"


def _statement(file, line):
    """The access that begins on this line, to its closing parenthesis or five lines on."""
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


def is_explained(file, line, relaxed):
    """Whether a comment on the line or just above it has the text; for a relaxed access also one in its function."""
    wanted = _REASON if relaxed else _EDGE
    if any(wanted.search(comment) for comment in file.comment_lines[max(0, line - 1 - ABOVE):line]):
        return True
    function = file.function_at(line) if relaxed else None
    if function is None:
        return False
    comments = _comment_above(file, function.first) + file.comment_lines[function.first - 1:function.last]
    return any(wanted.search(comment) for comment in comments)


def accesses(project):
    """Every access that is not relaxed has [E…] or [none: why]; every relaxed one has a reason, near it or in its function."""
    found = 0
    for file in project.layer_files(LAYERS):
        for number, line in enumerate(file.code_lines, 1):
            if not _ACCESS.search(line) or file.name in {"src/base/atomic.hpp", "src/base/barrier.hpp"}:
                continue
            orders = set(_ORDER.findall(_statement(file, number)))
            if not orders:
                continue
            found += 1
            relaxed = orders == {"rlx"}
            if not is_explained(file, number, relaxed):
                missing = "no reason given" if relaxed else "no edge, and no [none: why]"
                yield f"{file.name}:{number}: {missing}: {line.strip()}"
    if found == 0:
        yield "no atomic access was found: this rule looks for the wrong names"
