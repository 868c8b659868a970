"""The pictures of the report. Each function returns Pictures, or none if the data are missing."""
import re
import statistics

from . import figures
from .gnuplot import CHARACTER, Picture, block, point_of, quoted

BAR, WIDE_BAR, GAP = 8, 14, 9  # pixels
CLIP = 4.0
PERCENTILES = {"p50": "50%", "p90": "90%", "p99": "99%", "p999": "99.9%", "max": "max"}


class Data:
    """Named blocks of data; gnuplot wants them before the plots."""

    def __init__(self, picture):
        self.picture = picture
        self.count = 0

    def add(self, rows):
        name = f"$d{self.count}"
        self.count += 1
        self.picture.setup += [f"{name} << EOD", *block(rows), "EOD"]
        return name


def _bars_panel(picture, data, box, groups, names, labelled, title, clip, bar):
    """groups: (label, {allocator: ratio}); a row of bars each. Wide bars say how long they are; others only if they are cut."""
    high = len(names) * bar + GAP
    bars, plots = {name: [] for name in names}, []
    texts, ticks = [], []
    for number, (label, ratios) in enumerate(groups):
        top = number * high + GAP / 2
        ticks.append(f"{quoted(label)} {top + len(names) * bar / 2:g}")
        for place, name in enumerate(names):
            value = ratios.get(name)
            low = top + place * bar
            if value is None:
                texts.append((0.02, low + bar / 2, "failed" if name in ratios else ""))
                continue
            bars[name].append((0, low + bar / 2, 0.0, min(value, clip), low, low + bar - 1))
            if value > clip or bar == WIDE_BAR:
                digits = 2 if value < clip else 1 if value < 10 else 0
                texts.append((min(value, clip) + clip * 0.01, low + bar / 2, f"{value:.{digits}f}"))
    for name in names:
        if bars[name]:
            plots.append(f"{data.add(bars[name])} using 1:2:3:4:5:6 with boxxyerror fs solid noborder "
                         f"lc rgb '{picture.colours[name]}'")
    font = 8 if bar == BAR else 10
    labels = [f"set label {quoted(text)} at {x:g},{y:g} left font ',{font}' tc rgb '#222222' noenhanced front"
              for x, y, text in texts if text]
    tics = f"set ytics ({', '.join(ticks)}) scale 0 noenhanced" if labelled else "unset ytics"
    picture.panel(box, plots or ["0 lw 0"], f"set xrange [0:{clip * 1.1:g}]", f"set yrange [{len(groups) * high}:0]", tics,
                  f"set title {quoted(title)} noenhanced offset 0,-0.3", "set grid noytics xtics",
                  f"set xtics {0.5 if clip <= 2.5 else 1} offset 0,0.4",
                  "set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb '#444444' lw 1 front", *labels)


