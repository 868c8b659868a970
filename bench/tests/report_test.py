"""Tests the parts of the report: figures computed by hand, runs of made-up programs, contents of plots and pages."""
import io
import json
import os
import stat
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from report import allocators, counts, figures, gnuplot, page, plots, programs, records, sections, workloads  # noqa: E402
from report.progress import Progress, duration_text  # noqa: E402

NAMES = ["ashlar", "fast", "slow"]


def runs(*times, peak=1024):
    return [{"ns_per_operation": time, "cpu_ns": 2 * time, "seconds": 1.0, "peak_kib": peak, "checksum": "1"} for time in times]


def work(threads, **by_name):
    return {"family": "work", "threads": threads, "about": "made up <&>", "runs": by_name}


def session():
    """A result with all of its parts."""
    slow = runs(90, 100, 110, peak=8192)
    found = {f"work-{threads}": work(threads, ashlar=runs(20, 22, 24), fast=runs(10, 10, 11), slow=slow)
             for threads in (1, 2, 4)}
    found["alone-1"] = work(1, ashlar=runs(5, 5, 5), fast=[{"error": "exit status 1: no"}], slow=runs(5.1, 5.2, 4.9))
    call = {"p50": 10, "p90": 20, "p99": 30, "p999": 400, "max": 50000}
    timed = [{"latency": {"malloc": call, "free": call}, "checksum": "1"}]
    traced = [{"trace": {"ms": [0, 10, 20], "rss_kib": [1000, 3000, 2000], "live_kib": [0, 2000, 0]}, "checksum": "1"}]
    start = [{"mean_us": 900.0, "least_us": 800.0, "peak_kib": 1500}]
    ran = [{"wall_seconds": 1.0, "cpu_seconds": 0.9, "peak_kib": 20000}]
    return {"format": records.FORMAT, "made": "2026-01-01T10:00:00+00:00", "mode": "quick", "rounds": 3, "scale": 0.1,
            "commit": "abc", "machine": {"cores": 2, "processor": "some <processor>"}, "notes": ["a <note>"], "seconds": 60,
            "allocators": {name: {"library": name, "package": name, "version": "1"} for name in NAMES}, "workloads": found,
            "latency": {"work-1": work(1, ashlar=timed, fast=timed, slow=[{"error": "no"}])},
            "traces": {"work-1": work(1, ashlar=traced, fast=traced)}, "startup": {name: start for name in NAMES},
            "instructions": {"ashlar": 40.0, "fast": None},
            "programs": {"a-program": {"about": "", "runs": {"ashlar": ran, "fast": ran}}},
            "micro": {"pair/64": {"threads": 1, "ns": 5.0, "cpu_ns": 5.0, "counters": {"rmw": 0.5}}}}


class Figures(unittest.TestCase):
    def test_values_of_rounds(self):
        self.assertEqual(figures.values([{"a": 1}, {"a": None}, {}, {"a": 2}], "a"), [1, 2])
        self.assertEqual(figures.values([{"a": 1}, {"error": "no"}], "a"), [])

    def test_spread_is_half_the_range(self):
        self.assertAlmostEqual(figures.spread([90, 100, 120]), 0.15)

    def test_ratio_to_the_best_other(self):
        row = {"ashlar": 12, "fast": 10, "slow": 40, "broken": None}
        self.assertEqual(figures.ratio_to_best(row, "ashlar", row), (1.2, "fast"))
        self.assertEqual(figures.ratio_to_best(row, "fast", row), (10 / 12, "ashlar"))
        self.assertEqual(figures.ratio_to_best(row, "broken", row), (None, ""))

    def test_means_leave_out_what_not_all_have_done(self):
        means, count = figures.mean_ratios(session()["workloads"], "ns_per_operation", NAMES)
        self.assertEqual(count, 3)
        self.assertAlmostEqual(means["ashlar"], 2.2)
        self.assertAlmostEqual(means["slow"], 10)
        self.assertAlmostEqual(means["fast"], 1)

    def test_losses(self):
        lost = figures.losses(session()["workloads"], [figures.TIME, figures.PEAK], "ashlar", NAMES)
        self.assertEqual({loss.name for loss in lost}, {"work-1", "work-2", "work-4"})
        self.assertTrue(all(loss.clear and loss.best == "fast" and loss.metric is figures.TIME for loss in lost))
        near = {"w": work(1, ashlar=runs(10, 12, 14), fast=runs(9, 10, 11))}
        self.assertEqual([loss.clear for loss in figures.losses(near, [figures.TIME], "ashlar", NAMES)], [False])
        self.assertEqual(figures.losses(near, [figures.TIME], "ashlar", NAMES, 1.25), [])

    def test_text(self):
        self.assertEqual([figures.number_text(value) for value in (12345.6, 123.4, 12.34, 1.234, 0.1234, None)],
                         ["12,346", "123", "12.3", "1.23", "0.123", "–"])


