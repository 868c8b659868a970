"""usage: smoke_test.py BUILD-DIRECTORY

Tests bench/run.sh --smoke: its files have all figures, and the report is complete and needs no other file.
"""
import csv
import html.parser
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
VOID = {"meta", "br", "img", "hr", "link", "input"}


class Page(html.parser.HTMLParser):
    """Collects the open elements, the ids, the links and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.faults, self.ids, self.links, self.tags, self.words = [], [], [], [], [], []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} is not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.append(value)
            if key in ("href", "src", "xlink:href"):
                self.links.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} closes what is not open, at {self.getpos()}")

    def handle_data(self, data):
        self.words.append(data)


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="ashlar-smoke.")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.out = os.path.join(cls.folder, "results")
        done = subprocess.run([os.path.join(BENCH, "run.sh"), "--smoke", "--build", BUILD, "--out", cls.out],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"status {done.returncode}\n{done.stdout}{done.stderr}")
        program = os.path.join(BUILD, "bench", "ashlar_workloads")
        usage = subprocess.run([program], capture_output=True, text=True, check=False).stderr
        cls.expected = {key: section for key, option, section in (("latency", "--latency", "Latency"),
                                                                  ("traces", "--trace", "Memory over time")) if option in usage}
        with open(cls.path("results.json"), encoding="utf-8") as file:
            cls.data = json.load(file)
        with open(cls.path("report.html"), encoding="utf-8") as file:
            cls.page = Page(file.read())

    @classmethod
    def path(cls, name):
        return os.path.join(cls.out, name)

    def test_every_run_is_fine(self):
        self.assertIn("ashlar", self.data["allocators"])
        for key in ("workloads", "latency", "traces", "programs"):
            for name, one in self.data[key].items():
                for allocator, runs in one["runs"].items():
                    if allocator in ("ashlar", "glibc"):
                        self.assertTrue(runs, f"{key}: {name} under {allocator}")
                        self.assertFalse([run for run in runs if "error" in run], f"{key}: {name} under {allocator}")

    def test_everything_was_measured(self):
        for key in ("workloads", "startup", "micro", *self.expected):
            self.assertTrue(self.data[key], key)
        self.assertTrue(shutil.which("sqlite3") is None or "sqlite" in self.data["programs"])
        self.assertTrue(shutil.which("valgrind") is None or self.data["instructions"]["ashlar"] > 10)
        self.assertGreaterEqual(self.data["machine"]["cores"], 1)
        self.assertTrue(self.data["machine"]["kernel"])

    def test_a_csv_row_for_each_run(self):
        with open(self.path("results.csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        runs = sum(len(runs) for key in ("workloads", "programs") for one in self.data[key].values()
                   for runs in one["runs"].values())
        self.assertEqual(len(rows), runs)
        self.assertTrue(all(row["error"] or float(row["seconds"]) > 0 for row in rows))

    def test_the_page_is_whole(self):
        self.assertEqual(self.page.faults, [])
        self.assertEqual(len(self.page.ids), len(set(self.page.ids)))
        inner = [link for link in self.page.links if link.startswith("#")]
        self.assertEqual(set(inner) - {"#" + one for one in self.page.ids}, set())

    def test_the_page_needs_nothing_else(self):
        self.assertEqual([link for link in self.page.links if not link.startswith("#")], [])
        self.assertNotIn("script", self.page.tags)
        self.assertNotIn("link", self.page.tags)

    def test_the_page_says_everything(self):
        text = " ".join(self.page.words)
        for key in ("workloads", "programs", "allocators"):
            for name in self.data[key]:
                self.assertIn(name, text)
        for title in ("Where Ashlar loses", "Over threads", "How it was measured", *self.expected.values()):
            self.assertIn(title, text)

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed: no plots")
    def test_every_plot_is_a_file_and_in_the_page(self):
        files = sorted(name for name in os.listdir(self.out) if name.endswith(".svg"))
        for name in ("summary", "by-family", "threads-time", "threads-memory",
                     *({"latency": "latency", "traces": "memory-over-time"}[key] for key in self.expected)):
            self.assertIn(f"{name}.svg", files)
        self.assertEqual(self.page.tags.count("svg"), len(files))
        for name in files:
            with open(self.path(name), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("fill = \"#ffffff\"", text.lower().replace('fill="#', 'fill = "#'), f"{name}: no white background")
            self.assertIn("#d55e00", (text.lower() + _rgb(text)), f"{name}: nothing in Ashlar's colour")

    def test_compared_with_itself_there_is_nothing_to_find(self):
        """One round is too few to compare, which the status reports."""
        results = self.path("results.json")
        done = subprocess.run([os.path.join(BENCH, "compare.py"), results, results], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)


def _rgb(text):
    """gnuplot writes colours of lines as rgb(r, g, b)."""
    return "#d55e00" if "rgb(213,  94,   0)" in text or "rgb(213,94,0)" in text.replace(" ", "") else ""


if __name__ == "__main__":
    if BUILD is None:
        sys.exit(__doc__)
    unittest.main()
