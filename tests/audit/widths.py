"""The limits on the widths of lines."""
import re

import source

CODE = 100  # of C and C++; that of .clang-format
SCRIPT = 128  # of Python, shell and CMake
COMMENT = 80  # lines of prose that are only comment
DRAWN = re.compile(r"\s*//+(   | usage:)")  # a picture, a table, or a usage line
MARKDOWN = 160

_SCRIPTS = {".py", ".sh", ".cmake"}


def limit_of(file):
    if file.path.suffix == ".md":
        return MARKDOWN
    if file.path.suffix in source.CPP:
        return CODE
    return SCRIPT if file.path.suffix in _SCRIPTS or file.path.name in ("CMakeLists.txt", "run") else None


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
        only_comment = file.comment_lines[number - 1] and not file.code_lines[number - 1].strip()
        if len(line) > COMMENT and only_comment and not DRAWN.match(line):
            yield number, len(line)


def comment_widths(project):
    """Comments of C and C++ are at most 80 columns wide."""
    for file in project.cpp("src", "include", "tests", "stress", "bench", "examples"):
        for number, columns in wide_comments(file):
            yield f"{file.name}:{number}: a comment of {columns} columns, of at most {COMMENT}"
