"""Tests `ashlar compare`: the programs that it runs, its figures and messages, and its verdicts from its raw figures."""
import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

from harness import CommandTest, environment, main, paths

METRICS = ("wall_seconds", "cpu_seconds", "peak_kib")
MARGIN = 0.01


def value(run, metric):
    return run["user_seconds"] + run["system_seconds"] if metric == "cpu_seconds" else run[metric]


def interval_rank(pairs):
    """The largest k with P(k-th smallest <= median <= k-th largest) >= 15/16."""
    rank = 0
    while sum(math.comb(pairs, i) for i in range(rank + 1)) * 2 / 2**pairs <= 1 / 16:
        rank += 1
    return rank


def under_ashlar(then, otherwise):
    """A program that finds its allocator in LD_PRELOAD."""
    name = os.path.basename(paths.library).partition(".so")[0]
    return ["sh", "-c", f'case "$LD_PRELOAD" in *{name}.so*) {then};; *) {otherwise};; esac']


class CompareTest(CommandTest):
    def table(self, *words, status=0, **variables):
        result = self.ashlar("compare", *words, **variables)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result.stdout

    def json(self, *words, status=0):
        return json.loads(self.table("--json", *words, status=status))

    def named(self, document, name):
        found = [one for one in document["allocators"] if one["name"] == name]
        self.assertEqual(len(found), 1, name)
        return found[0]

    def row(self, table, name):
        rows = [line for line in table.splitlines() if line.startswith(name + " ")]
        self.assertEqual(len(rows), 1, table)
        return rows[0]


class OutputTest(CompareTest):
    def test_table(self):
        table = self.table("-n", "5", "--only", "ashlar", "--", paths.plain)
        for title in ("wall time", "CPU time", "peak memory"):
            self.assertIn(title, table)
        for name in ("system", "ashlar"):
            self.assertRegex(self.row(table, name), r"ms ±.*ms ±.*MiB ±")
        self.assertNotIn("?", table)

    def test_figures_follow_from_the_runs(self):
        document = self.json("-n", "9", "--", paths.plain)
        self.assertEqual(document["program"], [paths.plain])
        self.assertEqual(document["rounds"], 9)
        system = document["allocators"][0]
        self.assertEqual(system["name"], "system")
        self.assertTrue(os.path.samefile(self.named(document, "ashlar")["library"], paths.library))
        for one in document["allocators"]:
            self.assertIsNone(one["failed"])
            self.assertEqual(len(one["runs"]), 9)
            for metric in METRICS:
                self.check_figures(one, system, metric)

    def check_figures(self, one, system, metric):
        own = [value(run, metric) for run in one["runs"]]
        ratios = sorted(mine / value(other, metric) for mine, other in zip(own, system["runs"]))
        rank = interval_rank(len(ratios))
        low, high = ratios[rank - 1], ratios[-rank]
        verdict = "less" if high < 1 - MARGIN else "more" if low > 1 + MARGIN else "no difference"
        expected = {"median": statistics.median(own), "min": min(own), "max": max(own),
                    "ratio": statistics.median(ratios), "ratio_low": low, "ratio_high": high}
        figures = dict(one[metric])
        self.assertEqual(figures.pop("verdict"), verdict)
        self.assertEqual(figures.keys(), expected.keys())
        for name, number in expected.items():
            self.assertAlmostEqual(figures[name], number, delta=1e-6 * max(1, number), msg=(one["name"], metric, name))
        self.assertGreater(min(own), 0)

    def test_no_difference(self):
        # The start of the program takes far below one percent of this.
        program = ["sleep", "0.4"]
        document = self.json("--only", "ashlar", "--", *program)
        self.assertEqual(self.named(document, "ashlar")["wall_seconds"]["verdict"], "no difference")
        self.assertIn("no difference", self.row(self.table("--only", "ashlar", "--", *program), "ashlar"))

    def test_difference_in_time(self):
        more = self.json("--only", "ashlar", "--", *under_ashlar("sleep 0.3", "sleep 0.1"))
        figures = self.named(more, "ashlar")["wall_seconds"]
        self.assertEqual(figures["verdict"], "more")
        self.assertGreater(figures["ratio"], 1.5)
        less = self.json("--only", "ashlar", "--", *under_ashlar("sleep 0.1", "sleep 0.3"))
        self.assertEqual(self.named(less, "ashlar")["wall_seconds"]["verdict"], "less")

    def test_difference_in_processor_time_and_memory(self):
        used = f"{sys.executable} -c 'x = bytearray(1 << 26); sum(range(3000000))'"
        figures = self.named(self.json("--only", "ashlar", "--", *under_ashlar(used, ":")), "ashlar")
        for metric in ("cpu_seconds", "peak_kib"):
            self.assertEqual(figures[metric]["verdict"], "more")
        # The block is all touched; the figure is that of one process.
        self.assertGreater(figures["peak_kib"]["min"], 1 << 16)
        self.assertLess(figures["peak_kib"]["min"], 2 << 16)

    def test_too_few_runs(self):
        table = self.table("-n", "4", "--only", "ashlar", "--", paths.plain)
        self.assertEqual(self.row(table, "ashlar").count("?"), 3)
        self.assertIn("fewer than 5", table)
        document = self.json("-n", "1", "--warmup", "0", "--only", "ashlar", "--", paths.plain)
        self.assertEqual(self.named(document, "ashlar")["peak_kib"]["verdict"], "too few runs")

    def test_output_of_the_program(self):
        program = ["--", "sh", "-c", "echo to stdout; echo to stderr >&2"]
        dropped = self.ashlar("compare", "-n", "1", "--only", "ashlar", *program)
        self.assertEqual(dropped.stderr, "")
        shown = self.ashlar("compare", "-n", "1", "--warmup", "0", "--only", "ashlar", "--show-output", "--json", *program)
        self.assertEqual(shown.stderr.count("to stdout\nto stderr\n"), 2)
        json.loads(shown.stdout)


