"""Threads and forked children allocate in one interpreter. Status 0: every result is right."""
import json
import os
import re
import sys
import threading

with open("/proc/self/maps") as maps:
    if "libashlar" not in maps.read():
        sys.exit("Ashlar is not loaded")


def work(seed):
    table = {}
    for i in range(4000):
        table[i * seed % 997] = [str(i)] * (i % 50) + [b"x" * (i % 5000)]
    text = json.dumps({str(key): len(value) for key, value in table.items()})
    back = json.loads(re.sub(r"\s+", " ", text))
    if len(back) != len(table) or any(back[str(key)] != len(value) for key, value in table.items()):
        raise AssertionError("wrong content")


failures = []


def guarded(seed):
    try:
        for turn in range(3):
            work(seed + turn)
    except BaseException as error:  # a thread's exception would otherwise only be printed
        failures.append(error)


def in_threads(count):
    threads = [threading.Thread(target=guarded, args=(seed + 2,)) for seed in range(count)]
    for thread in threads:
        thread.start()
    return threads


threads = in_threads(6)
children = []
for number in range(20):
    child = os.fork()
    if child == 0:
        failures.clear()
        work(number + 3)
        for thread in in_threads(2):
            thread.join()
        os._exit(1 if failures else 0)
    children.append(child)
for child in children:
    if os.waitpid(child, 0)[1] != 0:
        failures.append("a child failed")
for thread in threads:
    thread.join()
sys.exit(str(failures) if failures else 0)
