"""Compiles each public header alone: as C++20 and C++23, without exceptions, without RTTI, and ashlar.h as C.

Status 77: a compiler is missing.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import unittest

OPTIONS = None
INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror"]
# These need C++17 only.
OVER_THE_HEAP = {"ashlar.h", "heap.hpp", "allocator.hpp", "memory_resource.hpp"}


def compile_alone(compiler, language, header, *flags):
    """The compiler's output. The header is included twice, to test its guard."""
    line = f"#include <{header.relative_to(INCLUDE)}>\n"
    return subprocess.run([compiler, "-x", language, "-fsyntax-only", *WARNINGS, *flags, f"-I{INCLUDE}", "-"], input=line * 2,
                          capture_output=True, text=True, check=False).stderr


class Headers(unittest.TestCase):
    def compiles(self, compiler, language, header, *flags):
        with self.subTest(header=header.name, flags=flags):
            self.assertEqual(compile_alone(compiler, language, header, *flags), "")

    def test_in_cpp(self):
        headers = sorted(path for path in INCLUDE.rglob("*") if path.suffix in {".h", ".hpp"})
        self.assertGreaterEqual({header.name for header in headers}, OVER_THE_HEAP)
        for header in headers:
            for flags in (["-std=c++20", "-fno-exceptions"], ["-std=c++20", "-fno-rtti"],
                          ["-std=c++2b", "-fno-exceptions", "-fno-rtti"]):
                self.compiles(OPTIONS.cxx, "c++", header, *flags)
            if header.name in OVER_THE_HEAP:
                self.compiles(OPTIONS.cxx, "c++", header, "-std=c++17", "-fno-exceptions", "-fno-rtti")

    def test_in_c(self):
        for standard in ("c99", "c11", "c2x"):
            self.compiles(OPTIONS.cc, "c", INCLUDE / "ashlar" / "ashlar.h", f"-std={standard}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("cc", "cxx"):
        parser.add_argument("--" + option, required=True)
    OPTIONS, rest = parser.parse_known_args()
    for command in (OPTIONS.cc, OPTIONS.cxx):
        if shutil.which(command) is None:
            print(f"{command} was not found")
            sys.exit(77)
    unittest.main(argv=[sys.argv[0], *rest])
