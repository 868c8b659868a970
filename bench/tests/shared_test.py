"""usage: shared_test.py BENCH

Runs the benchmark of shared heaps once, briefly: every line is there, no survivor of Ashlar failed, and the
report has all tables.
"""
import collections
import json
import os
import subprocess
import sys
import tempfile
import unittest

REPORT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "shared", "report.py")
PROGRAM = os.path.abspath(sys.argv.pop(1))


class Shared(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory(prefix="ashlar-shared.") as folder:
            done = subprocess.run([PROGRAM, "--smoke", "--folder", folder], capture_output=True, text=True, check=True)
            cls.left = os.listdir(folder)
        cls.text = done.stdout
        cls.lines = [json.loads(line) for line in done.stdout.splitlines()]

    def test_every_heap_does_every_work(self):
        heaps = collections.defaultdict(set)
        for line in self.lines:
            if line["kind"] == "time":
                self.assertGreater(line["ns"], 0)
                heaps[line["work"], line["processes"]].add(line["heap"])
        self.assertEqual(10, len(heaps))
        for found in heaps.values():
            self.assertEqual({"ashlar", "boost", "ashlar-file", "boost-file"}, found)

    def test_every_survivor_of_ashlar_works(self):
        kills = {line["heap"]: line for line in self.lines if line["kind"] == "kills"}
        self.assertEqual(4, len(kills))
        for heap in ("ashlar", "ashlar-file"):
            self.assertEqual(kills[heap]["kills"], kills[heap]["worked"])

    def test_nothing_is_left(self):
        self.assertEqual([], self.left)

    def test_report_has_all_tables(self):
        done = subprocess.run([sys.executable, "-B", REPORT], input=self.text, capture_output=True, text=True, check=True)
        for words in ("pairs-64", "| 64 bytes |", "recovery", "| boost-file |"):
            self.assertIn(words, done.stdout)


if __name__ == "__main__":
    unittest.main()
