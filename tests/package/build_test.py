"""Builds Ashlar as a user does, in a directory of its own: alone, or in a project that adds it.

Status 77: a tool is missing.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

OPTIONS = None
ROOT = pathlib.Path(__file__).resolve().parents[2]
CONSUMER = pathlib.Path(__file__).resolve().parent / "consumer"
ENVIRONMENT = {k: v for k, v in os.environ.items()
               if not k.startswith(("LD_", "DESTDIR", "MAKE", "CMAKE_GENERATOR", "CMAKE_BUILD")) and not k.endswith("FLAGS")}
LIBRARIES_ONLY = ["-DASHLAR_TESTS=OFF", "-DASHLAR_BENCH=OFF", "-DASHLAR_COMMAND=OFF"]
# Stands for a warning of a newer compiler: both compilers warn of nearly every class.
NEWER_WARNING = "-DCMAKE_CXX_FLAGS=-Wpadded"
PROGRAMS = ["shared_cpp", "static_cpp", "object_cpp", "opening", "processes_cpp"]
NAMES = ["names_ashlar", "names_static", "names_object", "names_shared"]
PROGRAMS_OF_MANAGER = ["manager_cpp", "bare"]
NAMES_OF_MANAGER = ["names_manager"]


def attempt(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, env=ENVIRONMENT)


def call(*command):
    done = attempt(*command)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}\n"
                             f"{done.stdout[-6000:]}{done.stderr[-6000:]}")
    return done.stdout


def configure(source, build, *definitions):
    launcher = [f"-DCMAKE_{language}_COMPILER_LAUNCHER={OPTIONS.launcher}" for language in ("C", "CXX") if OPTIONS.launcher]
    return [OPTIONS.cmake, "-S", source, "-B", build, "-G", OPTIONS.generator, f"-DCMAKE_C_COMPILER={OPTIONS.cc}",
            f"-DCMAKE_CXX_COMPILER={OPTIONS.cxx}", *launcher, *definitions]


class InDirectory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="ashlar-build."))
        cls.addClassCleanup(shutil.rmtree, cls.work)
        cls.build = cls.work / "build"

    def make(self, build, *targets):
        call(OPTIONS.cmake, "--build", build, "--parallel", "1", *(["--target", *targets] if targets else []))

    def make_and_run(self, build, *more):
        programs = PROGRAMS + ([] if OPTIONS.without_manager else PROGRAMS_OF_MANAGER)
        self.make(build, *programs, *NAMES, *([] if OPTIONS.without_manager else NAMES_OF_MANAGER), *more)
        for program in programs:
            with self.subTest(program):
                self.assertEqual(call(build / program, CONSUMER / "CMakeLists.txt"), "sound\n")


class AsItComes(InDirectory):
    """cmake -B build && cmake --build build && cmake --install build."""

    def test_builds_and_serves(self):
        call(*configure(ROOT, self.build, *LIBRARIES_ONLY, NEWER_WARNING))
        self.make(self.build)
        call(OPTIONS.cmake, "--install", self.build, "--prefix", self.work / "prefix")
        call(*configure(CONSUMER, self.work / "consumer", f"-DCMAKE_PREFIX_PATH={self.work / 'prefix'}"))
        self.make_and_run(self.work / "consumer")

    def test_warnings_are_errors_only_where_asked(self):
        build = self.work / "strict"
        call(*configure(ROOT, build, *LIBRARIES_ONLY, NEWER_WARNING, "-DASHLAR_WERROR=ON"))
        done = attempt(OPTIONS.cmake, "--build", build, "--target", "ashlar_region")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("-Werror", done.stdout + done.stderr)


class InAProject(InDirectory):
    """add_subdirectory, with flags of the project's own."""

    def test_builds_and_leaves_the_project_alone(self):
        # clang would need a plugin of the linker for LTO.
        lto, flag = ([], "") if "clang" in OPTIONS.cxx else (["-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON"], "-flto")
        call(*configure(CONSUMER, self.build, f"-DASHLAR_SOURCE={ROOT}", "-DCMAKE_BUILD_TYPE=Debug", *lto,
                        f"-DCMAKE_CXX_FLAGS_DEBUG=-g0 -DOURS {flag}", "-DCMAKE_UNITY_BUILD=ON",
                        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"))
        self.make_and_run(self.build, "names_core")
        call(OPTIONS.cmake, "--install", self.build, "--prefix", self.work / "prefix")
        self.assertFalse((self.work / "prefix").exists(), "the project installs nothing, but Ashlar did")
        self.check_commands(json.loads((self.build / "compile_commands.json").read_text()))

    def check_commands(self, commands):
        of_ashlar = [entry["command"] for entry in commands if entry["file"].startswith(f"{ROOT}/src/") and
                     entry["file"].endswith(".cpp")]
        self.assertGreater(len(of_ashlar), 30)
        for command in of_ashlar:
            self.assertIn(" -DOURS ", command, "the project's flags hold for all that it builds")
            self.assertNotRegex(command, r" -(Wall|Wextra|Werror|Wconversion)\b")
            self.assertRegex(command, r" -std=c\+\+20 ")
            self.assertNotIn(f"-I{CONSUMER}", command)


class Parts(InDirectory):
    """Optional parts are built if their packages are installed; a part that is asked for needs its packages."""
    MISSING = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{package}=ON" for package in ("CLI11", "benchmark", "Python3")]

    def test_what_lacks_a_package_is_left_out_and_named(self):
        said = call(*configure(ROOT, self.build, *self.MISSING))
        left_out = re.findall(r"^-- Ashlar: (.*): left out, not found: (.*)$", said, re.M)
        self.assertEqual([part for part, _ in left_out],
                         ["the tests and the stress runs", "the benchmarks", "the ashlar command"])
        for (_, missing), package in zip(left_out, ("python3", "libbenchmark-dev", "libcli11-dev")):
            self.assertIn(f"(Debian: {package})", missing)
        for part, package in (("TESTS", "python3"), ("BENCH", "libbenchmark-dev"), ("COMMAND", "libcli11-dev")):
            with self.subTest(part):
                done = attempt(OPTIONS.cmake, self.build, f"-DASHLAR_{part}=ON")
                self.assertNotEqual(done.returncode, 0)
                self.assertRegex(done.stderr, rf"ASHLAR_{part}=ON: [^(]*not\s+found:[^)]*\(Debian:\s+{package}\)")
                call(OPTIONS.cmake, self.build, f"-DASHLAR_{part}=AUTO")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("cmake", "generator", "cc", "cxx"):
        parser.add_argument("--" + option, required=True)
    parser.add_argument("--launcher", default="", help="a compiler launcher")
    parser.add_argument("--without-manager", action="store_true", help="leaves out the library that takes longest to compile")
    OPTIONS, rest = parser.parse_known_args()
    for tool in (OPTIONS.cc, OPTIONS.cxx, {"Ninja": "ninja", "Unix Makefiles": "make"}[OPTIONS.generator]):
        if shutil.which(tool) is None:
            print(f"{tool} was not found")
            sys.exit(77)
    unittest.main(argv=[sys.argv[0], *rest])
