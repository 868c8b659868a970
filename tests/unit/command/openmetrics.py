"""The grammar and the rules of OpenMetrics 1.0, for gauges and counters: parse() returns the samples, or raises Bad."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
ESCAPED = r'(?:[^\n"\\]|\\.)*'
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?[Ii]nf(?:inity)?|[Nn]a[Nn]"
DESCRIPTOR = re.compile(rf"# (?:(TYPE) ({NAME}) (gauge|counter)|(UNIT) ({NAME}) ([a-zA-Z0-9_:]+)|(HELP) ({NAME}) ([^\n]*))")
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:{LABEL}="{ESCAPED}"(?:,{LABEL}="{ESCAPED}")*)?)\}})? ({NUMBER})')
ONE_LABEL = re.compile(rf'({LABEL})="({ESCAPED})"(?:,|$)')


class Bad(Exception):
    """A fault of a text."""


def expect(condition, *about):
    if not condition:
        raise Bad(*about)


def unescaped(text):
    expect(re.fullmatch(r'(?:[^\\]|\\[\\"n])*', text), "an unknown escape", text)
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text)


def labels_of(text):
    labels = [(match[1], unescaped(match[2])) for match in ONE_LABEL.finditer(text or "")]
    expect(len(dict(labels)) == len(labels), "a label twice", text)
    return tuple(sorted(labels))


class Parser:
    def __init__(self):
        self.types, self.units, self.helps = {}, {}, {}
        self.ended, self.samples = set(), {}
        self.family, self.has_samples = None, False

    def enter(self, family):
        """The lines of a family must not be interrupted by another one."""
        if family == self.family:
            return
        expect(family not in self.ended, "a family is interrupted", family)
        self.ended.add(family)
        self.family, self.has_samples = family, False

    def describe(self, match):
        kind, name, value = (part for part in match.groups() if part is not None)
        self.enter(name)
        expect(not self.has_samples, "a description behind samples", name)
        known = {"TYPE": self.types, "UNIT": self.units, "HELP": self.helps}[kind]
        expect(name not in known, "a description twice", kind, name)
        if kind == "UNIT":
            expect(name.endswith("_" + value), "the name does not end with the unit", name)
        known[name] = unescaped(value) if kind == "HELP" else value

    def sample(self, match):
        name, labels, value = match[1], labels_of(match[2]), float(match[3])
        family = name
        if self.types.get(name) is None:
            expect(name.endswith("_total"), "a sample without a type", name)
            family = name[:-len("_total")]
            expect(self.types.get(family) == "counter", "a sample without a type", name)
        else:
            expect(self.types[name] == "gauge", "a counter's sample without _total", name)
        expect(family == self.family, "a sample outside of its family", name)
        self.has_samples = True
        if self.types[family] == "counter":
            expect(value >= 0, "a counter is negative or no number", name, value)
        expect((name, labels) not in self.samples, "a sample twice", name, labels)
        self.samples[name, labels] = value

    def line(self, text):
        descriptor, sample = DESCRIPTOR.fullmatch(text), SAMPLE.fullmatch(text)
        expect(descriptor or sample, "no line of the grammar", text)
        self.describe(descriptor) if descriptor else self.sample(sample)


def parse(data):
    """The samples of a text in bytes: {(name, ((label, value), ...)): number}, and the parser with the descriptions."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Bad("no UTF-8") from error
    expect(text.endswith("# EOF\n"), "no # EOF at the end")
    parser = Parser()
    for line in text[:-len("# EOF\n")].splitlines():
        parser.line(line)
    for family in parser.ended:
        expect(family in parser.types and family in parser.helps, "no TYPE or no HELP", family)
    return parser.samples, parser


def expect_monotonic(before, after):
    """Counters of two scrapes of the same process."""
    for key, value in before.items():
        if key[0].endswith("_total"):
            expect(after.get(key, -1) >= value, "a counter went down", key, value, after.get(key))
