"""Checks the symbols, segments and flags of libashlar.so, and that ashlar.o replaces malloc of libc.a."""
import argparse
import pathlib
import re
import subprocess
import sys
import unittest

OPTIONS = None
HERE = pathlib.Path(__file__).parent
# Functions that run before main: the C runtime's own, the fork handler, and the reader of ASHLAR_STATS.
STARTUP = {"frame_dummy", "watch_forks", "prepare", "start_on_request", "wrap_earlier_handlers"}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def demangled(names):
    return subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True).stdout.split("\n")


def defined(nm_output):
    """Names of the symbols that others can bind to."""
    return {line.split()[-1] for line in nm_output.splitlines() if re.search(r" [TWVDBRui] \S+$", line)}


class Library(unittest.TestCase):
    def readelf(self, *flags):
        return output(OPTIONS.readelf, *flags, OPTIONS.library)

    def test_exports_are_exactly_those_listed(self):
        lines = (HERE / "exports.txt").read_text().splitlines()
        listed = {line for line in lines if line and not line.startswith("#")}
        names = defined(output(OPTIONS.nm, "-D", "--defined-only", OPTIONS.library))
        self.assertEqual(set(demangled(sorted(names))) - {""}, listed)

    def test_needs_libc_only(self):
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", self.readelf("-dW")))
        self.assertIn("libc.so.6", needed)
        self.assertEqual({name for name in needed if not re.match(r"libc\.so|ld-linux", name)}, set())

    def test_is_never_unloaded_and_bound_at_start(self):
        flags = re.search(r"\(FLAGS_1\)\s+(?:Flags: )?(.*)", self.readelf("-dW"))
        self.assertIsNotNone(flags)
        self.assertLessEqual({"NOW", "NODELETE"}, set(flags.group(1).split()))

    def test_few_words_of_static_thread_storage(self):
        # Three words lead to the thread's cache: for hits, for checks, and for recorded stacks.
        # One notes the fault that the thread reports.
        # The other seventeen are the caches of its signal handlers, and notes about four of them.
        segments = re.findall(r"^\s*TLS\s+(?:0x\w+\s+){3}0x(\w+)\s+0x(\w+)", self.readelf("-lW"), re.M)
        self.assertEqual([int(memory, 16) for _, memory in segments], [168])
        # A dynamic model would call __tls_get_addr, which may call malloc.
        self.assertNotIn("__tls_get_addr", output(OPTIONS.nm, "-D", OPTIONS.library))
        self.assertNotRegex(self.readelf("-rW"), r"DTPMOD|TLSDESC|TLS_DTPREL")

    def test_no_text_relocations_nor_executable_data(self):
        self.assertNotIn("TEXTREL", self.readelf("-dW"))
        for flags in re.findall(r"^\s*(?:LOAD|GNU_STACK)\s.*\s([R ][W ][E ])\s+0x\w+$", self.readelf("-lW"), re.M):
            self.assertFalse("W" in flags and "E" in flags, "writable and executable")

    def test_nothing_runs_before_main_but_what_is_known(self):
        dynamic = self.readelf("-dW")
        start = int(re.search(r"\(INIT_ARRAY\)\s+0x(\w+)", dynamic).group(1), 16)
        size = int(re.search(r"\(INIT_ARRAYSZ\)\s+(\d+)", dynamic).group(1))
        functions = []
        for place, value in re.findall(r"^(\w{16})\s+\w+\s+R_\w+_RELATIVE\s+(\w+)$", self.readelf("-rW"), re.M):
            if start <= int(place, 16) < start + size:
                functions.append(int(value, 16))
        self.assertEqual(len(functions), size // 8)
        symbols = {}
        for line in output(OPTIONS.nm, "-C", OPTIONS.library).splitlines():
            match = re.match(r"(\w{16}) [tT] (.*)", line)
            if match:
                name = re.sub(r"\(.*\)$", "", match.group(2).replace("(anonymous namespace)", "")).split("::")[-1]
                symbols.setdefault(int(match.group(1), 16), set()).add(name)
        for function in functions:
            names = symbols.get(function, set())
            self.assertTrue(names & STARTUP, f"runs at start-up: {names or hex(function)}")


class Object(unittest.TestCase):
    def test_defines_all_that_malloc_of_libc_does(self):
        archive = output(OPTIONS.cc, "-print-file-name=libc.a").strip()
        if not pathlib.Path(archive).is_absolute():
            self.skipTest("no libc.a here")
        members = re.split(r"^(\S+):$", output(OPTIONS.nm, "-g", "--defined-only", archive), flags=re.M)[1:]
        malloc = [symbols for name, symbols in zip(members[::2], members[1::2]) if name == "malloc.o"]
        self.assertEqual(len(malloc), 1, "this libc keeps malloc elsewhere")
        theirs = defined(malloc[0])
        self.assertLessEqual({"malloc", "free", "__libc_memalign"}, theirs)
        self.assertEqual(theirs - defined(output(OPTIONS.nm, "-g", "--defined-only", OPTIONS.object)), set())

    def test_needs_no_cpp_runtime(self):
        # A weak reference asks for nothing.
        wanted = re.findall(r" U (\S+)$", output(OPTIONS.nm, "-u", OPTIONS.object), re.M)
        self.assertIn("abort", wanted)
        self.assertEqual([name for name in wanted if re.match(r"_ZN?K?S|_Zn|_Zd|__gxx|__cxa_(?!atexit)|_Unwind", name)], [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("library", "object", "nm", "readelf", "cc"):
        parser.add_argument("--" + name, required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
