"""Tests that compare.py reports shifts that are there, and nothing else."""
import contextlib
import io
import json
import os
import random
import sys
import tempfile
import unittest
from itertools import combinations

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import compare  # noqa: E402
from report import noise, records  # noqa: E402

WORKLOADS = 60
ALLOCATORS = {"ashlar": None, "other": "1.0"}


def result(seed, rounds=5, sigma=0.01, shifts=None, session=0.0, scale=0.2):
    """Made-up runs: log-normal noise of `sigma`; `shifts`: workload -> factor for ashlar's time; `session`: how far each
    workload under any allocator moves as a whole."""
    generator = random.Random(seed)
    workloads = {}
    for number in range(WORKLOADS):
        name = f"work-{number}"
        runs = {}
        for allocator in ALLOCATORS:
            moved = 50 * (number + 1) * generator.lognormvariate(0, session)
            if allocator == "ashlar":
                moved *= (shifts or {}).get(name, 1)
            runs[allocator] = [{"ns_per_operation": moved * generator.lognormvariate(0, sigma),
                                "cpu_ns": 2 * moved * generator.lognormvariate(0, sigma),
                                "peak_kib": 4096 + 4 * generator.randrange(3)} for _ in range(rounds)]
        workloads[name] = {"family": "work", "threads": 1, "runs": runs}
    versions = {name: {"package": name, "version": version, "library": name} for name, version in ALLOCATORS.items()}
    return {"format": records.FORMAT, "scale": scale, "rounds": rounds, "commit": f"c{seed}", "machine": {},
            "allocators": versions, "workloads": workloads}


def real(before, after):
    return [change for change in compare.changes(before, after)[0] if change.real]


