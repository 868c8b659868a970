#!/usr/bin/env python3
"""usage: run_programs.py [--list] [NAME…]

Plants the bugs of programs.py, manager_bugs.py, settings_bugs.py, check_bugs.py, guard_bugs.py, report_bugs.py,
paranoid_bugs.py, inspect_bugs.py and shared_programs.py, one at a time, in a copy of the tree under build/mutation.
The tests that the entry names must pass without the bug, and fail with it. A NAME may be the beginning of one.
Status 1: a bug was not found. All of them take half an hour.
"""
import argparse
import dataclasses
import fnmatch
import os
import pathlib
import shutil
import subprocess
import sys
import time

import guard_bugs
import idle_bugs
import inspect_bugs
import manager_bugs
import programs
import report_bugs
import check_bugs
import paranoid_bugs
import settings_bugs
import shared_programs
from run import plant

ROOT = pathlib.Path(__file__).resolve().parents[2]
TREE = ROOT / "build/mutation"
PARTS = ("CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "cmake", "examples", "include", "scripts", "src",
         "stress", "tests")
TIMEOUT = 600  # seconds, for a test that never ends with the bug


def refresh():
    """Updates the copy of the tree. Unchanged files keep their time, so that they are not built again."""
    wanted = set()
    for part in PARTS:
        files = [ROOT / part] if (ROOT / part).is_file() else [path for path in (ROOT / part).rglob("*") if path.is_file()]
        for path in files:
            if "__pycache__" in path.parts:
                continue
            copy = TREE / path.relative_to(ROOT)
            wanted.add(copy)
            if copy.is_file() and copy.read_bytes() == path.read_bytes():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            shutil.copymode(path, copy)
    for part in PARTS:
        for copy in (TREE / part).rglob("*"):
            if copy.is_file() and copy not in wanted:
                copy.unlink()


def run(words, timeout=None):
    """Returns status and output; 124: the timeout ended it."""
    try:
        done = subprocess.run(words, cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=timeout)
    except subprocess.TimeoutExpired:
        return 124, "timeout"
    return done.returncode, done.stdout


def build(preset, targets):
    if not (TREE / "build" / preset / "build.ninja").is_file():
        launcher = [f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache" for language in ("C", "CXX") if shutil.which("ccache")]
        status, text = run(["cmake", "--preset", preset, "-DASHLAR_BENCH=OFF", "-DASHLAR_COMMAND=OFF",
                            "-DCMAKE_COMPILE_WARNING_AS_ERROR=OFF", *launcher])
        if status != 0:
            return text
    status, text = run(["cmake", "--build", f"build/{preset}", "-j", str(os.cpu_count()), "--target", *targets])
    return text if status != 0 else ""


def names_of(preset, patterns):
    """The names of ctest that match a pattern; a pattern without a match is an error."""
    _, text = run(["ctest", "--test-dir", f"build/{preset}", "-N"])
    known = [line.split(": ", 1)[1] for line in text.splitlines() if ": " in line and line.lstrip().startswith("Test")]
    names = []
    for pattern in patterns:
        found = fnmatch.filter(known, pattern)
        if not found:
            sys.exit(f"ctest knows no test {pattern} in build/{preset}")
        names += found
    return names


def fails(bug):
    """Each test and script, and whether it failed."""
    results = []
    for name in names_of(bug.preset, bug.tests.split()) if bug.tests else []:
        exact = "^" + "".join("\\" + c if not c.isalnum() and c != "_" else c for c in name) + "$"
        status, _ = run(["ctest", "--test-dir", f"build/{bug.preset}", "--timeout", str(TIMEOUT), "-R", exact])
        results.append((name, status != 0))
    if bug.script:
        status, _ = run(bug.script.split(), TIMEOUT)
        results.append((bug.script, status != 0))
    return results


def attempt(bug):
    """Returns whether each test found the bug, and a line about it."""
    path = TREE / bug.file
    before = path.read_text(encoding="utf-8")
    try:
        for old, new in ((bug.old, bug.new), *bug.also):
            plant(dataclasses.replace(bug, old=old, new=new), TREE)
        error = build(bug.preset, bug.targets.split())
        if error:
            lines = [line for line in error.splitlines() if "error" in line or "FAILED" in line]
            return False, f"NOT BUILT: {lines[-1] if lines else error.strip().splitlines()[-1]}"
        results = fails(bug)
    except LookupError as error:
        return False, f"NOT PLANTED: {error}"
    finally:
        path.write_text(before, encoding="utf-8")
    missed = [name for name, failed in results if not failed]
    return not missed, "NOT FOUND by " + " ".join(missed) if missed else "found by " + " ".join(name for name, _ in results)


def main():
    parser = argparse.ArgumentParser(description="Plants bugs and expects tests of ctest, and scripts, to find them.")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--no-check", action="store_true", help="do not first run the tests without a bug")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    every = programs.ALL + manager_bugs.MANAGER + settings_bugs.BUGS + check_bugs.BUGS + guard_bugs.BUGS
    every += report_bugs.BUGS + idle_bugs.BUGS + paranoid_bugs.BUGS + inspect_bugs.BUGS + shared_programs.SHARED
    wanted = [bug for bug in every
              if not arguments.names or any(bug.name.startswith(name) for name in arguments.names)]
    if arguments.list or not wanted:
        print("\n".join(f"{bug.name:45} {bug.tests} {bug.script}" for bug in wanted) or "no mutation of that name")
        return 0 if wanted else 2
    start = time.monotonic()
    refresh()
    checked = set()
    for bug in wanted:
        error = build(bug.preset, bug.targets.split())
        if error:
            sys.exit(f"the sources do not build without a mutation:\n{error}")
    for bug in wanted if not arguments.no_check else []:
        if (bug.preset, bug.tests, bug.script) in checked:
            continue
        checked.add((bug.preset, bug.tests, bug.script))
        for name, failed in fails(bug):
            if failed:
                sys.exit(f"{name} fails without a mutation")
    caught = 0
    for bug in wanted:
        ok, text = attempt(bug)
        caught += ok
        print(f"{bug.name:45} {text}", flush=True)
    print(f"{caught} of {len(wanted)} mutations found, in {time.monotonic() - start:.0f} s")
    return 0 if caught == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
