"""Medians, spreads and ratios of runs."""
import math
import statistics
from collections import namedtuple

# key: of a run; factor: from that to the unit; limit: a larger ratio to the best is reported.
Metric = namedtuple("Metric", "key title unit factor limit")
TIME = Metric("ns_per_operation", "Wall time per operation", "ns", 1, 1.15)
CPU = Metric("cpu_ns", "CPU time per operation, all threads", "ns", 1, 1.15)
PEAK = Metric("peak_kib", "Peak resident memory", "MiB", 1 / 1024, 1.10)
FINAL = Metric("final_kib", "Resident memory when everything is freed", "MiB", 1 / 1024, 1.10)
IDLE = Metric("idle_kib", "Resident memory after idling", "MiB", 1 / 1024, 1.10)
WORKLOAD_METRICS = (TIME, CPU, PEAK, IDLE)

WALL_SECONDS = Metric("wall_seconds", "Wall time", "s", 1, 1.10)
CPU_SECONDS = Metric("cpu_seconds", "CPU time", "s", 1, 1.10)
PROGRAM_PEAK = Metric("peak_kib", "Peak memory of the largest process", "MiB", 1 / 1024, 1.10)
PROGRAM_METRICS = (WALL_SECONDS, CPU_SECONDS, PROGRAM_PEAK)


def values(runs, key):
    """One figure of every round that has it; empty if any of them failed."""
    if any("error" in run for run in runs):
        return []
    return [run[key] for run in runs if run.get(key) is not None]


def figure(runs, key, pick=statistics.median):
    found = values(runs, key)
    return pick(found) if found else None


def row_of(by_allocator, key, pick=statistics.median):
    return {name: figure(runs, key, pick) for name, runs in by_allocator.items()}


def spread(found):
    """Half the range as a share of the median, which `ashlar compare` prints after ±."""
    middle = statistics.median(found)
    return (max(found) - min(found)) / 2 / middle if middle else 0


def geometric_mean(found):
    return math.exp(statistics.fmean(math.log(value) for value in found))


def ratio_to_best(row, subject, peers):
    """(subject's figure / the best peer's, that peer's name), or (None, "")."""
    there = {name: row[name] for name in peers if name != subject and row.get(name)}
    if not there or not row.get(subject):
        return None, ""
    best = min(there, key=there.get)
    return row[subject] / there[best], best


def ratios_to_least(row):
    """allocator -> its figure / the least of all; None without a figure."""
    there = [value for value in row.values() if value]
    return {name: value / min(there) if value else None for name, value in row.items()}


def mean_ratios(results, key, names, base=ratios_to_least):
    """allocator -> geometric mean of its ratios over the workloads that all of them have done, and how many those are."""
    collected = {name: [] for name in names}
    for one in results.values():
        row = {name: figure(one["runs"].get(name, []), key) for name in names}
        if any(not value for value in row.values()):
            continue
        for name, ratio in base(row).items():
            collected[name].append(ratio)
    means = {name: geometric_mean(ratios) if ratios else None for name, ratios in collected.items()}
    return means, max(map(len, collected.values()), default=0)


Loss = namedtuple("Loss", "metric name ratio best own other clear")


def losses(results, metrics, subject, names, limit=1.10):
    """Where the subject's median is more than `limit` times the best other's; worst first. `clear`: no round of the subject was
    as good as that other's worst, and there were three or more of both."""
    found = []
    for metric in metrics:
        for name, one in results.items():
            row = {other: figure(one["runs"].get(other, []), metric.key) for other in names}
            ratio, best = ratio_to_best(row, subject, names)
            if ratio is None or ratio <= limit:
                continue
            own, other = (values(one["runs"][which], metric.key) for which in (subject, best))
            clear = min(own) > max(other) and min(len(own), len(other)) > 2
            found.append(Loss(metric, name, ratio, best, row[subject], row[best], clear))
    return sorted(found, key=lambda loss: -loss.ratio)


def number_text(value):
    """The number with three significant digits."""
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}"
