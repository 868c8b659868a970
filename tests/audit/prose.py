"""Rules about words: banned idioms, figures that belong elsewhere, and one sentence per line in Markdown."""
import re

import source
import widths

COMMENTED = {".py", ".sh", ".cmake"}
EXAMPLES = {"docs/style.md"}  # has banned sentences and made-up names as examples

# Idioms that are hard to read, each with a replacement.
BANNED = {
    r"\bof late\b": "recently",
    r"\ball the same\b(?=[.,:;)]|$)": "nevertheless",
    r"\b(?:is|are) (?:always )?to be had\b": "there is, or can be allocated",
    r"\bis (?:one )?no more\b": "has gone",
    r"\bever more (?!than\b)": "more and more, or back off exponentially",
    r"\bwhat (?:it|they) (?:did|do|does) not\b": "name the thing",
    r"\bnobody's\b|\bsomebody else's\b": "name the owner, or say that there is none",
    r"(?:^|[.:;!?] )Who\b(?![^.]*\?)": "a thing or a role as the subject",
    r"\b(?:of|by|for|from|than|to|with) who \w": "a thing or a role as the object",
    r"(?:^|[.:!?] )What (?![^.]*\?)[^.?!]*\b(?:is|are|was|were|has|have)\b": "a thing or a role as the subject",
}
# Results of a measurement. Times of a second and more are constants of the code.
FIGURE = re.compile(r"\b\d[\d.,]*\s?(?:ns|µs|us|%|per ?cent|times|cycles)(?!\w)|\b(?:twice|half) as (?:fast|slow)\b")

_SHORT = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|al|approx|Fig|No)\.")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
_BOLD_LEAD = re.compile(r"^\*\*[^*]+\*\*\s*")
_NEXT_SENTENCE = re.compile(r"[.!?][\"')*_\]]*\s+[\"'(*_\[]*[A-Z0-9]")
_ENDED = re.compile(r"[.!?:;][\"')*_\]`]*$")


def markdown(file):
    """Line numbers and text outside of code, fenced or indented after an empty line."""
    fence = indented = False
    before = ""
    for number, line in enumerate(file.lines, 1):
        if line.lstrip().startswith("```"):
            fence = not fence
        elif not fence:
            indented = line.startswith("    ") and (indented or before.strip() == "")
            if not indented:
                yield number, line
        before = line


def comments(file):
    """Line numbers and words of comments, without their marks."""
    if file.path.suffix in source.CPP:
        for number, line in enumerate(file.comment_lines, 1):
            if line:
                yield number, re.sub(r"^(?://[/!]?<?|/\*+|\*(?!/))\s?|\*/$", "", line)
    elif file.path.suffix in COMMENTED or file.path.name in ("CMakeLists.txt", "run"):
        for number, line in enumerate(file.lines, 1):
            match = re.search(r"(?:^|\s)#\s(.*)$", line) or re.match(r'\s*"""(.*?)(?:""")?$', line)
            if match:
                yield number, match[1]


def prose(file):
    return ((n, line.strip()) for n, line in markdown(file)) if file.path.suffix == ".md" else comments(file)


def words(project):
    """Comments and Markdown have no idiom that docs/style.md bans, except in headings."""
    for file in project.files:
        if file.name.startswith("tests/audit/") or file.name in EXAMPLES:
            continue
        for number, text in prose(file):
            if text.startswith("#"):
                continue
            for pattern, better in BANNED.items():
                match = re.search(pattern, text)
                if match:
                    yield f"{file.name}:{number}: \"{match[0].strip()}\": write {better}"


def figures(project):
    """Measurements are in docs/benchmarks.md and in decision records, not in comments of src and include."""
    for file in project.cpp("src", "include"):
        for number, text in comments(file):
            match = FIGURE.search(text)
            if match:
                yield f"{file.name}:{number}: {match[0]}: belongs in docs/benchmarks.md"


def _is_text(line):
    return line.strip() != "" and re.match(r"\s*(?:[#|<>]|!?\[[^\]]*\]:|-{3,}$)", line) is None


def sentences(project):
    """Markdown has one sentence per line: a line has no two sentences, and ends within one only because of links."""
    for file in project.files:
        if file.path.suffix != ".md":
            continue
        lines = dict(markdown(file))
        for number, line in lines.items():
            if not _is_text(line):
                continue
            text = re.sub(r"`[^`]*`", "X", _BOLD_LEAD.sub("", _ITEM.sub("", line).strip()))
            text = _SHORT.sub("X", text)
            if _NEXT_SENTENCE.search(text):
                yield f"{file.name}:{number}: two sentences on a line"
            after = lines.get(number + 1, "")
            if len(line) + len(after) > widths.MARKDOWN and ("](" in line or line.endswith("`,")):
                continue  # links, or a list of commands, that can't be shorter
            if _is_text(after) and not _ITEM.match(after) and not _ENDED.search(line.rstrip()):
                yield f"{file.name}:{number}: a sentence that goes on in the next line"
