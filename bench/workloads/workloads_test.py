#!/usr/bin/env python3
"""usage: workloads_test.py PROGRAM BROKEN [ASHLAR]   BROKEN: a library whose malloc gives some blocks twice

Tests ashlar_workloads: it runs everything and loses nothing, does the same work under every allocator, reports what its
documentation says, and fails under a faulty allocator. Times are not checked.
"""
import json
import os
import re
import subprocess
import sys
import unittest

PROGRAM = BROKEN = ASHLAR = ""
KEYS = {"workload", "malloc", "threads", "operations", "seconds", "cpu_seconds", "ns_per_operation", "peak_kib", "final_kib",
        "idle_kib", "live_peak_kib", "minor_faults", "checksum"}
PERCENTILES = ("p50", "p90", "p99", "p999", "max")


def start(*arguments, preload=""):
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    if preload:
        environment["LD_PRELOAD"] = preload
    return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)


def run(*arguments, preload=""):
    """One dictionary a line."""
    done = start(*arguments, preload=preload)
    if done.returncode != 0:
        raise AssertionError(f"{arguments} under {preload or 'libc'}: exit status {done.returncode}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Listing(unittest.TestCase):
    def test_families_and_descriptions(self):
        listed = json.loads(start("--list", "--json").stdout)
        self.assertEqual([f"{each['name']} {each['threads']}" for each in listed], start("--list").stdout.splitlines())
        self.assertEqual(len({each["name"] for each in listed}), len(listed))
        lines = {}
        for each in listed:
            self.assertTrue(20 < len(each["about"]) < 120, each)
            self.assertTrue(each["name"].startswith(each["family"]), each)
            if each["name"] == f"{each['family']}-{each['threads']}":
                lines.setdefault(each["family"], []).append(each["about"])
        lines = {family: abouts for family, abouts in lines.items() if len(abouts) > 1}
        self.assertIn("larson", lines)
        for family, abouts in lines.items():
            self.assertEqual(len(set(abouts)), 1, f"{family}: not the same but for threads")

    def test_wrong_options(self):
        for wrong in (["no-such-workload"], ["pair-64", "--scale", "0"], ["pair-64", "--trace", "0"], ["--faster"], []):
            self.assertEqual(start(*wrong).returncode, 2, wrong)


class EveryWorkload(unittest.TestCase):
    def test_same_work_under_every_allocator(self):
        mine = run("--smoke")
        self.assertEqual([line["workload"] for line in mine], [line.split()[0] for line in start("--list").stdout.splitlines()])
        for line in mine:
            self.assertEqual(set(line), KEYS, line["workload"])
            self.assertRegex(line["malloc"], r"/libc\.so|ld-musl")
            self.assertGreater(line["operations"], 0, line)
            self.assertGreater(line["peak_kib"], 0, line)
        if not ASHLAR:
            self.skipTest("no other allocator to compare with")
        theirs = run("--smoke", preload=ASHLAR)
        for line, other in zip(mine, theirs, strict=True):
            self.assertEqual(os.path.realpath(other["malloc"]), os.path.realpath(ASHLAR))
            for key in ("workload", "operations", "checksum"):
                self.assertEqual(line[key], other[key], line["workload"])

    def test_needs_no_library_that_allocates(self):
        needed = subprocess.run(["readelf", "-d", PROGRAM], capture_output=True, text=True, check=True).stdout
        self.assertEqual([name for name in re.findall(r"Shared library: \[(.*)\]", needed) if "libstdc++" in name], [])

    def test_notices_blocks_that_overlap(self):
        # Several of its blocks are live at any time, so a block that is returned twice has two users.
        for name in ("replace-1k", "batch-random-64-10k", "xmalloc-4", "ast-1", "cache-server-1", "grow-vectors"):
            self.assertNotEqual(start(name, "--smoke", preload=BROKEN).returncode, 0, name)


class Measurements(unittest.TestCase):
    def test_latency(self):
        for name in ("pair-64", "exchange-2", "memalign-16-4096"):
            line, = run(name, "--scale", "0.002", "--latency")
            self.assertEqual(set(line), KEYS | {"latency"})
            for call in ("malloc", "free"):
                figures = line["latency"][call]
                values = [figures[key] for key in PERCENTILES]
                self.assertEqual(values, sorted(values), f"{name} {call}")
                self.assertGreater(figures["max"], 0)
                # Each operation is one malloc and one free; only the measured part counts.
                self.assertEqual(figures["count"], line["operations"], f"{name} {call}")
            self.assertGreater(line["latency"]["clock_ns"], 0)

    def test_latency_of_slow_calls_shows(self):
        """The first touch of a page costs more than a hit, inside calloc too."""
        slow, = run("calloc-4k-256k", "--scale", "0.02", "--latency")
        fast, = run("pair-16", "--scale", "0.002", "--latency")
        self.assertGreater(slow["latency"]["malloc"]["p90"], fast["latency"]["malloc"]["p50"])

    def test_trace(self):
        line, = run("burst-then-idle", "--scale", "0.3", "--trace", "5")
        self.assertEqual(set(line), KEYS | {"trace"})
        times, resident, live = (line["trace"][key] for key in ("ms", "rss_kib", "live_kib"))
        self.assertEqual((len(times), len(times)), (len(resident), len(live)))
        self.assertGreater(len(times), 20)
        self.assertEqual(times, sorted(times))
        self.assertLessEqual(max(live), line["live_peak_kib"])
        self.assertGreater(max(live), line["live_peak_kib"] / 4)
        self.assertGreater(max(resident), max(live) / 2)
        self.assertEqual(live[-1], 0, "everything is freed at the end")

    def test_live_bytes_of_every_way_to_allocate(self):
        for name in ("grow-strings", "calloc-4k-256k", "memalign-16-4096", "exchange-2", "rptest-2"):
            line, = run(name, "--smoke", "--trace", "1")
            self.assertEqual(line["trace"]["live_kib"][-1], 0, name)
            # the strings begin with 16 KiB in all
            self.assertGreater(line["live_peak_kib"], 200 if name == "grow-strings" else 0, name)


if __name__ == "__main__":
    PROGRAM, BROKEN = sys.argv[1:3]
    ASHLAR = sys.argv[3] if len(sys.argv) > 3 else ""
    unittest.main(argv=sys.argv[:1])
