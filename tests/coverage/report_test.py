"""report.py sees each thing that it is there for, in reports made for it."""
import unittest

import report

SOURCE = "one();\nif (a) {\n    two();\n}\n"


def lines(*counts_and_branches):
    return [{"line_number": number, "count": count, "branches": [{"count": n} for n in branches]}
            for number, count, branches in counts_and_branches]


def faults(given, excused="", least=0):
    rows, gaps, counted = report.look({"files": [{"file": "src/a.cpp", "lines": given}]}, lambda _: SOURCE)
    return list(report.unexcused(gaps, counted, report.excuses_of(excused))) + list(report.below(rows, least, least))


EXCUSE = "## src/a.cpp\n\nNobody can\nget here.\n\n    two();\n"


class Report(unittest.TestCase):
    def test_all_reached(self):
        self.assertEqual(faults(lines((1, 1, []), (2, 2, [1, 1]), (3, 1, [])), least=100), [])

    def test_a_line_that_is_missing(self):
        self.assertEqual(faults(lines((1, 1, []), (3, 0, []))), ["src/a.cpp:3: not reached: two();"])

    def test_a_branch_that_is_missing(self):
        self.assertEqual(faults(lines((2, 1, [1, 0]))), ["src/a.cpp:2: 1 of 2 branches: if (a) {"])

    def test_an_excuse(self):
        self.assertEqual(faults(lines((1, 1, []), (3, 0, [])), EXCUSE), [])
        self.assertEqual(report.excuses_of(EXCUSE), {("src/a.cpp", "two();"): ["Nobody can get here."]})

    def test_an_excuse_for_what_is_reached(self):
        self.assertEqual(faults(lines((3, 1, [])), EXCUSE), ["src/a.cpp: excused, but reached or gone: two();"])

    def test_an_excuse_for_what_is_reached_now_and_then(self):
        excuse = EXCUSE.replace("Nobody can", "Now and then a thread can")
        self.assertEqual(faults(lines((3, 0, [])), excuse), [])
        self.assertEqual(faults(lines((3, 1, [])), excuse), [])
        self.assertEqual(faults(lines((1, 1, [])), excuse), ["src/a.cpp: excused, but reached or gone: two();"])

    def test_an_excuse_for_another_file(self):
        self.assertEqual(len(faults(lines((3, 0, [])), EXCUSE.replace("a.cpp", "b.cpp"))), 2)

    def test_an_excuse_is_for_one_line_of_that_text(self):
        twice = lines((1, 0, []), (1, 0, []))
        excuse = EXCUSE.replace("two", "one")
        self.assertEqual(faults(twice, excuse), ["src/a.cpp:1: not reached: one();"])
        self.assertEqual(faults(twice, excuse + "    one();\n"), [])

    def test_an_excuse_without_a_reason(self):
        for text in ("## src/a.cpp\n\n    two();\n", "why\n\n    two();\n"):
            with self.assertRaises(ValueError):
                report.excuses_of(text)

    def test_each_reason_is_of_the_lines_below_it(self):
        found = report.excuses_of(EXCUSE + "\nAnother one.\n\n    one();\n")
        self.assertEqual(found["src/a.cpp", "one();"], ["Another one."])

    def test_the_bar(self):
        self.assertEqual(len(faults(lines((1, 1, []), (3, 0, [])), EXCUSE, least=51)), 1)
        self.assertEqual(len(faults([], least=1)), 1)


if __name__ == "__main__":
    unittest.main()
