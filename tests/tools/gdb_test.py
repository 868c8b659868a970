"""usage: gdb_test.py --gdb GDB --program PROGRAM --printers ashlar.py

Tests the output of gdb's commands and printers for a stopped program. The expected values come from the addresses that
the program printed and the sizes that it requested. Status 77: skipped.
"""
import argparse
import re
import subprocess
import sys
import unittest

UNIT = 64 * 1024
SIZE = 64  # of the program's small blocks
CLASS = 4  # 16-byte steps: the fourth class has 64-byte blocks
FREE_NUMBER = 1000  # a block of the slab that the program has not come to
HEAP = "('ashlar::cache::(anonymous namespace)::process_heap'.value_)"

options = None
SKIPPED = 77


def run(*commands):
    """gdb's output for each command at the breakpoint. A line with its number comes before each."""
    arguments = [options.gdb, "-nx", "-q", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set style enabled off",
                 "-ex", f"source {options.printers}", "-ex", "break stopped", "-ex", "run", "-ex", "up"]
    for number, command in enumerate(commands):
        arguments += ["-ex", f"echo \\n@{number}\\n", "-ex", command]
    done = subprocess.run(arguments + [options.program], capture_output=True, text=True, timeout=120, check=False)
    output = done.stdout + done.stderr
    if re.search(r"Could not trace the inferior|ptrace: Operation not permitted|Python scripting is not supported", output):
        print("skipped: gdb can't trace here, or has no Python:\n" + output)
        sys.exit(SKIPPED)
    # Errors of the commands are on stderr.
    parts = re.split(r"^@\d+\n", done.stdout, flags=re.M)
    return parts[0], [part.strip() for part in parts[1:]], done.stderr


def addresses(text):
    return {name: int(address, 16) for name, address in re.findall(r"^(\w+) (0x[0-9a-f]+)$", text, re.M)}


