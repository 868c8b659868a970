#!/usr/bin/env python3
"""Measures the cost of each malloc for the system: address space, freed memory, memory never touched.

Every situation runs under every allocator in turn. The table has a figure for each of them, the
best of the others, and Ashlar's ratio to it. It takes about five minutes. As root it also changes
settings of the whole machine (vm.overcommit_memory, huge pages, core_pattern), each for a moment,
and restores them; --leave-machine leaves those rows out.
"""
import argparse
import dataclasses
import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import typing

from report import allocators

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

import machine  # noqa: E402 pylint: disable=wrong-import-position
import reserving  # noqa: E402 pylint: disable=wrong-import-position
import returning  # noqa: E402 pylint: disable=wrong-import-position
import touching  # noqa: E402 pylint: disable=wrong-import-position
from subject import Failed, Subject  # noqa: E402 pylint: disable=wrong-import-position

OTHERS = ("glibc", "jemalloc", "mimalloc", "tcmalloc")
HAPROXY = os.path.join(ROOT, "build", "haproxy")
KIB = 1 << 10
LEAST = {"MiB": 1, "us": 100}  # smaller figures count as this much in a ratio


@dataclasses.dataclass
class Figure:
    """A figure of a situation, a row of the table. Less is better unless `more`."""
    title: str
    key: str
    unit: str
    more: bool = False


@dataclasses.dataclass
class Situation:
    name: str
    measure: typing.Callable
    figures: list
    changes_machine: bool = False


def situation(name, measure, *figures, changes_machine=False, **options):
    return Situation(name, functools.partial(measure, **options),
                     [Figure(*figure) for figure in figures], changes_machine)


def burst(subject):
    found = returning.bursts(subject)
    worst = {size: returning.worst(found, size)["left_mib"] for size in returning.SIZES}
    return worst | {"shapes": found}


def partly(kind, count, size, written):
    return functools.partial(touching.partly, kind=kind, count=count, size=size, written=written)


def calloc_row(count, size):
    name = f"{count:,} x calloc({size // KIB} KiB), a page of each"
    return situation(f"calloc-{size // KIB}", partly("calloc", count, size, 1),
                     (name, "resident_mib", "MiB"))


RESERVING = [
    situation("crash", reserving.crash, ("crash: time to die", "seconds", "s"),
              ("crash: core, apparent", "apparent_mib", "MiB"),
              ("crash: core, on disk", "disk_mib", "MiB")),
    situation("crash-pipe", reserving.crash_into_pipe,
              ("crash: core through a pipe (200: more)", "pipe_mib", "MiB"), changes_machine=True),
    situation("gcore", reserving.gcore, ("gcore of Python: time (20: more)", "seconds", "s"),
              ("gcore of Python: on disk", "disk_mib", "MiB")),
    situation("lock", reserving.lock, ("mlockall within 700 MiB", "resident_mib", "MiB")),
    situation("charge", reserving.charge, ("charge if overcommit=2", "charged_mib", "MiB")),
    situation("charge-real", reserving.charge_for_real,
              ("charge with overcommit=2", "charged_mib", "MiB"), changes_machine=True),
    situation("ulimit-64", reserving.address_limit, ("part of ulimit -v 64 GiB", "part", "", True),
              gib=64),
    situation("ulimit-8", reserving.address_limit, ("part of ulimit -v 8 GiB", "part", "", True),
              gib=8),
    situation("limit-as", reserving.limit_itself,
              ("RLIMIT_AS 1 GiB: a thread starts", "thread_works", "", True),
              ("RLIMIT_AS 1 GiB: malloc gives", "got_mib", "MiB"), kind="as"),
    situation("limit-data", reserving.limit_itself,
              ("RLIMIT_DATA 1 GiB: a thread starts", "thread_works", "", True),
              ("RLIMIT_DATA 1 GiB: malloc gives", "got_mib", "MiB"), kind="data"),
    situation("beyond-ram", reserving.beyond_ram,
              ("malloc(4 x RAM) is refused", "refused", "", True)),
]