class RoundsTest(CompareTest):
    def test_order_is_rotated(self):
        seen = os.path.join(self.directory, "seen")
        document = self.json("-n", "3", "--warmup", "1", "-a", "extra=libm.so.6", "--only", "ashlar,extra", "--", "sh", "-c",
                             f"echo $LD_PRELOAD >> {seen}")
        libraries = [one["library"] for one in document["allocators"]]
        self.assertEqual([one["name"] for one in document["allocators"]], ["system", "ashlar", "extra"])
        with open(seen, encoding="utf-8") as file:
            order = file.read().split()
        expected = [libraries[(first + i) % 3] for first in range(4) for i in range(3)]
        self.assertEqual(order, expected)

    def test_added_allocator(self):
        copy = shutil.copy(paths.library, os.path.join(self.directory, "mine.so"))
        document = self.json("-n", "1", "-a", "mine=" + copy, "--", paths.plain)
        self.assertEqual(self.named(document, "mine")["library"], copy)
        replaced = self.json("-n", "1", "-a", "ashlar=" + copy, "--only", "ashlar", "--", paths.plain)
        self.assertEqual(self.named(replaced, "ashlar")["library"], copy)

    def test_wrong_allocators(self):
        text = self.file("text.so", "not a library")
        for words, part in ((["-a", "mine"], "NAME=LIB"), (["-a", "=x"], "NAME=LIB"), (["-a", "mine="], "NAME=LIB"),
                            (["-a", "mine=/no/such.so"], "no such library"), (["-a", "mine=no-such.so"], "no such library"),
                            (["-a", "mine=" + text], "not a shared library"), (["-a", "system=libm.so.6"], "taken"),
                            (["--only", "nobody"], "there are: system ashlar")):
            self.expect_error(self.ashlar("compare", *words, "--", paths.plain), 2, part)
        for words in (["-n", "0"], ["-n", "many"], ["--warmup", "-1"]):
            self.assertEqual(self.ashlar("compare", *words, "--", paths.plain).returncode, 2)

    def test_pipeline(self):
        document = self.json("-n", "1", "--only", "ashlar", "--", "sh", "-c",
                             "printf 'b\\na\\n' | sort | head -n 1 | grep -q a")
        self.assertEqual(len(self.named(document, "ashlar")["runs"]), 1)

    def test_killed_command_takes_its_program_along(self):
        started = os.path.join(self.directory, "started")
        process = subprocess.Popen([paths.command, "compare", "--only", "ashlar", "--", "sh", "-c",
                                    f"echo $$ > {started}.new; mv {started}.new {started}; exec sleep 600"], env=environment)
        while not os.path.exists(started):
            time.sleep(0.01)
        with open(started, encoding="utf-8") as file:
            program = int(file.read())
        process.send_signal(signal.SIGKILL)
        process.wait()
        # A program that stays makes this test hang until its timeout; it ends by itself long after that.
        while self.runs(program):
            time.sleep(0.01)

    @staticmethod
    def runs(process):
        try:
            with open(f"/proc/{process}/stat", encoding="utf-8") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False


