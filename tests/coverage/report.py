"""Prints a table of the lines and branches that the tests reach, and each one that is neither reached nor excused.

usage: report.py [--table] ROOT GCOVR-JSON EXCUSES…

EXCUSES are Markdown: a heading `## path` for each file, below it paragraphs with reasons. The lines of code that a
reason excuses follow it, indented by four spaces. A line is known by its text, not by its number, so that it may move.
Several lines with the same text need an excuse each. A reason that begins with "Now and then" is for lines that
threads reach in some runs only.

Fails below the thresholds, on a line or branch without an excuse, and on an excuse whose line is reached or gone. With
--table it fails only below the thresholds."""
import collections
import json
import pathlib
import sys

BY_CHANCE = "Now and then"
LEAST_LINES = 96  # per cent of all
LEAST_BRANCHES = 93


def excuses_of(text):
    """{(file, code): [a reason for each excuse]}; raises ValueError if a line has no file or no reason."""
    found = collections.defaultdict(list)
    file = None
    reason = ""
    after_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            file, reason, after_code = line[3:].strip(), "", False
        elif line.startswith("    ") and line.strip():
            if file is None or not reason:
                raise ValueError(f"line {number}: excused without a file or a reason")
            found[file, line.strip()].append(reason)
            after_code = True
        elif line.strip() and file is not None:
            reason = line.strip() if after_code or not reason else f"{reason} {line.strip()}"
            after_code = False
    return found


class Gap(collections.namedtuple("Gap", "file line code what")):
    def __str__(self):
        return f"{self.file}:{self.line}: {self.what}: {self.code}"


def look(report, source_of):
    """The rows of the table [file, lines, reached, branches, reached], the gaps, and all counted (file, code)."""
    rows = []
    gaps = []
    counted = set()
    for entry in sorted(report["files"], key=lambda entry: entry["file"]):
        text = source_of(entry["file"]).splitlines()
        row = [entry["file"], 0, 0, 0, 0]
        for line in entry["lines"]:
            if line.get("gcovr/noncode"):
                continue
            code = text[line["line_number"] - 1].strip()
            taken = [branch["count"] > 0 for branch in line["branches"]]
            counted.add((entry["file"], code))
            row[1] += 1
            row[2] += line["count"] > 0
            row[3] += len(taken)
            row[4] += sum(taken)
            if line["count"] == 0:
                gaps.append(Gap(entry["file"], line["line_number"], code, "not reached"))
            elif not all(taken):
                gaps.append(Gap(entry["file"], line["line_number"], code, f"{sum(taken)} of {len(taken)} branches"))
        rows.append(row)
    return rows, gaps, counted


def percent(part, whole):
    return 100 * part / whole if whole else 100.0


def unexcused(gaps, counted, excuses):
    """Yields gaps without an excuse, and excuses without a gap; a line each."""
    left = {place: sorted(reasons, key=lambda reason: reason.startswith(BY_CHANCE)) for place, reasons in excuses.items()}
    for gap in gaps:
        reasons = left.get((gap.file, gap.code))
        if reasons:
            reasons.pop(0)
        else:
            yield str(gap)
    for (file, code), reasons in left.items():
        for reason in reasons:
            if not reason.startswith(BY_CHANCE) or (file, code) not in counted:
                yield f"{file}: excused, but reached or gone: {code}"


def below(rows, least_lines=LEAST_LINES, least_branches=LEAST_BRANCHES):
    """Yields a line for each share that is below its threshold."""
    lines, lines_reached, branches, branches_reached = (sum(row[i] for row in rows) for i in range(1, 5))
    if not lines or percent(lines_reached, lines) < least_lines:
        yield f"{percent(lines_reached, lines):.1f}% of the lines reached; the threshold is {least_lines}%"
    if percent(branches_reached, branches) < least_branches:
        yield f"{percent(branches_reached, branches):.1f}% of the branches reached; the threshold is {least_branches}%"


def main(table, root, report, *excused):
    root = pathlib.Path(root)
    rows, gaps, counted = look(json.loads(pathlib.Path(report).read_text()), lambda file: (root / file).read_text())
    total = ["all"] + [sum(row[i] for row in rows) for i in range(1, 5)]
    print(f"{'file':36}{'lines':>14}{'':8}{'branches':>14}")
    for name, lines, lines_reached, branches, branches_reached in rows + [total]:
        print(f"{name:36}{f'{lines_reached} of {lines}':>14}{percent(lines_reached, lines):7.1f}%"
              f"{f'{branches_reached} of {branches}':>14}{percent(branches_reached, branches):7.1f}%")
    excuses = excuses_of("\n".join(pathlib.Path(file).read_text() for file in excused))
    faults = list(unexcused(gaps, counted, excuses))
    low = list(below(rows))
    print(f"{len(gaps)} lines with something not reached, {sum(map(len, excuses.values()))} excused")
    for fault in faults + low:
        print(fault)
    return 1 if low or (faults and not table) else 0


if __name__ == "__main__":
    table = sys.argv[1:2] == ["--table"]
    words = sys.argv[2:] if table else sys.argv[1:]
    if len(words) < 3 or any(word.startswith("-") for word in words):
        sys.exit(__doc__)
    sys.exit(main(table, *words))