def status(before, after, *words):
    """The status of the program, and its output."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, data in (("before", before), ("after", after)):
            paths.append(os.path.join(folder, name))
            with open(paths[-1], "w", encoding="utf-8") as file:
                json.dump(data, file)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            return compare.main([*paths, *words]), out.getvalue()


class Changes(unittest.TestCase):
    def test_same_distribution_no_finding(self):
        for sigma in (0.01, 0.05, 0.2):
            false = sum(len(real(result(2 * seed, sigma=sigma), result(2 * seed + 1, sigma=sigma))) for seed in range(20))
            self.assertEqual(false, 0, f"noise of {sigma}")

    def test_shift_of_five_percent_found(self):
        shifts = {f"work-{number}": 1.05 for number in (3, 17, 40)}
        found = real(result(1, rounds=7), result(2, rounds=7, shifts=shifts))
        self.assertEqual({change.name for change in found}, set(shifts))
        for change in found:
            self.assertAlmostEqual(change.ratio, 1.05, delta=0.02)

    def test_one_shift_of_ten_percent_found_in_five_rounds(self):
        found = real(result(3), result(4, shifts={"work-5": 1.10}))
        self.assertEqual({(change.name, change.metric.key) for change in found},
                         {("work-5", "ns_per_operation"), ("work-5", "cpu_ns")})

    def test_small_shift_in_great_noise_not_found(self):
        self.assertEqual(real(result(5, sigma=0.2), result(6, sigma=0.2, shifts={"work-5": 1.05})), [])

    def test_an_outlier_is_not_a_change(self):
        after = result(8)
        after["workloads"]["work-9"]["runs"]["ashlar"][2]["ns_per_operation"] *= 30
        self.assertEqual(real(result(7), after), [])

    def test_what_moves_all_allocators_is_not_a_change(self):
        """Each workload moves by some 5%: the tests find that, and the other allocator shows how much to expect."""
        found, floor = compare.changes(result(9, session=0.05), result(10, session=0.05))
        certain = sum(change.p <= compare.LEVEL for change in found)
        self.assertGreater(certain, 20)
        self.assertLess(sum(change.real for change in found), certain / 5)
        self.assertGreater(min(limit for metric, limit in floor.items() if metric.unit == "ns"), 1.05)

    def test_improvement_is_no_regression(self):
        before, after = result(11), result(12, shifts={"work-1": 0.8})
        self.assertEqual(status(before, after)[0], 0)
        code, text = status(after, before)
        self.assertEqual(code, 1)
        self.assertIn("work-1", text[text.index("Worse"):text.index("Better")])

    def test_a_file_and_itself(self):
        self.assertEqual(status(result(13), result(13))[0], 0)

    def test_what_cannot_be_compared(self):
        self.assertEqual(status(result(1), result(2, scale=1))[0], 2)
        self.assertEqual(status(result(1), {"format": -1})[0], 2)
        self.assertEqual(status(result(1, rounds=1), result(2, rounds=1))[0], 2)
        self.assertEqual(status(result(1), result(2), "--allocator", "nobody")[0], 2)


class Tests(unittest.TestCase):
    def test_ranks_agree_with_published_values(self):
        """Of complete separation: 2 / C(10, 5), and the table's 5% limit for 5 and 5, which is U = 2."""
        self.assertAlmostEqual(noise.rank_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252)
        self.assertLess(noise.rank_p([1, 2, 3, 4, 7], [5, 6, 8, 9, 10]), 0.05)
        self.assertGreater(noise.rank_p([1, 2, 3, 4, 8], [5, 6, 7, 9, 10]), 0.05)
        self.assertEqual(noise.rank_p([1, 1], [1, 1]), 1.0)

    def test_ranks_count_every_arrangement(self):
        """Against the definition: all ways to choose which of seven ranks are the first sample's."""
        every = [(chosen, [rank for rank in range(1, 8) if rank not in chosen]) for chosen in combinations(range(1, 8), 3)]
        us = [sum(a > b for a in first for b in second) for first, second in every]
        for (first, second), u in zip(every, us):
            expected = 2 * sum(value <= min(u, 12 - u) for value in us) / len(us)
            self.assertAlmostEqual(noise.rank_p(list(first), second), min(1, expected))

    def test_ranks_with_ties(self):
        """Against all ways to divide the same values, within the error of the approximation."""
        values = [1, 1, 2, 2, 2, 3, 4, 4, 5, 6, 6, 7]

        def distance(chosen):
            rest = [values[place] for place in range(12) if place not in chosen]
            return abs(sum((values[place] > b) + 0.5 * (values[place] == b) for place in chosen for b in rest) - 18)
        every = [distance(chosen) for chosen in combinations(range(12), 6)]
        for chosen in ((0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 8), (0, 2, 4, 5, 6, 9)):
            expected = sum(value >= distance(chosen) for value in every) / len(every)
            rest = [values[place] for place in range(12) if place not in chosen]
            self.assertAlmostEqual(noise.rank_p([values[place] for place in chosen], rest), expected, delta=0.02)
        # By hand: U is 0.5, its variance 9 / 12 * (7 - 18 / 30) = 4.8, and z = (4 - 0.5) / sqrt(4.8).
        self.assertAlmostEqual(noise.rank_p([1, 1, 2], [2, 3, 3]), 0.1101, places=4)

    def test_welch_agrees_with_tables_of_student(self):
        """t(10) = 2.228 and t(4) = 2.776 are the 5% limits: samples made to have just these."""
        for count, limit in ((6, 2.2281), (3, 2.7764)):
            shape = [-1.0, 1.0] * (count // 2) + [0.0] * (count % 2)
            middle = sum(shape) / count
            variance = sum((value - middle) ** 2 for value in shape) / (count - 1)
            move = limit * (2 * variance / count) ** 0.5
            self.assertAlmostEqual(noise.welch_p(shape, [value + move for value in shape]), 0.05, places=4)

    def test_adjusted_of_an_example(self):
        """m p / rank, the least from there on."""
        for got, expected in zip(noise.adjusted([0.01, 0.04, 0.03, 0.2]), [0.04, 0.16 / 3, 0.16 / 3, 0.2]):
            self.assertAlmostEqual(got, expected)

    def test_quantile(self):
        self.assertEqual(noise.quantile([3, 1, 2], 0.5), 2)
        self.assertEqual(noise.quantile([], 0.5), 0)


if __name__ == "__main__":
    unittest.main()