class Printers(unittest.TestCase):
    """One run of gdb for the addresses, and one with all commands: addresses stay as they are without randomization."""

    @classmethod
    def setUpClass(cls):
        head, first, _ = run(f"ashlar-magazines {CLASS}")
        cls.at = addresses(head)
        held = re.findall("0x[0-9a-f]+", first[0].splitlines()[0])
        cls.at["magazine"], cls.at["last"] = int(held[0], 16), int(held[127], 16)
        cls.slab = cls.at["live"] // UNIT * UNIT
        live = cls.at["live"]
        cls.commands = {
            "live": f"ashlar-block {live:#x}",
            "inside": f"ashlar-block {live + 5:#x}",
            "cached": f"ashlar-block {cls.at['cached']:#x}",
            "magazine": f"ashlar-block {cls.at['magazine']:#x}",
            "last": f"ashlar-block {cls.at['last']:#x}",
            "untouched": f"ashlar-block {cls.slab + FREE_NUMBER * SIZE:#x}",
            "medium": f"ashlar-block {cls.at['medium']:#x}",
            "cached_run": f"ashlar-block {cls.at['cached_run']:#x}",
            "large": f"ashlar-block {cls.at['large'] + UNIT:#x}",
            "mapped": f"ashlar-block {cls.at['mapped']:#x}",
            "foreign": "ashlar-block &manager",
            "unit": f"ashlar-unit {live:#x}",
            "number": "ashlar-unit 1",
            "freed": f"ashlar-block {cls.at['freed']:#x}",
            "beyond": "ashlar-unit 60000",
            "bins": "ashlar-bin",
            "bin": f"ashlar-bin {CLASS}",
            "magazines": f"ashlar-magazines {CLASS}",
            "ranges": "ashlar-ranges manager",
            "state": f"print *(ashlar::spans::UnitState*)&{HEAP}->spans.state_[1]",
            "record": "print 'ashlar::cache::(anonymous namespace)::process_heap'",
            "cache": "print *'ashlar::cache::tls_cache'",
            "range": "python print(range_table(gdb.parse_and_eval('manager'))[3])",
        }
        _, answers, cls.complaints = run(*cls.commands.values())
        cls.said = dict(zip(cls.commands, answers))

    def block(self, name):
        return self.said[name].splitlines()

    def test_no_command_failed(self):
        self.assertEqual(re.findall(r"^.*(?:Error|Traceback|No symbol).*$", self.complaints, re.M), [])
        self.assertEqual(len(self.said), len(self.commands))

    def free_in_slab(self, name, blocks):
        """How many blocks a line says to be free in a slab of so many."""
        return int(re.search(rf": (\d+) of {blocks} blocks free in the slab", self.said[name])[1])

    def in_bin(self, bin_number):
        return int(re.search(rf"^bin {bin_number} .*: (\d+) of", self.said["bins"], re.M)[1])

    def test_every_block_is_somewhere(self):
        magazines = len(self.block("magazines"))
        self.assertGreater(magazines, 0)
        self.assertEqual(self.free_in_slab("live", 1024) + self.in_bin(CLASS) + 128 * magazines + 1, 1024)
        self.assertEqual(self.free_in_slab("medium", 32) + self.in_bin(33) + 19, 32)

    def test_a_live_block(self):
        live = self.at["live"]
        number = (live - self.slab) // SIZE
        self.assertEqual(self.block("live"), [
            f"{live:#x}: 64-byte block at {live:#x} (class 4), live",
            f"  block {number} of 1024; unit 1: unit 0 of 1 of the owned slab of class 4, 64-byte blocks, that begins at unit "
            f"1: {self.free_in_slab('live', 1024)} of 1024 blocks free in the slab"])
        self.assertEqual(self.block("inside")[0], f"{live + 5:#x}: 64-byte block at {live:#x} (class 4), live, 5 bytes into it")

    def test_free_blocks_by_their_holder(self):
        own = "free, in the selected thread's cache (0)"
        self.assertIn(own, self.block("cached")[0])
        self.assertRegex(self.block("magazine")[0], r"\(class 4\), free, in the depot, shard 0, magazine 0$")
        self.assertIn("(class 4), free, in the depot, shard 0, magazine 0", self.block("last")[0])
        self.assertIn("(class 4), free, in its slab", self.block("untouched")[0])
        self.assertIn(f"block {FREE_NUMBER} of 1024;", self.block("untouched")[1])
        self.assertIn(f"131072-byte block at {self.at['cached_run']:#x} (large run), {own}", self.block("cached_run")[0])

    def test_a_slab_of_several_units(self):
        at = self.at["medium"]
        within = at - (self.slab + UNIT)  # the slab follows that of the small blocks
        self.assertGreaterEqual(within, UNIT)
        self.assertEqual(within % 10240, 0)
        self.assertEqual(self.block("medium")[0], f"{at:#x}: 10240-byte block at {at:#x} (class 33), live")
        unit = within // UNIT
        self.assertRegex(self.block("medium")[1], f"^  block {within // 10240} of 32; unit {2 + unit}: unit {unit} of 5 of the "
                                                  "owned slab of class 33, 10240-byte blocks, that begins at unit 2: ")

    def test_a_large_run(self):
        at = self.at["large"]
        first = 1 + (at - self.slab) // UNIT
        self.assertEqual(self.block("large"), [
            f"{at + UNIT:#x}: 3145728-byte block at {at:#x} (large run), live, {UNIT} bytes into it",
            f"  unit {first + 1}: unit 1 of a large run of 48 units that begins at unit {first}"])

    def test_a_freed_run(self):
        self.assertEqual(self.block("freed")[0], f"{self.at['freed']:#x}: no block")
        self.assertRegex(self.block("freed")[1], "^  unit [0-9]+: free, (dirty|aged|clean)$")

    def test_what_no_heap_has(self):
        at = self.at["mapped"]
        self.assertEqual(self.said["mapped"], f"{at:#x}: 41943040-byte block at {at:#x} (a mapping of its own), live")
        self.assertIn("in no heap of Ashlar", self.said["foreign"])

    def test_units(self):
        self.assertEqual(self.said["unit"], self.said["number"])
        self.assertIn(f"unit 1 at {self.slab:#x}: unit 0 of 1 of the owned slab of class 4", self.said["unit"])
        self.assertIn("never handed out", self.said["beyond"])
        self.assertRegex(self.said["state"], r"= owned slab of class 4, 64-byte blocks$")
        self.assertRegex(self.said["record"], r"= 0x[0-9a-f]+$")

    def test_bins(self):
        for line, name in zip(self.block("bins"), ("4 (class 4, 64-byte blocks)", "33 (class 33, 10240-byte blocks)",
                                                   "42 (bin 42, runs of 131072 bytes)"), strict=True):
            self.assertRegex(line, f"^bin {re.escape(name)}: [1-9][0-9]* of [1-9][0-9]* blocks$")
        self.assertEqual(self.in_bin(42), 1)
        head, *blocks = self.block("bin")
        self.assertEqual(head, self.block("bins")[0])
        self.assertEqual(len(set(blocks)), self.in_bin(CLASS))
        self.assertEqual(blocks[0].strip(), f"{self.at['cached']:#x}")
        self.assertRegex(self.said["cache"], r"= cache = \{bin 4 = %d blocks of 64 bytes, bin 33 = " % self.in_bin(CLASS))

    def test_magazines(self):
        lines = self.block("magazines")
        for place, line in enumerate(lines):
            self.assertTrue(line.startswith(f"shard 0, magazine {place}: magazine of 128 blocks = "), line)
        held = {int(block, 16) for line in lines for block in re.findall("0x[0-9a-f]+", line)}
        self.assertEqual(len(held), 128 * len(lines))
        self.assertEqual({block // UNIT * UNIT for block in held}, {self.slab})
        self.assertIn(self.at["magazine"], held)
        self.assertNotIn(self.at["live"], held)

    def test_ranges(self):
        self.assertEqual([line.split(": ")[1] for line in self.block("ranges")], [
            "block [0, 100) of 100 bytes, 100 asked for", "hole [100, 300) of 200 bytes",
            "block [300, 600) of 300 bytes, 300 asked for", "hole [600, 4096) of 3496 bytes"])
        self.assertIn(self.said["range"], "\n".join(self.block("ranges")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("gdb", "program", "printers"):
        parser.add_argument(f"--{name}", required=True)
    options, rest = parser.parse_known_args()
    if not options.gdb or options.gdb.endswith("NOTFOUND"):
        print("skipped: there is no gdb")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *rest])
