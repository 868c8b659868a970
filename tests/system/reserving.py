"""Situations in which reserved and unused address space costs something."""
import glob
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time

import machine
from machine import Skipped
from subject import Failed, end, how

UNLIMITED = resource.RLIM_INFINITY
MIB = 1 << 20


def _sizes(folder, known=()):
    """Apparent size and size on disk of all other files in a folder, in MiB."""
    files = [os.stat(path) for path in glob.glob(os.path.join(folder, "*")) if path not in known]
    return {"apparent_mib": sum(file.st_size for file in files) / MIB,
            "disk_mib": sum(file.st_blocks for file in files) * 512 / MIB,
            "files": len(files)}


def _crash(subject, folder, limit):
    """Runs the program that crashes. Returns seconds, and whether it was dead by then."""
    process = subject.start([subject.program, "crash"], cwd=folder,
                            limits=[(resource.RLIMIT_CORE, UNLIMITED)])
    begin = time.monotonic()
    try:
        process.wait(limit)
        finished = True
    except subprocess.TimeoutExpired:
        finished = False
    seconds = time.monotonic() - begin
    end(process)
    if finished and process.returncode != -signal.SIGSEGV:
        raise Failed(how(process.returncode))
    return {"seconds": seconds, "finished": finished}


def crash(subject, limit=30):
    """A program crashes, with core dumps on, into a file."""
    pattern = machine.setting(machine.CORE_PATTERN)
    if pattern.startswith("|") or "/" in pattern:
        with machine.changed(machine.CORE_PATTERN, "core"):
            return _crash_into_file(subject, limit)
    return _crash_into_file(subject, limit)


def _crash_into_file(subject, limit):
    with tempfile.TemporaryDirectory() as folder:
        result = _crash(subject, folder, limit)
        result |= _sizes(folder)
    if result["files"] == 0:
        raise Skipped("the kernel writes no core files here")
    return result


CATCHER = """#!/bin/sh
head -c {most} | wc -c >{folder}/part
mv {folder}/part {folder}/bytes
"""


def crash_into_pipe(subject, most_mib=200, limit=30):
    """The same where a program gets the core through a pipe. It reads `most_mib` at most."""
    with tempfile.TemporaryDirectory() as folder:
        catcher = os.path.join(folder, "catcher")
        with open(catcher, "w", encoding="ascii") as file:
            file.write(CATCHER.format(most=most_mib * MIB, folder=folder))
        os.chmod(catcher, 0o755)
        with machine.changed(machine.CORE_PATTERN, "|" + catcher):
            result = _crash(subject, folder, limit)
            answer = os.path.join(folder, "bytes")
            for _ in range(200):
                if os.path.exists(answer):
                    break
                time.sleep(0.05)
            else:
                raise Skipped("the kernel gives no cores to programs here")
        with open(answer, encoding="ascii") as file:
            return result | {"pipe_mib": int(file.read()) / MIB}


def gcore(subject, limit=20):
    """gdb's gcore writes a core of a small Python program that runs on."""
    command = shutil.which("gcore")
    if not command:
        raise Skipped("there is no gcore")
    process = subject.start_python("sleep")
    try:
        if process.stdout.readline() != "ready\n":
            raise Failed("the Python program does not start")
        with tempfile.TemporaryDirectory() as folder:
            return _gcore(command, process.pid, folder, limit)
    finally:
        end(process)


def _gcore(command, pid, folder, limit):
    words = [command, "-o", os.path.join(folder, "core"), str(pid)]
    begin = time.monotonic()
    dumper = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        out, _ = dumper.communicate(timeout=limit)
        finished = True
    except subprocess.TimeoutExpired:
        finished = False
    seconds = time.monotonic() - begin
    result = {"seconds": seconds, "finished": finished} | _sizes(folder)
    if not finished:
        end(dumper)
    elif result["files"] == 0:
        raise Skipped("gcore: " + " ".join(out.split()[-12:]))
    return result


def lock(subject, limit_mib=700):
    """A program locks all its memory, as `cyclictest -m` does, within a limit of memory."""
    with machine.MemoryGroup(limit_mib) as group:
        return subject.run("lock", group=group)


def charge(subject):
    """What the kernel would charge to a tiny process with vm.overcommit_memory=2."""
    return {"charged_mib": subject.run("tiny")["charged_if_strict_mib"]}


def charge_for_real(subject):
    """The same, with that setting."""
    with machine.changed(machine.OVERCOMMIT, "2"):
        return {"charged_mib": subject.run("tiny", timeout=5)["charged_mib"]}


def address_limit(subject, gib):
    """The part of `ulimit -v` that blocks of 64 KiB can use."""
    limit = gib << 30
    found = subject.run("until-null", 64 << 10, 2 * limit, limits=[(resource.RLIMIT_AS, limit)])
    return {"part": found["got_mib"] * MIB / limit, "enomem": found["errno_is_enomem"]}


def limit_itself(subject, kind, mib=1024):
    """A running process limits itself, then starts a thread and allocates until NULL."""
    found = subject.run("limit-itself", kind, mib * MIB)
    return found | {"part": found["got_mib"] / mib}


def beyond_ram(subject):
    """malloc of four times the memory of the machine, which the kernel would not map."""
    if machine.setting(machine.OVERCOMMIT) == "1":
        raise Skipped("the kernel is set to grant everything")
    return subject.run("beyond-ram", 4)
