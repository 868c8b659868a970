"""The program of bench/run.sh: measures, saves and plots. See bench/README.md."""
import argparse
import datetime
import os
import signal
import sys
import time
from collections import namedtuple

from . import allocators as preloads
from . import counts, figures, gnuplot, machine, page, plots, programs, records, workloads
from .progress import Progress, duration_text

ROOT = programs.ROOT
# How much work each mode does:
#   scale        work of one run of a workload; 1 is about a second
#   rounds       runs of each workload under each allocator
#   few          number of workloads of each family; None: all
#   idle_rounds  rounds that also measure the memory after a rest of REST_SECONDS
#   latency      rounds of the latency measurements
#   programs     measured rounds of the real programs
#   warmup       rounds of the real programs before those
#   starts       starts of a program in a round
#   micro        seconds for each micro benchmark
Mode = namedtuple("Mode", "scale rounds few idle_rounds latency programs warmup starts micro")
MODES = {
    "smoke": Mode(0.01, 1, 1, 0, 1, 1, 0, 3, 0.0001),
    "quick": Mode(0.05, 3, 2, 1, 1, 1, 0, 50, 0.001),
    "default": Mode(0.1, 5, None, 1, 2, 5, 0, 200, 0.02),
    "full": Mode(0.3, 7, None, 2, 5, 9, 1, 500, 0.1),
}
REST_SECONDS = 0.3
PARTS = ("workloads", "latency", "traces", "startup", "instructions", "programs", "micro", "counters")
SMOKE_ONLY = r"^(pair-64|exchange-[248])$"
SMOKE_MORE = r"^(exchange-2|burst-then-idle)$"
SMOKE_PROGRAMS = ("sqlite", "memcached")
# Workloads whose latencies and memory over time are measured, if they exist.
LATENCY = r"^(pair-mixed|replace-10k|replace-power-300k|larson-2|producer-consumer-512|exchange-2|batch-random-mixed-10k)$"
TRACE = r"^(burst-then-idle|producer-consumer-\d+|producers-\d+-consumers-\d+|many-producers.*|fixed-live.*)$"


def parse_arguments(words):
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="Compares the allocators of this machine, and reports.")
    modes = parser.add_mutually_exclusive_group()
    for name in ("quick", "full", "smoke"):
        modes.add_argument(f"--{name}", dest="mode", action="store_const", const=name, default="default")
    parser.add_argument("-a", "--allocator", action="append", default=[], metavar="NAME=LIB", help="one more; repeatable")
    parser.add_argument("--allocators", metavar="A,B", help="only these")
    parser.add_argument("--only", metavar="REGEX", help="only workloads that match, without programs and micro benchmarks")
    parser.add_argument("--rounds", type=int, help="runs of each workload under each allocator")
    parser.add_argument("--scale", type=float, help="work in a run; 1 is about a second")
    parser.add_argument("--limit", type=float, default=300, metavar="SECONDS", help="give up on a run after this")
    parser.add_argument("--out", metavar="DIR", help="where the results go (default: out/bench-DATE)")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "bench"), metavar="DIR", help="use this build")
    return parser.parse_args(words)


