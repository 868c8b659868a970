"""Measures all but the workloads: start-up of a small program, instructions of a pair, micro benchmarks, counters."""
import json
import os
import re
import shutil
import statistics
import subprocess

from . import allocators as preloads
from .workloads import rotated

FEW, MANY = 10_000, 110_000


def startup(folder, allocators, rounds, starts, limit, progress, weight=1):
    """allocator -> runs: wall time and peak memory of `true`, started many times."""
    program = os.path.join(folder, "ashlar_startup")
    results = {name: [] for name in allocators}
    for turn in range(rounds):
        for name in rotated(list(allocators), turn):
            progress.step(f"start-up of `true` under {name}", weight)
            command = [program, str(starts), allocators[name], "true"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit)
            results[name].append(json.loads(done.stdout))
    return results


def _collected(program, rounds, library):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, str(rounds)]
    done = subprocess.run(command, env=preloads.environment(library), capture_output=True, text=True, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    return int(found.group(1)) if done.returncode == 0 and found else None


def instructions(folder, allocators, progress, weight=1):
    """allocator -> instructions of one malloc and free of 64 bytes: the difference of two counts, so that start-up cancels out.
    None where the allocator does not run under valgrind; nothing at all without valgrind."""
    if not shutil.which("valgrind"):
        return {}
    program = os.path.join(folder, "ashlar_pair64")
    results = {}
    for name, library in allocators.items():
        progress.step(f"instructions of a pair under {name}", weight)
        counts = [_collected(program, rounds, library) for rounds in (FEW, MANY)]
        results[name] = None if None in counts else (counts[1] - counts[0]) / (MANY - FEW)
    return results


# Keys that Google Benchmark writes for every benchmark; the other keys of an entry are the counters.
USUAL = {
    "name", "family_index", "per_family_instance_index", "run_name", "run_type", "repetitions", "repetition_index", "threads",
    "iterations", "real_time", "cpu_time", "time_unit", "items_per_second", "bytes_per_second", "label", "aggregate_name",
    "aggregate_unit", "error_occurred", "error_message"}


def _entries(program, arguments, limit):
    """The figures of Google Benchmark, without its means over repetitions."""
    done = subprocess.run([program, "--benchmark_format=json", *arguments], env=preloads.environment(), capture_output=True,
                          text=True, timeout=limit, check=False)
    try:
        found = json.loads(done.stdout)["benchmarks"]
    except (ValueError, KeyError):
        raise preloads.Unusable(f"exit status {done.returncode}, {done.stderr.strip()[-200:]}") from None
    return [entry for entry in found if entry.get("run_type") != "aggregate" and not entry.get("error_occurred")]


def micro(folder, arguments, limit):
    """name -> {threads, ns, cpu_ns, counters}; empty without the program, {"error": …} if it fails. Times are
    those of the plain program, counters those of its twin that counts, if there is one."""
    plain, counted = (os.path.join(folder, name) for name in ("ashlar_micro", "ashlar_micro_counted"))
    if not os.path.exists(plain):
        return {}
    units = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    results = {}
    try:
        for entry in _entries(plain, arguments, limit):
            unit = units[entry["time_unit"]]
            results[entry["name"]] = {"threads": entry.get("threads", 1), "ns": entry["real_time"] * unit,
                                      "cpu_ns": entry["cpu_time"] * unit, "counters": _counters(entry)}
        if os.path.exists(counted):
            for entry in _entries(counted, arguments, limit):
                results.get(entry["name"], {})["counters"] = _counters(entry)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {limit} s"}
    except preloads.Unusable as why:
        return {"error": str(why)}
    return results


def _counters(entry):
    return {key: value for key, value in entry.items() if key not in USUAL and isinstance(value, (int, float))}


def scaling(folder, arguments, limit):
    """The output of ashlar_counters: its text, and its tables: pattern -> list of column -> number. Empty without it."""
    program = os.path.join(folder, "ashlar_counters")
    if not os.path.exists(program):
        return {}
    try:
        done = subprocess.run([program, *arguments], env=preloads.environment(), capture_output=True, text=True, timeout=limit,
                              check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {limit} s"}
    if done.returncode != 0:
        return {"error": f"exit status {done.returncode}, {done.stderr.strip()[-200:]}"}
    return {"text": done.stdout, "patterns": counter_tables(done.stdout)}


def counter_tables(text):
    """A line "name: what it is", one of columns that begins with "threads", and lines of numbers, for each pattern."""
    patterns, rows, columns, last = {}, None, [], ""
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "threads":
            columns, rows = words, patterns.setdefault(last, [])
        elif rows is not None and words and words[0].isdigit():
            rows.append({column: float(word) for column, word in zip(columns, words) if re.fullmatch(r"-?[\d.]+", word)})
        else:
            rows, last = None, line.strip() or last
    return patterns


def startup_rows(results):
    """(allocator, mean us, least us, peak KiB), medians over the rounds."""
    return [(name, *(statistics.median(run[key] for run in runs) for key in ("mean_us", "least_us", "peak_kib")))
            for name, runs in results.items()]