RETURNING = [
    situation("one-block", returning.one_block, ("1,000 MiB in one block, left", "left_mib", "MiB"),
              mib=1000),
    situation("vector", returning.vector, ("vector to 700 MiB, 3 times: peak", "peak_mib", "MiB"),
              ("vector to 700 MiB, 3 times: left", "left_mib", "MiB"), mib=700),
    situation("python-one", returning.python_bytes,
              ("Python, bytes of 800 MiB, left", "left_mib", "MiB"), count=1, mib=800),
    situation("python-many", returning.python_bytes,
              ("Python, 800 bytes of 1 MiB, left", "left_mib", "MiB"), count=800, mib=1),
    situation("free", returning.free_untouched, ("free untouched 0.8 x RAM", "last_us", "us"),
              ("... growth, 8 is linear, from 1 ms", "growth", "")),
    situation("free-100", returning.free_untouched_for_real,
              ("free untouched 100 GiB, overcommit=1", "free_us", "us"), changes_machine=True),
    situation("ended-threads", returning.ended_threads,
              ("8,000 threads ended, left", "left_mib", "MiB"),
              ("8,000 threads ended, trimmed", "trimmed_mib", "MiB"), count=8000),
    situation("aligned", returning.aligned, ("200 MiB aligned, replaced: peak", "peak_mib", "MiB")),
    situation("bursts", burst, *((f"burst of {size} blocks, left (worst)", size, "MiB")
                                 for size in returning.SIZES)),
]

TOUCHING = [
    situation("malloc-32", partly("malloc", 30000, 32 * KIB, 100),
              ("30,000 x malloc(32 KiB), 100 bytes used", "resident_mib", "MiB"),
              ("30,000 x malloc(32 KiB): CPU time", "cpu_s", "s")),
    situation("files", touching.open_files, ("Python, 15,000 open files", "resident_mib", "MiB"),
              count=15000),
    situation("streams", touching.open_streams,
              ("Python, 14,000 inflate streams", "resident_mib", "MiB"), count=14000),
    situation("haproxy", touching.haproxy, ("haproxy, 1,500 half requests", "resident_mib", "MiB")),
    situation("calloc-again", touching.calloc_again,
              ("malloc, free, calloc of 500 MiB", "resident_mib", "MiB"), mib=500),
    calloc_row(20000, 8 * KIB), calloc_row(5000, 32 * KIB), calloc_row(5000, 64 * KIB),
    calloc_row(953, 512 * KIB), calloc_row(200, 4096 * KIB),
    situation("sandbox", touching.sandbox, ("sandbox of glibc's system calls", "works", "", True)),
    situation("huge-tiny", touching.tiny, ("THP always: a tiny program", "anonymous_mib", "MiB"),
              changes_machine=True),
    situation("huge-threads", touching.threads,
              ("THP always: a thread of 100", "thread_kib", "KiB"), changes_machine=True),
]

SPEED = [
    situation("pairs", touching.pairs, ("malloc(2 MiB), touch, free", "pair_ns", "ns")),
    *(situation(f"grow-{step or 'double'}", touching.grow,
                (f"8 buffers to {mib} MiB, {how}: CPU", "cpu_s", "s"),
                (f"8 buffers to {mib} MiB, {how}: peak", "peak_mib", "MiB"), step_kib=step, mib=mib)
      for step, mib, how in ((64, 16, "+64 KiB"), (1024, 64, "+1 MiB"), (0, 64, "doubled"))),
]

ALL = {"Reserve without owning": RESERVING, "What is freed goes back": RETURNING,
       "What is not touched stays untouched": TOUCHING, "Large blocks, speed": SPEED}


def measured(one, subject):
    """The figures of one situation, or the reason that there are none."""
    begin = time.monotonic()
    try:
        found = one.measure(subject)
    except machine.Skipped as why:
        found = {"skipped": str(why)}
    except Failed as why:
        found = {"failed": str(why)}
    return found | {"wall_s": time.monotonic() - begin}


def text(value):
    if isinstance(value, str):
        return value
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def cell(found, figure):
    for word in ("skipped", "failed"):
        if word in found:
            return "killed" if found[word].startswith("killed") else word
    return found[figure.key]


def ratio(figure, ours, best):
    """The ratio to the best of the others; above 1 is worse for every figure."""
    if figure.more:
        return best / ours if ours else float("inf")
    least = LEAST.get(figure.unit, 0.01)
    return max(ours, least) / max(best, least)


