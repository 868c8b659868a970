"""The project's files for the rules: lines with numbers, comments separate from code, and functions with their lines."""
import dataclasses
import functools
import pathlib
import re

# All text of the project, without build directories and the like.
TREES = ("src", "include", "tests", "stress", "bench", "scripts", "cmake", "docs", "examples", "tools", ".github", ".ci")
CPP = {".hpp", ".cpp", ".h", ".c"}

_TOKEN = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)'
    r'|(?P<text>R"\((?:.*?)\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\')', re.S)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    first: int  # the line on which its head begins
    last: int  # the line of its closing brace


class File:
    def __init__(self, root, path):
        self.path = path
        self.name = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.split("\n")

    @property
    def layer(self):
        parts = self.name.split("/")
        return "/".join(parts[1:-1]) if len(parts) > 2 and parts[0] == "src" else None

    @functools.cached_property
    def tokens(self):
        """Comments and literals."""
        return list(_TOKEN.finditer(self.text))

    def _replaced(self, replace):
        parts = []
        end = 0
        for match in self.tokens:
            parts += (self.text[end:match.start()], replace(match))
            end = match.end()
        return "".join(parts) + self.text[end:]

    @functools.cached_property
    def code(self):
        """The text without comments, and with empty literals; line numbers stay the same."""
        def replace(match):
            if match["comment"]:
                return _blank(match["comment"])
            return match["text"][0] + _blank(match["text"][1:-1]) + match["text"][-1]
        # The names in #include lines are literals to this, and are read from the text itself.
        return self._replaced(replace)

    @functools.cached_property
    def code_and_literals(self):
        """The text without comments."""
        return self._replaced(lambda match: "" if match["comment"] else match[0])

    @functools.cached_property
    def code_lines(self):
        return self.code.split("\n")

    @functools.cached_property
    def comment_lines(self):
        """For each line the comment text on it, or ''."""
        kept = []
        end = 0
        for match in self.tokens:
            kept.append(_blank(self.text[end:match.start()]))
            kept.append(match[0] if match["comment"] else _blank(match[0]))
            end = match.end()
        kept.append(_blank(self.text[end:]))
        return [line.strip() for line in "".join(kept).split("\n")]

    @functools.cached_property
    def includes(self):
        found = []
        for number, line in enumerate(self.lines, 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                found.append((number, match[1] == "<", match[2]))
        return found

    @functools.cached_property
    def functions(self):
        return list(_functions(self.code))

    def function_at(self, line):
        inside = [f for f in self.functions if f.first <= line <= f.last]
        return min(inside, key=lambda f: f.last - f.first) if inside else None


_HEAD_END = re.compile(r"\)\s*(?:(?:const|noexcept(?:\s*\([^()]*\))?|override|final|->\s*[\w:<>*&\s]+|&{1,2}"
                       r"|:\s*[\w:]+[({].*)\s*)*$", re.S)
_NOT_FUNCTIONS = {"if", "for", "while", "switch", "catch", "return"}


def _functions(code):
    """Bodies of functions at namespace or class scope: a brace after a head that ends in a parameter list."""
    clean = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: _blank(m[0]), code, flags=re.M)
    head_start = position = 0
    while position < len(clean):
        here = clean[position]
        if here in ";}":
            head_start = position + 1
        elif here == "{" and re.match(r"[\w>]", clean[position - 1]):
            position = _closing(clean, position)  # an initialiser: member_{value}
        elif here == "{":
            head = clean[head_start:position]
            plain = re.sub(r"\[\[.*?\]\]|\b(?:asm|alignas)\s*\([^)]*\)", "", head)
            name = re.search(r"([~\w:]+|operator[^\w\s(]+)\s*\(", plain)
            if name and name[1] not in _NOT_FUNCTIONS and _HEAD_END.search(head) and "=" not in head.split("(")[0]:
                end = _closing(clean, position)
                start = head_start + len(head) - len(head.lstrip())
                yield Function(name[1], clean.count("\n", 0, start) + 1, clean.count("\n", 0, end) + 1)
                position = end
            head_start = position + 1
        position += 1


def _closing(code, opening):
    depth = 0
    for position in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return position
    return len(code) - 1


class Project:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()

    @functools.cached_property
    def files(self):
        paths = [path for path in self.root.iterdir() if path.is_file() and path.name != "compile_commands.json"]
        for tree in TREES:
            paths += [path for path in (self.root / tree).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        files = []
        for path in sorted(paths):
            try:
                files.append(File(self.root, path))
            except UnicodeDecodeError:
                continue  # not text
        return files

    def cpp(self, *trees):
        return [f for f in self.files if f.path.suffix in CPP and f.name.split("/")[0] in trees]

    def layer_files(self, layers):
        return [f for f in self.cpp("src") if f.layer in layers]

    def find(self, name):
        return next((f for f in self.files if f.name == name), None)
