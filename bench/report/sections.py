"""The sections of the report."""
from html import escape

from . import counts, figures, page, plots
from .allocators import SUBJECT

MEAN_TITLES = ((figures.TIME, "wall time"), (figures.CPU, "CPU time"), (figures.PEAK, "peak memory"),
               (figures.IDLE, "memory after idling"))


def summary(data, names, drawn):
    rows = []
    for metric, title in MEAN_TITLES:
        means, count = figures.mean_ratios(data["workloads"], metric.key, names)
        if count:
            rows.append([title, *(f"{means[name]:.2f}" for name in names), count])
    text = ("<p>Geometric means of the ratio to the best allocator of each workload: 1.00 would be the best everywhere. Less "
            "is better.</p>")
    notes = "".join(f"<li>{escape(note)}</li>" for note in data.get("notes", []))
    notes = f"<p>What went wrong or was left out:</p><ul>{notes}</ul>" if notes else ""
    return text + page.plain_table(["", *names, "workloads"], rows) + notes + page.figure(drawn, "overview", "summary")


def behind(data, names, _drawn):
    """Where Ashlar loses."""
    if SUBJECT not in names or len(names) < 2:
        return ""
    lost = [("workload", loss) for loss in figures.losses(data["workloads"], figures.WORKLOAD_METRICS, SUBJECT, names)]
    lost += [("program", loss) for loss in figures.losses(data.get("programs", {}), figures.PROGRAM_METRICS, SUBJECT, names)]
    text = ("<p>Every figure in which Ashlar's median is more than 10% behind the best of all others. “Clear”: no round of "
            "Ashlar's was as good as that other's worst round, of three or more; the rest may be noise.</p>")
    if not lost:
        return text + "<p>None.</p>"
    rows = [[kind, loss.name, loss.metric.title, f"{figures.number_text(loss.own * loss.metric.factor)} {loss.metric.unit}",
             f"{figures.number_text(loss.other * loss.metric.factor)} {loss.metric.unit}", loss.best, f"{loss.ratio:.2f}",
             "clear" if loss.clear else "perhaps noise"] for kind, loss in sorted(lost, key=lambda item: -item[1].ratio)]
    return text + page.plain_table(["", "", "figure", "Ashlar", "best other", "which", "ratio", ""], rows, (0, 1, 2, 5, 7))


def families(data, names, drawn):
    parts = ["<p>Bars: ratio to the best allocator of each row; shorter is better, Ashlar's are the red ones. A bar that is "
             "cut off says how long it is.</p>", page.figure(drawn, "overview", "by-family")]
    for family, members in plots.families(data, names).items():
        parts.append(f"<h3>{escape(family)}</h3>{page.figure(drawn, 'families', plots.family_name(family))}")
        some = {name: data["workloads"][name] for name in members}
        about = "".join(f"<li><b>{escape(name)}</b>: {escape(one['about'])}</li>" for name, one in some.items() if one["about"])
        tables = "".join(f"<p>{metric.title}, {metric.unit}</p>{table}" for metric in figures.WORKLOAD_METRICS
                         if (table := page.table(some, metric, names, live=metric is figures.PEAK)))
        parts.append(f"<details><summary>What they do, and the medians</summary><ul>{about}</ul>{tables}</details>")
    return "".join(parts)


def threads(data, names, drawn):
    if not plots.scaling(data):
        return ""
    cores = data["machine"]["cores"]
    return (f"<p>The same work with more threads. This machine has {cores} cores: beyond that, lines show what it costs that "
            f"threads are preempted while they allocate.</p>") + page.figure(drawn, "threads")


def traces(data, names, drawn):
    if not any(run.get("trace") for one in data["traces"].values() for runs in one["runs"].values() for run in runs):
        return ""
    return ("<p>Resident memory, sampled each 10 ms, of one run each; dashed: the bytes that the workload has allocated at "
            "that time, of Ashlar's run. At the end everything is freed, and a small block is allocated and freed each "
            "millisecond: an allocator that returns memory only when it is called has its chance.</p>" +
            page.figure(drawn, "traces"))


def latency(data, names, drawn):
    tables = []
    for workload, one in data["latency"].items():
        for call in ("malloc", "free"):
            rows = [(name, plots.latency_row(one["runs"].get(name, []), call)) for name in names]
            rows = [[name, *(figures.number_text(row[key]) for key in plots.PERCENTILES)] for name, row in rows if row]
            if rows:
                head = ["", *plots.PERCENTILES.values()]
                tables.append(f"<p>{escape(workload)}, {call}, ns</p>{page.plain_table(head, rows)}")
    if not tables:
        return ""
    return ("<p>How long single calls take, every call timed. The cost of reading the clock is subtracted; below some ten "
            "nanoseconds these are estimates. The longest call of all depends on who is preempted when, and on page "
            "faults.</p>" +
            page.figure(drawn, "latency") + f"<details><summary>Figures</summary>{''.join(tables)}</details>")


