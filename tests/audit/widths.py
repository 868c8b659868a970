"""The limits on the widths of lines."""
import re

import source

CODE = 128  # that of .clang-format; style asks for 100
COMMENT = 80  # lines that are only comment, of the files in comments_done.txt
MARKDOWN = 160
DONE = "tests/audit/comments_done.txt"

_CODE = source.CPP | {".py", ".sh", ".cmake"}


def limit_of(file):
    if file.path.suffix == ".md":
        return MARKDOWN
    return CODE if file.path.suffix in _CODE or file.path.name in ("CMakeLists.txt", "run") else None


def widths(project):
    """Lines of code and of Markdown keep to their limits."""
    style = project.find(".clang-format")
    column = re.search(r"^ColumnLimit: (\d+)$", style.text, re.M) if style is not None else None
    if column is not None and int(column[1]) != CODE:
        yield f".clang-format: ColumnLimit is {column[1]}, and tests/audit/widths.py allows {CODE}"
    for file in project.files:
        limit = limit_of(file)
        for number, line in enumerate(file.lines if limit is not None else (), 1):
            if len(line) > limit:
                yield f"{file.name}:{number}: {len(line)} columns, of at most {limit}"


def wide_comments(file):
    for number, line in enumerate(file.lines, 1):
        if len(line) > COMMENT and file.comment_lines[number - 1] and not file.code_lines[number - 1].strip():
            yield number, len(line)


def done(project):
    file = project.find(DONE)
    return file.text.split() if file is not None else []


def comment_widths(project):
    """Comments of the files in comments_done.txt are at most 80 columns wide; audit.py --update adds such files."""
    for name in done(project):
        file = project.find(name)
        if file is None:
            yield f"{DONE}: there is no {name}: run audit.py --update"
        else:
            for number, columns in wide_comments(file):
                yield f"{name}:{number}: a comment of {columns} columns, of at most {COMMENT}"


def updated(project):
    """The new text of comments_done.txt: only files that are gone are removed."""
    named = {name for name in done(project) if project.find(name) is not None}
    named |= {file.name for file in project.cpp("src", "include", "tests", "stress", "bench", "examples")
              if not any(True for _ in wide_comments(file))}
    return "".join(f"{name}\n" for name in sorted(named))