class Running(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def script(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def run_all(self, text, names=("ashlar", "fast"), **how):
        program = self.script("program", text)
        return workloads.run_all(program, {"w": {"threads": 1}}, dict.fromkeys(names, ""), ["--scale", "1"], 10,
                                 Progress(io.StringIO()), **how)

    def test_runs_in_rounds(self):
        line = json.dumps({"name": "w", "operations": 4, "cpu_seconds": 2e-9, "resident_kib": 7, "idle_kib": 6, "checksum": "1",
                           "malloc": "x"})
        usage = "if [ $# = 0 ]; then echo 'usage: [--no-idle]' >&2; exit 2; fi"
        text = f"{usage}; echo \"$*\" >>{self.folder}/calls; echo '{line}'"
        found = self.run_all(text, rounds=3, idle_rounds=1)["w"]["runs"]
        with open(os.path.join(self.folder, "calls"), encoding="utf-8") as file:
            self.assertEqual(file.read().splitlines(), 2 * ["w --scale 1"] + 4 * ["w --scale 1 --no-idle"])
        self.assertEqual(found["ashlar"][0]["cpu_ns"], 0.5)
        self.assertEqual((found["ashlar"][0]["workload"], found["ashlar"][0]["final_kib"]), ("w", 7))

    def test_all_rounds_idle_where_that_can_not_be_left_out(self):
        line = json.dumps({"workload": "w", "idle_kib": 6, "checksum": "1", "malloc": "x"})
        found = self.run_all(f"echo \"$*\" >>{self.folder}/calls; echo '{line}'", rounds=2, idle_rounds=0)["w"]["runs"]
        self.assertEqual([run.get("idle_kib") for run in found["fast"]], [6, 6])
        with open(os.path.join(self.folder, "calls"), encoding="utf-8") as file:
            self.assertNotIn("--no-idle", file.read())

    def test_what_goes_wrong_is_said(self):
        for text, said in (("echo broken >&2; exit 3", "exit status 3: broken"), ("echo nothing", "no JSON")):
            found = self.run_all(text)
            self.assertIn(said, found["w"]["runs"]["ashlar"][0]["error"])
            self.assertEqual(len(workloads.errors_of(found)), 2)

    def test_a_preload_that_did_not_take_effect_is_an_error(self):
        program = self.script("program", "echo '{\"checksum\": \"1\", \"malloc\": \"/lib/libc.so.6\"}'")
        self.assertIn("malloc came from", workloads.run_once(program, "w", [], "/nowhere/libother.so", 10)["error"])

    def test_checksums_are_compared(self):
        one = {"w": work(1, ashlar=[{"checksum": "1"}], fast=[{"checksum": "2"}])}
        self.assertIn("checksums differ", workloads.errors_of(one)[0])

    def test_the_order_rotates(self):
        self.assertEqual([workloads.rotated(["a", "b", "c"], turn) for turn in (0, 1, 5)],
                         [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]])

    def test_lists_of_both_kinds(self):
        line = '[{"name": "a-1", "threads": 1, "family": "f", "about": "x"}]'
        program = self.script("new", f"case $2 in --json) echo '{line}';; esac")
        self.assertEqual(workloads.listed(program), {"a-1": {"threads": 1, "family": "f", "about": "x"}})
        program = self.script("old", "[ $# = 1 ] || exit 2; echo 'a-1 1'; echo 'b-2 2'")
        self.assertEqual(workloads.listed(program, "b"), {"b-2": {"threads": 2, "family": "b", "about": ""}})
        with self.assertRaises(allocators.Unusable):
            workloads.listed(program, "zork")

    def test_a_few_of_each_family(self):
        every = {f"{family}-{number}": {"family": family} for family in "ab" for number in range(5)}
        self.assertEqual(list(workloads.few(every, 2)), ["a-0", "a-4", "b-0", "b-4"])
        self.assertEqual(list(workloads.few(every, 1)), ["a-0", "b-0"])
        self.assertEqual(len(workloads.few(every, 9)), 10)

    def test_allocators_are_chosen(self):
        library = self.script("lib", "")
        found = allocators.choose(library, {"fast": "/f"}, [f"mine={library}"], None)
        self.assertEqual(found, {"glibc": "", "fast": "/f", "ashlar": library, "mine": library})
        self.assertEqual(list(allocators.choose(library, {"fast": "/f"}, [], ["fast"])), ["fast"])
        for added, only in ((["mine"], None), (["mine=/nowhere"], None), ([f"glibc={library}"], None), ([], ["zork"])):
            with self.assertRaises(allocators.Unusable):
                allocators.choose(library, {}, added, only)

    def test_settings_of_allocators_are_not_inherited(self):
        os.environ["MALLOC_ARENA_MAX"] = "1"
        self.addCleanup(os.environ.pop, "MALLOC_ARENA_MAX")
        self.assertNotIn("MALLOC_ARENA_MAX", allocators.environment())
        self.assertEqual(allocators.environment("/x.so")["LD_PRELOAD"], "/x.so")

    def test_answers_of_the_command(self):
        run = {"wall_seconds": 2.0, "user_seconds": 1.0, "system_seconds": 0.5, "peak_kib": 9}
        answer = {"allocators": [{"name": "system", "runs": [run], "failed": None},
                                 {"name": "bad", "runs": [], "failed": {"reason": "killed", "stderr": "why"}}]}
        found = programs.runs_of(answer)
        self.assertEqual(found["glibc"], [{"wall_seconds": 2.0, "cpu_seconds": 1.5, "peak_kib": 9}])
        self.assertIn("killed: why", found["bad"][0]["error"])
        words = programs.command_of("c", {"glibc": "", "ashlar": "/a", "fast": "/f"}, 3, 1, ["p"])
        self.assertEqual(words[words.index("-a"):], ["-a", "fast=/f", "--only", "system,ashlar,fast", "--", "p"])

    def test_micro_benchmarks(self):
        entry = {"name": "pair/64", "run_type": "iteration", "threads": 2, "iterations": 9, "real_time": 2, "cpu_time": 4,
                 "time_unit": "us", "items_per_second": 3, "rmw": 0.25}
        self.assertEqual(counts.micro(self.folder, [], 10), {})
        self.script("ashlar_micro", f"echo '{json.dumps({'benchmarks': [entry]})}'")
        expected = {"pair/64": {"threads": 2, "ns": 2000, "cpu_ns": 4000, "counters": {"rmw": 0.25}}}
        self.assertEqual(counts.micro(self.folder, [], 10), expected)
        self.script("ashlar_micro_counted", f"echo '{json.dumps({'benchmarks': [entry | {'rmw': 3, 'real_time': 9}]})}'")
        expected["pair/64"]["counters"] = {"rmw": 3}
        self.assertEqual(counts.micro(self.folder, [], 10), expected)
        self.script("ashlar_micro", "exit 1")
        self.assertIn("error", counts.micro(self.folder, [], 10))

    def test_tables_of_counters(self):
        text = ("Heading.\n\npair: two words\nthreads  rmw  worst-line\n  1  0.5  0.1 a word\n 64  0.7  0.2\n\n"
                "more: x\nthreads rmw\n 1 2\n")
        self.assertEqual(counts.scaling(self.folder, [], 10), {})
        self.script("ashlar_counters", f"cat <<'EOF'\n{text}EOF\n")
        found = counts.scaling(self.folder, [], 10)
        self.assertEqual(found["patterns"], {"pair: two words": [{"threads": 1, "rmw": 0.5, "worst-line": 0.1},
                                                                 {"threads": 64, "rmw": 0.7, "worst-line": 0.2}],
                                             "more: x": [{"threads": 1, "rmw": 2}]})
        self.assertIn("0.500 / 0.700", sections.counters({"counters": found}, NAMES, {}))


class Files(unittest.TestCase):
    def test_files_are_read_back(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x")
            records.save(session(), path)
            self.assertEqual(records.load(path), session())
            records.save({"format": 0}, path)
            with self.assertRaises(ValueError):
                records.load(path)

    def test_rows(self):
        rows = list(records.rows(session()))
        self.assertEqual(len(rows), 3 * 9 + 7 + 2)
        self.assertEqual([row["round"] for row in rows[:4]], [1, 2, 3, 1])

    def test_progress(self):
        now = [0.0]
        progress = Progress(io.StringIO(), lambda: now[0])
        progress.expect(10)
        self.assertIsNone(progress.left())
        progress.step("a", 2)
        now[0] = 4.0
        self.assertAlmostEqual(progress.left(), 16)
        self.assertEqual([duration_text(seconds) for seconds in (59.6, 61, 3723)], ["1:00", "1:01", "1:02:03"])


class Drawing(unittest.TestCase):
    def test_pictures_of_all_kinds(self):
        found = plots.everything(session(), NAMES)
        self.assertEqual({key: [picture.name for picture in some] for key, some in found.items()}, {
            "overview": ["summary", "by-family"], "families": ["family-work"], "threads": ["threads-time", "threads-memory"],
            "traces": ["memory-over-time"], "latency": ["latency"], "programs": ["programs"]})

    def test_nothing_to_draw(self):
        empty = session() | {"workloads": {}, "latency": {}, "traces": {}, "programs": {}}
        self.assertEqual([some for some in plots.everything(empty, NAMES).values() if some], [])

    def test_families_over_threads(self):
        self.assertEqual(plots.scaling(session()), {"work": {1: "work-1", 2: "work-2", 4: "work-4"}})

    def test_what_is_in_a_picture(self):
        script = plots.overview(session(), NAMES)[0].script("x.svg")
        self.assertIn("background rgb 'white'", script)
        self.assertIn("'all workloads'", script)
        self.assertIn(gnuplot.COLOURS["ashlar"], script)
        self.assertIn("'10'", script)  # the mean ratio of "slow", beyond the clip
        script = plots.family_bars(session(), NAMES)[0].script("x.svg")
        self.assertIn("'failed'", script)
        self.assertIn("'10'", script)  # cut
        self.assertNotIn("'2.20'", script)

    def test_colours_are_apart_and_fixed(self):
        names = [*gnuplot.COLOURS, "one", "two", "three"]
        self.assertEqual(len(set(gnuplot.colours_of(names).values())), len(names))
        self.assertEqual(gnuplot.colours_of(["zork", "ashlar"])["ashlar"], "#D55E00")

    def test_quotes(self):
        self.assertEqual(gnuplot.quoted("it's\nthis"), "'it''s this'")

    def test_ids_of_inlined_pictures_are_apart(self):
        svg = '<svg><g id="a"/><g id="ab"/><use xlink:href="#a"/><use fill="url(#ab)"/></svg>'
        svg = page.inline("<?xml?><!DOCTYPE x>\n" + svg, "n-1")
        self.assertEqual(svg, '<svg><g id="n_1_a"/><g id="n_1_ab"/><use xlink:href="#n_1_a"/><use fill="url(#n_1_ab)"/></svg>')


class Pages(unittest.TestCase):
    def test_cells(self):
        self.assertEqual(page.cell(runs(9, 10, 11), figures.TIME, "ashlar", 10),
                         '<td class="best own">10.0 <span class="spread">±10%</span></td>')
        self.assertIn("failed", page.cell([{"error": "x"}], figures.TIME, "fast", 1))

    def test_page(self):
        text = page.html(session(), NAMES, {"overview": [("summary", "<svg></svg>")]})
        for part in ("some &lt;processor&gt;", "a &lt;note&gt;", "made up &lt;&amp;&gt;", "does not run under valgrind",
                     "<svg></svg>", "a-program", "pair/64", "rmw"):
            self.assertIn(part, text)
        self.assertNotIn("made up <", text)

    def test_losses_are_listed(self):
        text = sections.behind(session(), NAMES, {})
        self.assertEqual(text.count("<td class=left>clear</td>"), 6)  # three workloads, wall and CPU time
        self.assertIn("None", sections.behind(session() | {"workloads": {}}, NAMES, {}))

    def test_page_without_most_parts(self):
        bare = session() | {"latency": {}, "traces": {}, "programs": {}, "micro": {}, "startup": {}, "instructions": {}}
        text = page.html(bare, NAMES, {})
        self.assertNotIn("Micro benchmarks", text)
        self.assertIn("How it was measured", text)


if __name__ == "__main__":
    unittest.main()
