"""usage: manager_test.py ashlar_manager_bench ashlar_manager_waste

Tests that the benchmarks of MemoryManager run, and that their tables have all subjects.
"""
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAMS = []
TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "manager", "tables.py")


class Manager(unittest.TestCase):
    def test_every_subject_is_measured_and_tabulated(self):
        with tempfile.TemporaryDirectory() as directory:
            out = os.path.join(directory, "out.json")
            # All but the largest live sets, which take their time to build.
            subprocess.run([PROGRAMS[0], "--smoke", "--benchmark_filter=/1000$|/1000/|10000/real_time/threads:2$|written",
                            f"--benchmark_out={out}"], check=True, stdout=subprocess.DEVNULL)
            tables = subprocess.run([sys.executable, TABLES, out], check=True, capture_output=True, text=True).stdout
        for subject in ("tlsf", "tlsf_slabs", "first_fit", "buddy", "boost_rbtree", "boost_seq"):
            self.assertIn(f" {subject} |", tables)
        for row in ("| fixed, 1,000 |", "| mixed, 1,000 |", "| uniform, 2 |"):
            self.assertIn(row, tables)
        self.assertNotRegex(tables, r"\| 0 \||nan|inf")

    def test_waste_is_reported_for_all(self):
        tables = subprocess.run([PROGRAMS[1], "--smoke"], check=True, capture_output=True, text=True).stdout
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in tables.splitlines() if line.startswith("| ")]
        waste = rows[1:rows.index(next(row for row in rows if row[0].startswith("full")))]
        self.assertGreaterEqual(len(waste), 9)
        for row in waste:
            for figure in row[1:]:
                self.assertTrue(1 <= float(figure) < 10, row)

    def test_wrong_arguments_are_refused(self):
        done = subprocess.run([PROGRAMS[1], "--live", "none"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    PROGRAMS = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
