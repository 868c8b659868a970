"""Results as files: everything as JSON, the runs as CSV."""
import csv
import json

FORMAT = 1
COLUMNS = ["kind", "name", "family", "threads", "allocator", "round", "ns_per_operation", "cpu_ns", "seconds", "cpu_seconds",
           "operations", "peak_kib", "final_kib", "idle_kib", "live_peak_kib", "minor_faults", "checksum", "error"]


def save(data, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")


def load(path):
    """Raises OSError or ValueError, with the path, if it is not such a file."""
    with open(path, encoding="utf-8") as file:
        try:
            data = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path}: is no result of bench/run.sh (format {FORMAT})")
    return data


def rows(data):
    """One for each run, of workloads and of real programs."""
    for kind, key in (("workload", "workloads"), ("program", "programs")):
        for name, one in data.get(key, {}).items():
            for allocator, runs in one["runs"].items():
                for number, run in enumerate(runs, 1):
                    yield {"kind": kind, "name": name, "family": one.get("family"), "threads": one.get("threads"),
                           "allocator": allocator, "round": number, **run,
                           "seconds": run.get("seconds", run.get("wall_seconds"))}


def save_csv(data, path):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows(data))
