"""Situations in which the program has freed memory, and should not hold it any more."""
import itertools

import machine

SIZES = ("small", "mixed", "large", "huge")
BY = ("one", "staying", "ended")
ORDERS = ("forward", "reverse", "random")


def one_block(subject, mib):
    return subject.run("one-block", mib)


def vector(subject, mib):
    return subject.run("vector", mib, 3)


def python_bytes(subject, count, mib):
    return subject.run_python("bytes", count, int(mib * (1 << 20)))


def free_untouched(subject, steps=4):
    """Times to free blocks of which nothing was written; each is twice as large as the last."""
    most = int(machine.ram_mib() * 0.8)
    sizes = [most >> step for step in reversed(range(steps))]
    times = [subject.run("free-untouched", size)["free_us"] for size in sizes]
    return {"sizes_mib": sizes, "times_us": times, "last_us": times[-1],
            "growth": max(times[-1], 1000) / max(times[0], 1000), "steps": 2 ** (steps - 1)}


def free_untouched_for_real(subject, gib=100):
    """The same with a block of more than the machine has, where the kernel grants everything."""
    with machine.changed(machine.OVERCOMMIT, "1"):
        return subject.run("free-untouched", gib << 10, timeout=30)


def ended_threads(subject, count):
    return subject.run("ended-threads", count, 5)


def aligned(subject, count=100, size=2 << 20, rounds=1000):
    return subject.run("aligned", count, size, rounds)


def bursts(subject, sizes=SIZES, mib=64, seconds=10, by=BY, limits=()):
    """Returns the memory left after bursts of every shape, all at the same time. Keys are the shapes."""
    shapes = list(itertools.product(sizes, by, ORDERS))
    started = [subject.start([subject.program, "burst", *shape, mib, seconds], limits=limits)
               for shape in shapes]
    result = {}
    first = None
    for shape, process in zip(shapes, started):
        try:
            result[" ".join(shape)] = subject.figures(process, seconds + 60)["left_mib"]
        except Exception as why:  # the other processes must end before this one does
            first = first or why
    if first:
        raise first
    return result


def worst(found, word=""):
    """The shape that leaves most, among those with a word."""
    shape = max((shape for shape in found if word in shape.split() or not word), key=found.get)
    return {"left_mib": found[shape], "shape": shape}