def print_figure(figure, found, names):
    cells = {name: cell(found[name], figure) for name in names}
    line = f"{figure.title:42}" + "".join(f"{text(value):>11}" for value in cells.values())
    others = [value for name, value in cells.items()
              if name in OTHERS and not isinstance(value, str)]
    ours = cells.get(allocators.SUBJECT)
    if others:
        best = max(others) if figure.more else min(others)
        line += f"{text(best):>12}"
        if ours is not None and not isinstance(ours, str):
            line += f"{text(ratio(figure, ours, best)):>10}"
    print(f"{line:{42 + 11 * len(names) + 22}}  {figure.unit}".rstrip(), flush=True)


def unpack_haproxy():
    """haproxy without its service: Debian's package is unpacked below build/."""
    program = os.path.join(HAPROXY, "usr", "sbin", "haproxy")
    if not shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin"):
        if not os.path.exists(program):
            os.makedirs(HAPROXY, exist_ok=True)
            install = os.path.join(ROOT, "scripts", "install.sh")
            script = ('"$1" liblua5.3-0 libopentracing-c-wrapper0 libpcre2-8-0 libssl3 && '
                      'apt-get download -q haproxy && dpkg-deb -x haproxy_*.deb .')
            subprocess.run(["sh", "-c", script, "sh", install], cwd=HAPROXY, capture_output=True,
                           check=False)
        os.environ["PATH"] += ":" + os.path.dirname(program)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    build = os.path.join(ROOT, "build", "release")
    parser.add_argument("--library", default=os.path.join(build, "src", "libashlar.so"),
                        metavar="PATH", help="the libashlar.so to measure")
    parser.add_argument("--program", metavar="PATH", help="the program ashlar_system",
                        default=os.path.join(build, "tests", "system", "program", "ashlar_system"))
    parser.add_argument("--lib", action="append", default=[], metavar="NAME=PATH", help="one more")
    parser.add_argument("--allocators", metavar="A,B", help="only these")
    parser.add_argument("--only", default="", metavar="REGEX", help="only situations that match")
    parser.add_argument("--list", action="store_true", help="name all situations")
    parser.add_argument("--leave-machine", action="store_true",
                        help="skip situations that change settings of the machine")
    parser.add_argument("--json", metavar="FILE", help="save all figures")
    return parser.parse_args()


def subjects(options):
    peers = allocators.debian_peers()
    peers = {name: peers[name] for name in OTHERS if name in peers}
    only = options.allocators.split(",") if options.allocators else None
    found = allocators.choose(options.library, peers, options.lib, only)
    order = sorted(found, key=lambda name: name != allocators.SUBJECT)
    return [Subject(name, found[name], options.program) for name in order]


def chosen(options):
    for title, situations in ALL.items():
        kept = [one for one in situations if re.search(options.only, one.name)
                and not (one.changes_machine and options.leave_machine)]
        if kept:
            yield title, kept


def main():
    options = parse_arguments()
    if options.list:
        print("\n".join(one.name for _, situations in chosen(options) for one in situations))
        return 0
    if not os.path.exists(options.program):
        raise allocators.Unusable(f"{options.program} does not exist: build ashlar_system")
    if any(one.name == "haproxy" for _, situations in chosen(options) for one in situations):
        unpack_haproxy()
    compared = subjects(options)
    names = [subject.name for subject in compared]
    results = {}
    for title, situations in chosen(options):
        heads = "".join(f"{name:>11}" for name in names)
        print(f"\n{title:42}{heads}{'best other':>12}{'ratio':>10}")
        for one in situations:
            found = {subject.name: measured(one, subject) for subject in compared}
            results[one.name] = found
            for figure in one.figures:
                print_figure(figure, found, names)
    print_reasons(results)
    if options.json:
        data = {"allocators": {subject.name: subject.library for subject in compared},
                "kernel": platform.release(), "situations": results}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
    return 0


def print_reasons(results):
    """The reasons that some cells have no figure."""
    reasons = [f"{name}, {subject}: {word}: {one[word]}" for name, found in results.items()
               for subject, one in found.items() for word in ("failed", "skipped") if word in one]
    if reasons:
        print("\n" + "\n".join(reasons))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except allocators.Unusable as why:
        sys.exit(f"system: {why}")
