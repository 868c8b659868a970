"""usage: python_program.py bytes COUNT SIZE | files COUNT | streams COUNT | sleep

An ordinary Python program in a situation; it prints one line of JSON about its memory.
"""
import json
import os
import resource
import sys
import tempfile
import time
import zlib

IDLE = 1.0
BUFFER = 32768


def anonymous_mib():
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        lines = dict(line.split()[:2] for line in list(file)[1:])
    return int(lines["Anonymous:"]) / 1024


def held_bytes(count, size):
    """Objects of `bytes` that are dropped; then the program is idle."""
    before = anonymous_mib()
    objects = [b"x" * int(size) for _ in range(int(count))]
    full = anonymous_mib()
    del objects
    time.sleep(IDLE)
    return {"full_mib": full - before, "left_mib": anonymous_mib() - before}


def open_files(count):
    """Open files, a small one each, of which only a few bytes were read."""
    count = int(count)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if count + 50 > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count + 50, max(hard, count + 50)))
        except (ValueError, OSError):
            print("so many open files are not permitted", file=sys.stderr)
            sys.exit(77)
    with tempfile.NamedTemporaryFile() as small:
        small.write(b"a line\n" * 10)
        small.flush()
        before = anonymous_mib()
        files = [open(small.name, "rb", buffering=BUFFER) for _ in range(count)]
        for file in files:
            assert file.readline() == b"a line\n"
        return {"resident_mib": anonymous_mib() - before}


def open_streams(count):
    """Streams of which the first bytes were inflated; each has a window of 32 KiB."""
    compressed = zlib.compress(b"some text, " * 1000)
    before = anonymous_mib()
    streams = [zlib.decompressobj() for _ in range(int(count))]
    for stream in streams:
        assert stream.decompress(compressed[:40], 100)
    return {"resident_mib": anonymous_mib() - before}


def sleep():
    print("ready", flush=True)
    time.sleep(600)
    return {}


COMMANDS = {"bytes": held_bytes, "files": open_files, "streams": open_streams, "sleep": sleep}


def library():
    """The preload, if it is loaded."""
    wanted = os.environ.get("LD_PRELOAD", "")
    with open("/proc/self/maps", encoding="utf-8") as file:
        mapped = file.read()
    return wanted if os.path.realpath(wanted) in mapped else "none"


if __name__ == "__main__":
    figures = COMMANDS[sys.argv[1]](*sys.argv[2:])
    print(json.dumps({"malloc": library(), **figures}))
