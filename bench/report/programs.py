"""Real programs through `ashlar compare`, which runs each under every allocator in turn. Each checks its own results."""
import json
import os
import shutil
import subprocess
import tempfile
from collections import namedtuple

from . import allocators as preloads

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRY = os.path.join(ROOT, "scripts", "try")
OURS = os.path.join(ROOT, "bench", "programs")
SOURCE = "src/command/program.cpp"

# A real program:
#   needs    the programs that must be installed
#   seconds  the time of one run, for the progress line
#   words    a function from the working directory to the command
Program = namedtuple("Program", "name about needs seconds words")


def _redis(work):
    # Debian's package redis-server starts a server. The package redis-tools has the same program under another name.
    server = os.path.join(work, "redis-server")
    if not os.path.exists(server):
        os.symlink(shutil.which("redis-check-rdb"), server)
    return [os.path.join(TRY, "redis.sh"), server, work]


def _compiler(work):
    words = [os.path.join(TRY, "compile.sh"), SOURCE, work]
    if not os.path.exists(os.path.join(work, "reference.o")):
        subprocess.run(words, env=preloads.environment(), capture_output=True, check=True)
    return words


PROGRAMS = [
    Program("redis", "a Redis server under redis-benchmark, whose own malloc is libc's",
            ["redis-check-rdb", "redis-benchmark"], 1.5, _redis),
    Program("rocksdb", "RocksDB's db_bench, two threads: random writes, then random reads", ["db_bench"], 0.8,
            lambda work: ["db_bench", "--benchmarks=fillrandom,readrandom", "--num=30000", "--value_size=200", "--threads=2",
                          "--seed=1", f"--db={work}/rocksdb"]),
    Program("g++", f"g++ -O2 compiles {SOURCE}; the object must be the same byte for byte", ["g++"], 3, _compiler),
    Program("python", "Python with PYTHONMALLOC=malloc: four threads encode, decode and hand on records", ["python3"], 1.5,
            lambda work: ["python3", os.path.join(TRY, "threads.py")]),
    Program("sqlite", "the sqlite3 shell: a database in memory, indexes, joins, updates; its figures are checked",
            ["sqlite3"], 0.6, lambda work: ["sqlite3", "-bail", "-batch", ":memory:",
                                       ".read " + os.path.join(OURS, "sqlite.sql")]),
    Program("memcached", "a memcached server with two threads; its client checks every answer, and its malloc is libc's",
            ["memcached", "python3"], 1.7, lambda work: [os.path.join(OURS, "memcached.sh"), work]),
]


def there(only=None):
    """Those whose programs are installed, and a line about each of the others."""
    chosen, lines = [], []
    for program in PROGRAMS:
        missing = [need for need in program.needs if not shutil.which(need)]
        if missing:
            lines.append(f"{program.name} is left out: there is no {', '.join(missing)}")
        elif only is None or program.name in only:
            chosen.append(program)
    return chosen, lines


def command_of(command, allocators, rounds, warmup, words):
    names = {preloads.SYSTEM: "system"}
    line = [command, "compare", "-n", str(rounds), "--warmup", str(warmup), "--json"]
    for name, library in allocators.items():
        if library and name != preloads.SUBJECT:
            line += ["-a", f"{name}={library}"]
    return line + ["--only", ",".join(names.get(name, name) for name in allocators), "--", *words]


def runs_of(answer):
    """allocator -> runs, from the output of `ashlar compare --json`."""
    result = {}
    for one in answer["allocators"]:
        name = preloads.SYSTEM if one["name"] == "system" else one["name"]
        result[name] = [{"wall_seconds": run["wall_seconds"], "cpu_seconds": run["user_seconds"] + run["system_seconds"],
                         "peak_kib": run["peak_kib"]} for run in one["runs"]]
        if one["failed"] is not None:
            result[name].append({"error": one["failed"]["reason"] + ": " + one["failed"]["stderr"][-200:]})
    return result


def run_all(command, chosen, allocators, rounds, warmup, progress, results):
    """Fills name -> {about, runs: allocator -> runs}; returns a line for each failure."""
    lines = []
    settings = preloads.environment()
    settings |= {"PYTHONMALLOC": "malloc", "PYTHONDONTWRITEBYTECODE": "1"}
    if preloads.SUBJECT in allocators:
        settings["ASHLAR_LIBRARY"] = allocators[preloads.SUBJECT]
    with tempfile.TemporaryDirectory(prefix="ashlar-bench.") as work:
        for program in chosen:
            progress.step(program.name, weight(program, allocators, rounds, warmup))
            try:
                words = command_of(command, allocators, rounds, warmup, program.words(work))
            except subprocess.CalledProcessError as error:
                lines.append(f"{program.name} is left out: {error}")
                continue
            done = subprocess.run(words, env=settings, capture_output=True, text=True, check=False)
            try:
                runs = runs_of(json.loads(done.stdout))
            except (ValueError, KeyError):
                lines.append(f"{program.name}: ashlar compare: exit status {done.returncode}: {done.stderr.strip()[-300:]}")
                continue
            results[program.name] = {"about": program.about, "runs": runs}
            lines += [f"{program.name} under {name}: {run['error']}" for name, of in runs.items() for run in of
                      if "error" in run]
    return lines


def weight(program, allocators, rounds, warmup):
    return program.seconds * len(allocators) * (rounds + warmup)