class FailureTest(CompareTest):
    def test_fails_everywhere(self):
        program = ["--", "sh", "-c", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done >&2; exit 3"]
        table = self.table(*program, status=1)
        self.assertRegex(self.row(table, "system"), r"failed$")
        self.assertIn("system: failed: exit status 3", table)
        self.assertIn("line 2996\n    line 2997\n    line 2998\n    line 2999\n    line 3000\n", table)
        self.assertNotIn("line 2995", table)
        failed = self.json(*program, status=1)["allocators"][0]["failed"]
        self.assertEqual(failed["reason"], "exit status 3")

    def test_fails_under_ashlar(self):
        table = self.table("-n", "2", "--only", "ashlar", "--", *under_ashlar("echo oops >&2; kill -ABRT $$", ":"), status=1)
        self.assertRegex(self.row(table, "ashlar"), r"failed$")
        self.assertRegex(self.row(table, "system"), r"ms")
        self.assertRegex(table, r"ashlar: failed: killed by signal 6 \(Aborted\); .*\n    oops\n")

    def test_fails_under_another(self):
        words = ["-n", "2", "-a", "odd=libm.so.6", "--only", "ashlar,odd", "--", "sh", "-c",
                 'case "$LD_PRELOAD" in *libm*) exit 9;; esac']
        table = self.table(*words)
        self.assertRegex(self.row(table, "odd"), r"failed$")
        self.assertIn("odd: failed: exit status 9\n", table)
        document = self.json(*words)
        self.assertEqual(self.named(document, "odd")["failed"], {"reason": "exit status 9", "stderr": ""})
        self.assertEqual(self.named(document, "odd")["runs"], [])
        self.assertEqual(len(self.named(document, "ashlar")["runs"]), 2)

    def test_library_that_is_not_loaded(self):
        library = shutil.copy(paths.library, os.path.join(self.directory, "gone.so"))
        table = self.table("-n", "2", "-a", "gone=" + library, "--only", "ashlar,gone", "--", "rm", "-f", library)
        self.assertRegex(self.row(table, "gone"), r"failed$")
        self.assertIn("gone: failed: the library could not be preloaded", table)

    def test_programs_that_cannot_be_started(self):
        self.expect_error(self.ashlar("compare", "no-such-program"), 127, "no-such-program")
        text = self.file("text", "no program")
        self.expect_error(self.ashlar("compare", text), 126, "not executable")
        orphan = self.file("orphan", "#!/no/such/interpreter\n", 0o755)
        self.expect_error(self.ashlar("compare", orphan), 126, "interpreter")

    def test_static_program(self):
        if paths.static is None:
            self.skipTest("there is no static libc here")
        result = self.ashlar("compare", "-n", "1", "--only", "ashlar", "--json", "--", paths.static)
        self.assertEqual(result.returncode, 0)
        self.assertIn("statically linked", result.stderr)
        self.assertIn("statically linked", json.loads(result.stdout)["warnings"][0])


if __name__ == "__main__":
    main()
