#!/usr/bin/env python3
"""usage: run.py --build DIRECTORY [--list] [--jobs N] [--most N] [--timeout SECONDS] [NAME…]

Plants each bug in a scratch copy of the sources; the explorer must then find it. Without names: all of bugs.py,
edges.py, small_blocks.py, cache_bugs.py, guard_schedules.py and shared_bugs.py. A NAME may be the beginning of one.
DIRECTORY is a build with the target `interleave` built. Status 1: a bug was not found. TIMEOUT: the scenarios ended
by time, on a busy machine or in an endless loop; a longer time tells which.
"""
import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import bugs
import cache_bugs
import edges
import guard_schedules
import shared_bugs
import small_blocks

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 300  # seconds, for a bug that never returns to the scheduler
TIMED_OUT = 124  # status of timeout(1)
TREES = ("src", "include", "tests")


class Build:
    """The commands that built the test program, to build it again from changed sources."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory).resolve()
        with open(self.directory / "compile_commands.json", encoding="utf-8") as file:
            commands = json.load(file)
        self.compiles = {}  # object, relative to the build directory -> (source, words)
        for command in commands:
            words = shlex.split(command["command"])
            made = words[words.index("-o") + 1]
            if "/interleave" in made and made.startswith("tests/model/"):
                self.compiles[made] = (pathlib.Path(command["file"]).resolve(), words)
        link = subprocess.run(["ninja", "-t", "commands", "tests/model/interleave"], cwd=self.directory, check=True,
                              capture_output=True, text=True).stdout.splitlines()[-1]
        self.link = shlex.split(link.replace("&&", "").strip(" :"))

    @functools.cache
    def reads(self, file):
        """The project's files that a source includes, directly or not, and itself."""
        found = {file}
        for name in re.findall(r'#\s*include\s*"([^"]+)"', file.read_text(encoding="utf-8")):
            for place in (file.parent / name, ROOT / "src" / name, ROOT / "tests" / name, ROOT / "tests/model" / name):
                if place.is_file():
                    found |= self.reads(place.resolve())
                    break
        return found


def plant(bug, tree):
    path = tree / bug.file
    text = path.read_text(encoding="utf-8")
    parts = text.split(bug.old)
    if len(parts) == 1:
        raise LookupError(f"{bug.file} has no such text: {bug.old!r}")
    if len(parts) > 2:
        raise LookupError(f"{bug.file} has this text {len(parts) - 1} times: {bug.old!r}")
    path.write_text(bug.new.join(parts), encoding="utf-8")


def make(build, bug, tree, program):
    """Compiles the sources that read the changed file, and links. Returns the compiler's output if it failed."""
    changed = ROOT / bug.file
    link = list(build.link)
    for made, (source, words) in build.compiles.items():
        if changed not in build.reads(source):
            continue
        mine = tree / made
        mine.parent.mkdir(parents=True, exist_ok=True)
        words = [word.replace(str(ROOT) + "/", str(tree) + "/") for word in words]
        words[words.index("-o") + 1] = str(mine)
        for flag in ("-MF", "-MT", "-MD"):
            if flag in words:
                del words[words.index(flag):words.index(flag) + (1 if flag == "-MD" else 2)]
        done = subprocess.run(words + ["-Wno-error"], cwd=build.directory, capture_output=True, text=True)
        if done.returncode != 0:
            return done.stderr
        link[link.index(made)] = str(mine)
    link[link.index("-o") + 1] = str(program)
    done = subprocess.run(link, cwd=build.directory, capture_output=True, text=True)
    return done.stderr if done.returncode != 0 else ""


def explore(program, names, most, seconds):
    done = subprocess.run(["timeout", str(seconds), str(program), "--most", str(most), "--random", str(most // 5), *names],
                          capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def faults(stdout, stderr):
    """The scenarios that failed, and the text of the first fault."""
    failed = re.findall(r"^(\S+): FAILED$", stdout, re.M)
    first = re.search(r"^FAULT: (.*)$", stderr, re.M)
    return failed, first[1] if first else "no fault was printed"


def attempt(build, bug, most, seconds):
    """Returns whether a scenario found the bug, and a line about it."""
    with tempfile.TemporaryDirectory(prefix="mutation.") as scratch:
        tree = pathlib.Path(scratch)
        for name in TREES:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        try:
            plant(bug, tree)
        except LookupError as error:
            return False, f"NOT PLANTED: {error}"
        error = make(build, bug, tree, tree / "interleave")
        if error:
            return False, f"NOT BUILT: {error.strip().splitlines()[0]}"
        status, stdout, stderr = explore(tree / "interleave", bug.caught_by.split(), most, seconds)
        if status == TIMED_OUT:
            return False, f"TIMEOUT after {seconds} s without a fault: {bug.caught_by or 'all scenarios'}"
        if not bug.caught_by:
            return status == 0, "found by none, as docs/orderings.md argues" if status == 0 else f"FOUND now:\n{stderr}"
        if status != 1:
            return False, f"NOT FOUND by {bug.caught_by}"
        failed, first = faults(stdout, stderr)
        return True, f"found by {' '.join(failed)}: {first}"


def main():
    parser = argparse.ArgumentParser(description="Plants bugs and expects the interleaving tests to find them.")
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--most", type=int, default=20000)
    parser.add_argument("--timeout", type=int, default=TIMEOUT, help="seconds for the scenarios of a bug")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    wanted = [bug for bug in bugs.BUGS + edges.EDGES + small_blocks.SMALL_BLOCKS + cache_bugs.BUGS +
              guard_schedules.BUGS + shared_bugs.SHARED
              if not arguments.names or any(bug.name.startswith(name) for name in arguments.names)]
    if arguments.list or not wanted:
        print("\n".join(f"{bug.name:45} {bug.edge:4} {bug.file}" for bug in wanted) or "no mutation of that name")
        return 0 if wanted else 2
    build = Build(arguments.build)
    program = build.directory / "tests/model/interleave"
    names = sorted({name for bug in wanted for name in bug.caught_by.split()})
    status, stdout, stderr = explore(program, names, 1000, arguments.timeout)
    if status == TIMED_OUT:
        sys.exit(f"TIMEOUT after {arguments.timeout} s without a mutation")
    if status != 0:
        sys.exit(f"a scenario fails without a mutation:\n{stdout}{stderr}")
    start = time.monotonic()
    caught = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda bug: attempt(build, bug, arguments.most, arguments.timeout), wanted)
        for bug, (ok, text) in zip(wanted, results):
            caught += ok
            print(f"{bug.name:45} {text}", flush=True)
    print(f"{caught} of {len(wanted)} mutations found, in {time.monotonic() - start:.0f} s")
    return 0 if caught == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
