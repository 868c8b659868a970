"""Rules about names: identifiers in backticks, links, and sources by their class."""
import functools
import re

import prose
import source

TEST = "tests/audit/audit_test.py"  # names things that are not there
# Of other projects, the processor or the system, or placeholders, and not named in any source.
# With what docs/manager/comparison.md names of VMA and Boost.Interprocess.
FOREIGN = {"prefetchw", "xchg", "MADV_POPULATE_WRITE", "Suite",
           "VmaVirtualBlock", "vk_mem_alloc", "vmaClearVirtualBlock", "all_memory_deallocated", "allocate_aligned",
           "allocate_many", "allocation_command", "check_sanity", "managed_external_buffer", "managed_mapped_file",
           "null_mutex_family", "offset_ptr", "rbtree_best_fit", "segment_manager", "shrink_to_fit"}
ELSEWHERE = "*Elsewhere:*"  # begins a line about other projects
PLACEHOLDER = re.compile(r"\bNAME\b")

_NAME = re.compile(r"~?[A-Za-z_]\w*(?:(?:::|\.|->)~?[A-Za-z_]\w*)*(?:\(\)|\[\])?")
_PATH = re.compile(r"(?:src|include|tests|stress|bench|scripts|cmake|docs|examples)/[\w./-]*\w/?")
_CALL = re.compile(r"(?<![\w`:.>])([A-Za-z_]\w+)\(\)")
_CLASS = re.compile(r"^(?:class|struct)(?: alignas\([^)]*\))? (\w+)", re.M)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Known:
    def __init__(self, project):
        self.words = set(FOREIGN)
        self.called = set()
        self.files = []
        self.paths = {file.name for file in project.files}
        for file in project.files:
            self.words.update(re.findall(r"\w+", file.name))
            if file.path.suffix in {".md", ".svg"} or file.name == TEST:
                continue
            text = file.code_and_literals if file.path.suffix in source.CPP else file.text
            words = set(re.findall(r"\w+", text))
            # Mutants of orders: weaker("E1", "giver", …) is E1_giver.
            words |= {"_".join(pair) for pair in re.findall(r'weaker\("(\w+)", "(\w+)"', text)}
            self.words |= words
            self.files.append(words)
            self.called.update(re.findall(r"(\w+)(?:<[\w:, ]*>)?\(", text))

    def has(self, word):
        return len(word) < 3 or word in self.words or word.endswith("_") and any(w.startswith(word) for w in self.words)

    @functools.cache
    def together(self, words):
        """Whether one source has all of the words, such as a class and its member."""
        return any(words <= file for file in self.files)


def _fault(project, known, quoted):
    if PLACEHOLDER.search(quoted):
        return ""
    if _PATH.fullmatch(quoted):
        return "" if (project.root / quoted).exists() else "there is no such file"
    if not _NAME.fullmatch(quoted):
        return ""
    parts = re.findall(r"\w+", quoted)
    missing = [word for word in parts if not known.has(word)]
    if missing:
        return f"there is no {missing[0]} in the sources (of another project? then it goes to FOREIGN in tests/audit/names.py)"
    if "::" in quoted and not known.together(frozenset(parts)) and not FOREIGN & set(parts):
        return "no source has these names together"
    return ""


def identifiers(project):
    """Identifiers and paths in backticks exist, in comments and Markdown; so do functions that comments name with ()."""
    known = Known(project)
    for file in project.files:
        if file.name in prose.EXAMPLES or file.path.suffix not in source.CPP | {".md"}:
            continue
        for number, text in prose.prose(file):
            if text.startswith(ELSEWHERE):
                continue
            for quoted in re.findall(r"`([^`]+)`", text):
                fault = _fault(project, known, quoted)
                if fault:
                    yield f"{file.name}:{number}: `{quoted}`: {fault}"
            for called in _CALL.findall(text) if file.path.suffix != ".md" else ():
                if called not in known.called | FOREIGN:
                    yield f"{file.name}:{number}: {called}(): there is no such function"


def _anchor(heading):
    """The anchor that GitHub makes of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain.strip().lower()))


def references(project):
    """Links in Markdown lead to files and headings that exist."""
    for file in project.files:
        if file.path.suffix != ".md":
            continue
        for number, line in prose.markdown(file):
            for link in _LINK.findall(line):
                path, _, anchor = link.partition("#")
                target = (file.path.parent / path) if path else file.path
                if re.match(r"\w+:", link):
                    continue
                if not target.exists():
                    yield f"{file.name}:{number}: {link}: leads nowhere"
                elif anchor and target.suffix == ".md":
                    headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
                    if anchor not in map(_anchor, headings):
                        yield f"{file.name}:{number}: {link}: there is no such heading"


def excuses(project):
    """Each line of code in tests/coverage/excused*.md is in its source, comment included."""
    for file in project.files:
        if not re.fullmatch(r"tests/coverage/excused\w*\.md", file.name):
            continue
        lines, name = set(), None
        for number, line in enumerate(file.lines, 1):
            if line.startswith("## "):
                name = line[3:].strip()
                source_file = project.find(name)
                lines = {text.strip() for text in source_file.lines} if source_file is not None else set()
            elif line.startswith("    ") and line.strip() not in lines:
                yield f"{file.name}:{number}: {name} has no line {line.strip()}"


def _snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _interface_of(file):
    """Whether the file is named after what it defines for others: a header of libc or C++ that it includes (malloc.cpp), a
    function (dlopen.cpp), or the setting ASHLAR_… that its head begins with (fail_nth.cpp)."""
    name = re.escape(file.path.stem)
    defines = rf'^[^ /}}#].*\b{name}\([^;{{]*\{{|\basm\("{name}"\)'
    return re.search(rf'^#include <{name}(\.h)?>|{defines}|^// ASHLAR_{name.upper()}\b', file.text, re.M) is not None


def homes(project):
    """A source without a header of its name begins with the name of a header or class of its folder: collector_cycle.cpp.
    Others are named after their interface."""
    for file in project.cpp("src"):
        if file.path.suffix not in {".cpp", ".c"} or file.path.stem == "main" or _interface_of(file):
            continue
        beside = [other for other in project.cpp("src") if other.path.parent == file.path.parent]
        headers = [other for other in beside if other.path.suffix in {".hpp", ".h"}]
        homes_of = {h.path.stem for h in headers} | {h.path.stem for h in project.cpp("include")}
        homes_of |= {other.path.stem for other in beside if other not in headers and _interface_of(other)}
        for header in headers:
            homes_of |= {_snake(name) for name in _CLASS.findall(header.code)}
        if not any(file.path.stem == home or file.path.stem.startswith(home + "_") for home in homes_of):
            yield f"{file.name}: belongs to no header or class of its folder"