def programs(data, names, drawn):
    found = data.get("programs", {})
    if not found:
        return ""
    about = "".join(f"<li><b>{escape(name)}</b>: {escape(one['about'])}</li>" for name, one in found.items())
    tables = "".join(f"<p>{metric.title}, {metric.unit}</p>{page.table(found, metric, names)}"
                     for metric in figures.PROGRAM_METRICS)
    return (f"<p>Through <code>ashlar compare</code>. Each checks its own results; a run that is wrong counts as failed.</p>"
            f"<ul>{about}</ul>{page.figure(drawn, 'programs')}{tables}")


def small(data, names, _drawn):
    """Start-up and instructions."""
    parts = []
    if data.get("startup"):
        rows = [[name, *(f"{value:,.0f}" for value in row)] for name, *row in counts.startup_rows(data["startup"])]
        parts.append("<p>Starting <code>true</code>: fork, exec, its libraries, exit.</p>" +
                     page.plain_table(["", "mean µs", "least µs", "peak KiB"], rows))
    if data.get("instructions"):
        rows = [[name, "does not run under valgrind" if count is None else f"{count:.1f}"]
                for name, count in data["instructions"].items()]
        parts.append("<p>Instructions of a malloc and free of 64 bytes, counted by callgrind; the loop, the calls and the PLT "
                     "included.</p>" + page.plain_table(["", "instructions"], rows))
    return "".join(parts)


def micro(data, _names, _drawn):
    found = data.get("micro") or {}
    if "error" in found:
        return f"<p>The micro benchmarks failed: {escape(found['error'])}</p>"
    if not found:
        return ""
    counters = sorted({key for one in found.values() for key in one["counters"]})
    rows = [[name, figures.number_text(one["ns"]), figures.number_text(one["cpu_ns"]),
             *(figures.number_text(one["counters"][key]) if key in one["counters"] else "" for key in counters)]
            for name, one in found.items()]
    return ("<p>Google Benchmark, in one process and without a preload. The counters are per operation unless their names say "
            "otherwise; unlike times, they repeat on a noisy machine.</p><details><summary>All of them</summary>" +
            page.plain_table(["", "ns", "CPU ns", *counters], rows) + "</details>")


def counters(data, _names, _drawn):
    found = data.get("counters") or {}
    if "error" in found:
        return f"<p>ashlar_counters failed: {escape(found['error'])}</p>"
    if not found:
        return ""
    wanted = ["rmw", "vain", "cas-lost", "locks", "refused", "misses"]
    ends = [(name, rows[0], rows[-1]) for name, rows in found["patterns"].items() if len(rows) > 1]
    rows = [[name, f"{least['threads']:.0f} / {most['threads']:.0f}",
             *(f"{least[key]:.3f} / {most[key]:.3f}" if key in least and key in most else "" for key in wanted)]
            for name, least, most in ends]
    return ("<p>What Ashlar's threads do to words that they share, for each block allocated and freed: counted, not timed, so "
            "that it says what more cores would meet. With the fewest and the most threads. rmw: read-modify-write operations; "
            "vain: those that changed nothing; cas-lost: compare-and-swaps that another thread was faster than; locks: lock "
            "words taken; "
            "refused: tries that found the lock taken, and went on without; misses: accesses to a line that another thread "
            "wrote last.</p>" +
            page.plain_table(["", "threads", *wanted], rows) +
            f"<details><summary>All numbers of threads</summary><pre>{escape(found['text'])}</pre></details>")


def method(data, names, _drawn):
    where = data["machine"]
    machine = [[key.replace("_", " "), value] for key, value in where.items() if value is not None]
    libraries = [[name, one["library"] or "libc itself", one["package"] or "", one["version"] or ""]
                 for name, one in data["allocators"].items()]
    minutes = data.get("seconds", 0) / 60
    return (f"<p>Each workload is one program that runs under whatever malloc is preloaded; all allocators have their default "
            f"settings. {data['rounds']} rounds at scale {data['scale']}: in each, every workload ran once under every "
            f"allocator, in an order that rotates. Figures are medians over the rounds; ± is half the range. Every block's "
            f"content is verified, and all allocators must come to the same checksums. Peak memory is the kernel's high-water "
            f"mark of the process, the program itself included (about 1.5 MiB); idle memory is what is resident 0.3 seconds "
            f"after everything was freed. The whole took {minutes:.0f} minutes (<code>{escape(data['mode'])}</code>).</p>" +
            page.plain_table(["allocator", "library", "package", "version"], libraries, (0, 1, 2, 3)) +
            page.plain_table(["machine", ""], machine, (0, 1)))


def everything(data, names, drawn):
    """(id, title, HTML) of each section; empty if the data are missing."""
    return [(key, title, make(data, names, drawn)) for key, title, make in (
        ("summary", "Summary", summary), ("behind", "Where Ashlar loses", behind), ("threads", "Over threads", threads),
        ("memory", "Memory over time", traces), ("latency", "Latency", latency), ("programs", "Real programs", programs),
        ("small", "Start-up and instructions", small), ("families", "All workloads", families),
        ("counters", "Scaling by counters", counters), ("micro", "Micro benchmarks", micro),
        ("method", "How it was measured", method))]