class Session:
    """The measurements of one call of run.sh: each stage fills its part of `data`."""

    def __init__(self, options):
        mode = MODES[options.mode]
        self.mode = mode._replace(rounds=options.rounds or mode.rounds, scale=options.scale or mode.scale)
        self.options = options
        self.bench = os.path.join(os.path.abspath(options.build), "bench")
        self.command = os.path.join(os.path.abspath(options.build), "src", "command", "ashlar")
        self.program = os.path.join(self.bench, "ashlar_workloads")
        library = os.path.join(os.path.abspath(options.build), "src", "libashlar.so")
        for path in (self.program, library):
            if not os.path.exists(path):
                raise preloads.Unusable(f"{path} is not there; bench/run.sh without --build builds it")
        only = options.allocators.split(",") if options.allocators else None
        found = preloads.choose(library, preloads.installed(self.command), options.allocator, only)
        # The subject first: every table and legend has this order.
        self.chosen = {name: found[name] for name in sorted(found, key=lambda name: name != preloads.SUBJECT)}
        # Parts that take seconds under each allocator: in a smoke run only under two.
        self.some = {name: self.chosen[name] for name in self.chosen
                     if options.mode != "smoke" or name in (preloads.SUBJECT, preloads.SYSTEM)}
        self.progress = Progress()
        self.notes = []
        self.data = {key: {} for key in PARTS}

    def describe(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        self.data |= {"format": records.FORMAT, "made": now.isoformat(timespec="seconds"), "mode": self.options.mode,
                      "rounds": self.mode.rounds, "scale": self.mode.scale, "commit": machine.commit(ROOT),
                      "machine": machine.describe(), "allocators": preloads.describe(self.chosen)}
        load = self.data["machine"]["load_at_start"]
        if load > 0.5:
            self.notes.append(f"the machine was not idle: its load was {load} when this began")

    def plan(self):
        """All steps, and about how long each takes, for the progress line."""
        mode, options, count = self.mode, self.options, len(self.chosen)
        smoke = options.mode == "smoke"
        everything = workloads.listed(self.program, options.only or "")
        self.listed, more = everything, everything
        if smoke:
            self.listed, more = ({name: one for name, one in everything.items() if workloads.matches(pattern, name)}
                                 for pattern in (SMOKE_ONLY, SMOKE_MORE))
        elif mode.few and not options.only:
            self.listed = workloads.few(everything, mode.few)
        known = workloads.options_of(self.program)
        self.latency, self.traced = (
            {name: one for name, one in more.items() if workloads.matches(pattern, name) and option in known}
            for pattern, option in ((LATENCY, "--latency"), (TRACE, "--trace")))
        self.programs, lines = ([], []) if options.only else programs.there(SMOKE_PROGRAMS if smoke else None)
        self.notes += lines
        run = mode.scale * 1.6 + 0.03
        self.weights = {"run": run + REST_SECONDS * mode.idle_rounds / mode.rounds, "latency": 2 * run,
                        "trace": run + REST_SECONDS, "start": 0.002 * mode.starts, "instructions": 2}
        times = {"run": mode.rounds * len(self.listed), "latency": mode.latency * len(self.latency), "trace": len(self.traced),
                 "start": mode.rounds, "instructions": 1}
        for key, weight in self.weights.items():
            self.progress.expect((len(self.some) if key == "instructions" else count) * times[key] * weight)
        self.progress.expect(sum(programs.weight(one, self.some, mode.programs, mode.warmup) for one in self.programs))

    def run_workloads(self):
        mode, weights = self.mode, self.weights
        scale = ["--scale", str(mode.scale)]
        # At the scale of a smoke run a workload ends in a moment.
        period = "1" if self.options.mode == "smoke" else "10"

        def run(key, chosen, words, **how):
            workloads.run_all(self.program, chosen, self.chosen, [*scale, *words], self.options.limit, self.progress,
                              into=self.data[key], **how)

        run("workloads", self.listed, [], rounds=mode.rounds, idle_rounds=mode.idle_rounds, weight=weights["run"])
        run("latency", self.latency, ["--latency"], rounds=mode.latency, idle_rounds=0, weight=weights["latency"])
        run("traces", self.traced, ["--trace", period], weight=weights["trace"])

    def run_others(self):
        mode, progress = self.mode, self.progress
        self.data["startup"] = counts.startup(self.bench, self.chosen, mode.rounds, mode.starts, self.options.limit, progress,
                                              self.weights["start"])
        self.data["instructions"] = counts.instructions(self.bench, self.some, progress, self.weights["instructions"])
        if not self.data["instructions"]:
            self.notes.append("instructions were not counted: there is no valgrind")
        self.notes += programs.run_all(self.command, self.programs, self.some, mode.programs, mode.warmup, progress,
                                       self.data["programs"])
        if not self.options.only:
            progress.step("micro benchmarks", 0)
            smoke = self.options.mode == "smoke"
            words = [f"--benchmark_min_time={mode.micro}", *(["--benchmark_filter=/64"] if smoke else [])]
            self.data["micro"] = counts.micro(self.bench, words, 10 * self.options.limit)
            progress.step("counters", 0)
            words = {"smoke": ["--smoke"], "quick": ["--operations", "5000"]}.get(self.options.mode, [])
            self.data["counters"] = counts.scaling(self.bench, words, self.options.limit)

    def report(self, folder):
        for key in ("workloads", "latency", "traces"):
            self.notes += workloads.errors_of(self.data[key])
        self.data["notes"] = self.notes
        names = list(self.chosen)
        os.makedirs(folder, exist_ok=True)
        records.save(self.data, os.path.join(folder, "results.json"))
        records.save_csv(self.data, os.path.join(folder, "results.csv"))
        sections = plots.everything(self.data, names)
        drawn = page.draw(sections, folder) if gnuplot.there() else {}
        if not drawn:
            print("run.sh: no plots: gnuplot is not installed (gnuplot-nox)", file=sys.stderr)
        with open(os.path.join(folder, "report.html"), "w", encoding="utf-8") as file:
            file.write(page.html(self.data, names, drawn))


def print_summary(data, names, folder, seconds):
    for metric in (figures.TIME, figures.PEAK):
        means, count = figures.mean_ratios(data["workloads"], metric.key, names)
        cells = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items() if mean)
        print(f"{metric.title}, geometric mean of the ratio to the best over {count} workloads: {cells}")
    lost = figures.losses(data["workloads"], figures.WORKLOAD_METRICS, preloads.SUBJECT, names)
    lost += figures.losses(data["programs"], figures.PROGRAM_METRICS, preloads.SUBJECT, names)
    clear = sum(loss.clear for loss in lost)
    print(f"Ashlar is more than 10% behind the best other in {len(lost)} figures, clearly in {clear}: the report lists them")
    print(f"{os.path.join(folder, 'report.html')}, results.json, results.csv and the plots beside it; {duration_text(seconds)}")


def main():
    options = parse_arguments(sys.argv[1:])
    begin = time.monotonic()
    session = Session(options)
    session.describe()
    session.plan()
    # A long run that is stopped still reports what it has measured.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stopped = False
    try:
        session.run_workloads()
        session.run_others()
    except KeyboardInterrupt:
        stopped = True
        session.notes.append("this run was stopped before its end: what was not yet measured is missing")
    finally:
        session.progress.end()
    session.data["seconds"] = round(time.monotonic() - begin, 1)
    stamp = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder = os.path.abspath(options.out or os.path.join(ROOT, "out", f"bench-{stamp}"))
    session.report(folder)
    for line in session.notes:
        print(f"run.sh: {line}", file=sys.stderr)
    print_summary(session.data, list(session.chosen), folder, time.monotonic() - begin)
    failed = any("error" in run for key in ("workloads", "latency", "traces", "programs") for one in session.data[key].values()
                 for run in one["runs"].get(preloads.SUBJECT, []))
    return 130 if stopped else int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except preloads.Unusable as why:
        sys.exit(f"run.sh: {why}")
    except KeyboardInterrupt:
        sys.exit(130)
