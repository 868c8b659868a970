"""`ashlar metrics`: the text follows the rules of OpenMetrics, and says the same as `ashlar report`."""
import os
import shutil
import signal
import subprocess
import unittest

import openmetrics
from harness import CommandTest, environment, main, paths

GOOD = b"""# TYPE a_bytes gauge
# UNIT a_bytes bytes
# HELP a_bytes Text.
a_bytes{x="1",y="a\\"b\\\\c\\nd"} 1
a_bytes{x="2"} -2.5e3
# TYPE b counter
# HELP b Text.
b_total 7
# EOF
"""

BAD = [
    ("no # EOF", lambda text: text.replace(b"# EOF\n", b"")),
    ("unit", lambda text: text.replace(b"a_bytes", b"a")),
    ("without _total", lambda text: text.replace(b"b_total", b"b")),
    ("twice", lambda text: text.replace(b'a_bytes{x="2"}', b'a_bytes{y="a\\"b\\\\c\\nd",x="1"}')),
    ("label twice", lambda text: text.replace(b'{x="2"}', b'{x="2",x="3"}')),
    ("behind samples", lambda text: text.replace(b"# TYPE b ", b"# HELP a_bytes Text.\n# TYPE b ")),
    ("description twice", lambda text: text.replace(b"# HELP b Text.\n", b"# HELP b Text.\n# HELP b Text.\n")),
    ("interrupted", lambda text: text.replace(b"# EOF", b"# HELP a_bytes Text.\n# EOF")),
    ("outside", lambda text: text.replace(b"# EOF", b'a_bytes{x="3"} 1\n# EOF')),
    ("negative", lambda text: text.replace(b"b_total 7", b"b_total -7")),
    ("without a type", lambda text: text.replace(b"# TYPE b counter\n", b"")),
    ("no HELP", lambda text: text.replace(b"# HELP b Text.\n", b"")),
    ("grammar", lambda text: text.replace(b"b_total 7", b"b_total  7")),
    ("grammar", lambda text: text.replace(b"b_total 7", b"\nb_total 7")),
    ("grammar", lambda text: text.replace(b'x="2"', b'x=2')),
    ("unknown escape", lambda text: text.replace(b'x="2"', b'x="\\2"')),
    ("UTF-8", lambda text: text.replace(b'x="2"', b'x="\xff"')),
]


class GrammarTest(unittest.TestCase):
    def test_accepts_a_good_text(self):
        samples, _ = openmetrics.parse(GOOD)
        self.assertEqual(samples["a_bytes", (("x", "1"), ("y", 'a"b\\c\nd'))], 1)
        self.assertEqual(samples["b_total", ()], 7)

    def test_refuses_each_fault(self):
        for reason, change in BAD:
            with self.subTest(reason), self.assertRaisesRegex(openmetrics.Bad, reason):
                self.assertNotEqual(change(GOOD), GOOD)
                openmetrics.parse(change(GOOD))

    def test_refuses_a_counter_that_went_down(self):
        with self.assertRaises(openmetrics.Bad):
            openmetrics.expect_monotonic({("b_total", ()): 7}, {("b_total", ()): 6})


class MetricsTest(CommandTest):
    def scrape(self, *words):
        result = subprocess.run([paths.command, "metrics", *words], env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout

    def samples(self, *users):
        samples, _ = openmetrics.parse(self.scrape(*(str(user.pid) for user in users)))
        return samples

    @staticmethod
    def of(samples, user, name, **labels):
        found = [value for (key, words), value in samples.items()
                 if key == name and {"pid": str(user.pid), **labels}.items() <= dict(words).items()]
        return sum(found)

    def test_says_what_the_report_says(self):
        user = self.user(paths.report_user, "quiet")
        samples, parser = openmetrics.parse(self.scrape(str(user.pid)))
        report = self.report(user)
        lines = {line["line"]: line["bytes"] for line in report["waterfall"]}
        for part in ("cached", "depot", "kept", "dirty", "metadata", "files", "stack", "brk"):
            self.assertEqual(self.of(samples, user, "ashlar_resident_bytes", part=part), lines[part], part)
        for part in ("live", "mapped", "cached", "depot", "metadata"):
            self.assertEqual(self.of(samples, user, "ashlar_heap_bytes", part=part), report["heap"][part], part)
        self.assertEqual(self.of(samples, user, "ashlar_resident_bytes"), report["sum"])
        self.assertEqual(self.of(samples, user, "ashlar_rss_bytes"), report["rss"])
        self.assertEqual(self.of(samples, user, "ashlar_cache_misses_total", kind="refill"),
                         report["counters"]["refills"])
        self.assertEqual(self.of(samples, user, "ashlar_class_blocks", state="live"),
                         report["heap"]["blocks"])
        for family in parser.types:
            self.assertTrue(family.startswith("ashlar_"), family)
            self.assertEqual(family.endswith("_bytes"), family in parser.units, family)

    def test_counters_never_go_down(self):
        user = self.user(paths.report_user, "busy")
        before = first = self.samples(user)
        for _ in range(20):
            after = self.samples(user)
            openmetrics.expect_monotonic(before, after)
            before = after
        name = "ashlar_cache_misses_total"
        self.assertGreater(self.of(before, user, name), self.of(first, user, name))

    def test_several_processes_have_their_own_samples(self):
        users = [self.user(paths.report_user, kind) for kind in ("quiet", "busy")]
        samples = self.samples(*users, users[0])
        for user in users:
            self.assertGreater(self.of(samples, user, "ashlar_resident_bytes", part="live"), 20 << 20)
        everything, _ = openmetrics.parse(self.scrape())
        for user in users:
            self.assertEqual(self.of(everything, user, "ashlar_heap_bytes", part="mapped"), 64 << 20)

    def test_names_of_processes_are_escaped(self):
        name = b'a"b\\c\nd\xff\x1b'
        path = os.path.join(self.directory.encode(), name)
        shutil.copy(paths.report_user, path)
        user = self.user(path, "quiet")
        (command,) = {dict(labels)["command"] for _, labels in self.samples(user)}
        self.assertEqual(command, 'a"b\\c\nd??')

    def test_stopped_process(self):
        user = self.user(paths.report_user, "busy")
        user.send_signal(signal.SIGSTOP)
        self.assertGreater(self.of(self.samples(user), user, "ashlar_rss_bytes"), 0)
        user.send_signal(signal.SIGCONT)

    def test_processes_that_cannot_be_read(self):
        other = self.user(paths.report_user, "quiet", preload=False)
        self.expect_error(self.ashlar("metrics", str(other.pid)), 1, "has no heap of Ashlar")
        other.kill()
        other.wait()
        self.expect_error(self.ashlar("metrics", str(other.pid)), 2, "No such")
        self.assertEqual(self.ashlar("metrics", "0").returncode, 2)
        with open("/dev/full", "wb") as full:
            user = self.user(paths.report_user, "quiet")
            result = subprocess.run([paths.command, "metrics", str(user.pid)], stdout=full, stderr=subprocess.PIPE,
                                    check=False)
        self.assertEqual(result.returncode, 2)

    def test_text_of_prometheus(self):
        user = self.user(paths.report_user, "quiet")
        text = self.scrape("--prometheus", str(user.pid))
        self.assertIn(b"# TYPE ashlar_cache_misses_total counter\n", text)
        self.assertNotIn(b"# EOF", text)
        self.assertNotIn(b"# UNIT", text)
        if shutil.which("promtool") is None:
            self.skipTest("no promtool")
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, check=False)
        self.assertEqual((checked.returncode, checked.stdout), (0, b""))


main()