def ratio_bars(name, title, groups, names, bar=BAR):
    """groups: (label, ratios in time, ratios in memory): two panels side by side, of the same rows."""
    known = [value for _, *pair in groups for ratios in pair for value in ratios.values() if value]
    if not known:
        return []
    clip = min(CLIP, max(2.0, max(known)))
    left = int(max(1.1 * CHARACTER * max(len(label) for label, *_ in groups) + 26, 90))
    wide, between = 330, 34
    high = len(groups) * (len(names) * bar + GAP)
    picture = Picture(name, left + 2 * wide + between + 16, 0, names)
    rows = 1 + int(sum(44 + CHARACTER * len(one) for one in names) // (picture.width - 20))
    top = 44 + 20 * rows + 24
    picture.height = top + high + 34
    picture.text(12, 18, title, 15)
    picture.legend(12, 44, names)
    data = Data(picture)
    for number, what in enumerate(("Time, least = 1", "Peak memory, least = 1")):
        x = left + number * (wide + between)
        _bars_panel(picture, data, (x, top, x + wide, top + high), [(group[0], group[1 + number]) for group in groups], names,
                    number == 0, what, clip, bar)
    return [picture]


def families(data, names):
    """family -> workloads, in the order of the list."""
    found = {}
    for name, one in data.get("workloads", {}).items():
        found.setdefault(one["family"], []).append(name)
    return found


def _ratios(one, metric, names):
    row = {name: figures.figure(one["runs"].get(name, []), metric.key) for name in names}
    return figures.ratios_to_least(row) if any(row.values()) else dict.fromkeys(names)


def _means(groups, everything, names):
    """(title, members) -> rows of ratio_bars: geometric means over the members."""
    rows = []
    for title, members in groups:
        some = {name: everything[name] for name in members}
        pair = [figures.mean_ratios(some, metric.key, names)[0] for metric in (figures.TIME, figures.PEAK)]
        if any(pair[0].values()):
            rows.append((title, *pair))
    return rows


def overview(data, names):
    """All in three rows, and a row for each family."""
    every = data.get("workloads", {})
    kinds = {"all workloads": list(every), "one thread": [name for name, one in every.items() if one["threads"] == 1],
             "more threads": [name for name, one in every.items() if one["threads"] > 1]}
    return [*ratio_bars("summary", "Geometric means; the best of each workload is 1, shorter is better",
                        _means(kinds.items(), every, names), names, WIDE_BAR),
            *ratio_bars("by-family", "Geometric means over the workloads of a family; the best of each workload is 1",
                        _means(families(data, names).items(), every, names), names)]


def family_name(family):
    return f"family-{re.sub(r'[^a-z0-9]+', '-', family.lower())}"


def family_bars(data, names):
    pictures = []
    for family, members in families(data, names).items():
        groups = [(name, *(_ratios(data["workloads"][name], metric, names) for metric in (figures.TIME, figures.PEAK)))
                  for name in members]
        pictures += ratio_bars(family_name(family), family, groups, names)
    return pictures


def program_bars(data, names):
    groups = [(name, _ratios(one, figures.WALL_SECONDS, names), _ratios(one, figures.PROGRAM_PEAK, names))
              for name, one in data.get("programs", {}).items()]
    return ratio_bars("programs", "Real programs: wall time, and the peak of their largest process", groups, names,
                      WIDE_BAR)


def scaling(data):
    """base name -> threads -> workload, of those that come with several numbers of threads."""
    found = {}
    for name, one in data.get("workloads", {}).items():
        if name.endswith(f"-{one['threads']}"):
            found.setdefault(name[: -len(str(one["threads"])) - 1], {})[one["threads"]] = name
    return {base: dict(sorted(members.items())) for base, members in found.items() if len(members) > 1}


def _grid(name, title, count, names, *, columns=3, size=(300, 200), lines=True, extra=()):
    """A picture with room for so many panels, and their boxes."""
    columns = min(columns, count)
    wide, high = size
    left, over, under = 58, 34, 48
    picture = Picture(name, max(columns * (left + wide) + 24, 560), 0, names)
    rows = 1 + int(sum(44 + CHARACTER * len(one) for one in [*names, *extra]) // (picture.width - 20))
    top = 40 + 20 * rows
    picture.height = top + -(-count // columns) * (over + high + under)
    picture.text(12, 18, title, 15)
    picture.legend(12, 44, [*names, *extra], lines)
    boxes = []
    for number in range(count):
        row, column = divmod(number, columns)
        x, y = left + column * (left + wide), top + row * (over + high + under) + over
        boxes.append((x, y, x + wide, y + high))
    return picture, boxes


def _lines_panel(picture, box, plots, title, under, *commands):
    """The first allocator is drawn last, on top of the others."""
    picture.panel(box, list(reversed(plots)) or ["0 lw 0"], f"set title {quoted(title)} noenhanced offset 0,-0.4",
                  "set ytics autofreq", "set grid xtics ytics", f"set xlabel {quoted(under)} offset 0,1", *commands)


def _line(picture, data, name, rows, style="linespoints"):
    wide = 3 if name == "ashlar" else 1.5
    points = f" pt {point_of(name)} ps 0.7" if style == "linespoints" else ""
    return f"{data.add(rows)} using 1:2 with {style} lw {wide} lc rgb '{picture.colours[name]}'{points}"


def thread_lines(data, names):
    found = scaling(data)
    pictures = []
    for name, title, metric, value, unit in (
            ("threads-time", f"Million operations a second over threads (more is better), on {data['machine']['cores']} cores",
             figures.TIME, lambda ns: 1e3 / ns, "M/s"),
            ("threads-memory", "Peak resident memory over threads", figures.PEAK, lambda kib: kib / 1024, "MiB")):
        if not found:
            break
        picture, boxes = _grid(name, title, len(found), names)
        blocks = Data(picture)
        for box, (base, members) in zip(boxes, found.items()):
            plots = []
            for one in names:
                medians = {threads: figures.figure(data["workloads"][workload]["runs"].get(one, []), metric.key)
                           for threads, workload in members.items()}
                rows = [(threads, float(value(median))) for threads, median in medians.items() if median]
                if rows:
                    plots.append(_line(picture, blocks, one, rows))
            _lines_panel(picture, box, plots, f"{base}, {unit}", "threads", "set logscale x 2",
                         f"set xrange [{min(members) * 0.9}:{max(members) * 1.1}]", "set yrange [0:*]",
                         f"set xtics ({', '.join(str(threads) for threads in members)}) offset 0,0.4")
        pictures.append(picture)
    return pictures


def _over_time(trace, key):
    """(seconds, MiB)"""
    return [(ms / 1000, kib / 1024) for ms, kib in zip(trace["ms"], trace[key])]


def traces(data, names):
    """Resident memory over time: a panel for each workload, each allocator's first good run."""
    found = {name: one["runs"] for name, one in data.get("traces", {}).items()}
    found = {name: runs for name, runs in found.items() if any(run.get("trace") for of in runs.values() for run in of)}
    if not found:
        return []
    picture, boxes = _grid("memory-over-time", "Resident memory while they work, then idle", len(found), names, columns=2,
                           size=(430, 260), extra=["live bytes"])
    blocks = Data(picture)
    for box, (workload, runs) in zip(boxes, found.items()):
        plots, live = [], None
        for one in names:
            trace = next((run["trace"] for run in runs.get(one, []) if run.get("trace")), None)
            if trace is None:
                continue
            plots.append(_line(picture, blocks, one, _over_time(trace, "rss_kib"), "lines"))
            if live is None and trace.get("live_kib"):
                live = _over_time(trace, "live_kib")
        if live:
            plots.insert(0, f"{blocks.add(live)} using 1:2 with lines lw 1 dt 2 lc rgb '#000000'")
        _lines_panel(picture, box, plots, f"{workload}, MiB", "seconds", "set xrange [0:*]", "set yrange [0:*]",
                     "set xtics autofreq offset 0,0.4")
    return [picture]


def latency_row(runs, call):
    """percentile -> median over the rounds, in nanoseconds; None without figures."""
    known = [run["latency"][call] for run in runs if run.get("latency") and run["latency"].get(call)]
    return {key: statistics.median(one[key] for one in known) for key in PERCENTILES} if known else None


def latencies(data, names):
    """Two panels for each workload: malloc and free."""
    found = data.get("latency", {})
    panels = [(workload, call) for workload in found for call in ("malloc", "free")
              if any(latency_row(runs, call) for runs in found[workload]["runs"].values())]
    if not panels:
        return []
    picture, boxes = _grid("latency", "Nanoseconds that a call takes: percentiles of all calls, medians over the rounds",
                           len(panels), names, columns=2, size=(430, 220))
    blocks = Data(picture)
    for box, (workload, call) in zip(boxes, panels):
        plots = []
        for one in names:
            row = latency_row(found[workload]["runs"].get(one, []), call)
            if row:
                points = [(place, max(row[key], 1.0)) for place, key in enumerate(PERCENTILES)]
                plots.append(_line(picture, blocks, one, points))
        ticks = ", ".join(f"'{text.replace('%', '%%')}' {place}" for place, text in enumerate(PERCENTILES.values()))
        _lines_panel(picture, box, plots, f"{workload}: {call}, ns", "", "set logscale y", "set xrange [-0.2:4.2]",
                     "set yrange [*:*]", f"set xtics ({ticks}) offset 0,0.4", "set format y '%.0s%c'")
    return [picture]


def everything(data, names):
    """section -> Pictures."""
    return {"overview": overview(data, names), "families": family_bars(data, names), "threads": thread_lines(data, names),
            "traces": traces(data, names), "latency": latencies(data, names), "programs": program_bars(data, names)}
