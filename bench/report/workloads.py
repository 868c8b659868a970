"""Runs ashlar_workloads under every allocator, by LD_PRELOAD, in the default settings of each."""
import json
import os
import re
import subprocess

from . import allocators as preloads


def matches(pattern, name):
    return re.search(pattern, name) is not None


def family_of(name):
    return name.split("-")[0]


def listed(program, only=""):
    """name -> {threads, family, about} of the workloads that match."""
    done = subprocess.run([program, "--list", "--json"], capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout.lstrip().startswith("["):
        found = {one.pop("name"): one for one in json.loads(done.stdout)}
    else:
        lines = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.splitlines()
        words = [line.split() for line in lines if line.strip()]
        found = {name: {"threads": int(threads)} for name, threads in (line[:2] for line in words)}
    for name, one in found.items():
        one.setdefault("family", family_of(name))
        one.setdefault("about", "")
    chosen = {name: one for name, one in found.items() if matches(only, name)}
    if not chosen:
        raise preloads.Unusable(f"no workload matches {only}")
    return chosen


def options_of(program):
    """The options that its usage names: an older build has fewer."""
    usage = subprocess.run([program], capture_output=True, text=True, check=False).stderr
    return set(re.findall(r"--[a-z-]+", usage))


def few(workloads, most):
    """At most so many of each family, spread evenly over it, first and last included."""
    families = {}
    for name, one in workloads.items():
        families.setdefault(one["family"], []).append(name)
    kept = set()
    for names in families.values():
        count = min(most, len(names))
        kept |= {names[round(i * (len(names) - 1) / max(count - 1, 1))] for i in range(count)}
    return {name: one for name, one in workloads.items() if name in kept}


def complete(run):
    """The figures that are computed from the program's output."""
    run = dict(run)
    if "name" in run:
        run["workload"] = run.pop("name")
    if "resident_kib" in run:
        run["final_kib"] = run.pop("resident_kib")
    if run.get("operations"):
        run["cpu_ns"] = 1e9 * run["cpu_seconds"] / run["operations"]
    return run


def run_once(program, workload, options, library, limit):
    """One run: the program's own figures, or a dictionary with the key "error"."""
    command = [program, workload, *options]
    try:
        done = subprocess.run(command, env=preloads.environment(library), capture_output=True, text=True, timeout=limit,
                              check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {limit} s"}
    if done.returncode != 0:
        message = done.stderr.strip().splitlines()
        return {"error": f"exit status {done.returncode}: {message[-1] if message else 'no message'}"}
    try:
        result = json.loads(done.stdout)
    except ValueError:
        return {"error": f"its output is no JSON: {done.stdout[:60]!r}"}
    if library and os.path.realpath(result["malloc"]) != os.path.realpath(library):
        return {"error": f"malloc came from {result['malloc']}"}
    return complete(result)


def rotated(names, turn):
    """Rotates the order by one each round, so that a slow spell of the machine does not always affect the same one."""
    shift = turn % len(names)
    return names[shift:] + names[:shift]


def run_all(program, chosen, allocators, options, limit, progress, *, rounds=1, idle_rounds=None, weight=1, into=None):
    """workload -> {threads, family, about, runs: allocator -> list of runs, one a round}; `into`: where they are put as they
    come, for who is interrupted. After `idle_rounds` the programs don't idle at their end any more, if they know how to leave
    it out; None: they always do."""
    results = {} if into is None else into
    known = options_of(program)
    results |= {name: {**about, "runs": {one: [] for one in allocators}} for name, about in chosen.items()}
    for turn in range(rounds):
        idles = idle_rounds is None or turn < idle_rounds or "--no-idle" not in known
        words = options if idles else [*options, "--no-idle"]
        for number, workload in enumerate(chosen):
            for name in rotated(list(allocators), turn + number):
                progress.step(f"{workload} under {name}", weight)
                results[workload]["runs"][name].append(run_once(program, workload, words, allocators[name], limit))
    return results


def errors_of(results):
    """Lines about runs that failed, and about workloads whose checksums differ between allocators."""
    lines = []
    for workload, one in results.items():
        checksums = set()
        for name, runs in one["runs"].items():
            failed = [run["error"] for run in runs if "error" in run]
            if failed:
                lines.append(f"{workload} under {name}: {len(failed)} of {len(runs)} runs failed: {failed[0]}")
            checksums |= {run["checksum"] for run in runs if "error" not in run}
        if len(checksums) > 1:
            lines.append(f"{workload}: checksums differ: {', '.join(sorted(checksums))}")
    return lines
