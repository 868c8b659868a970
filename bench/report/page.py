"""The report: one HTML file that needs nothing else. No script in it."""
import os
import re
from html import escape

from . import figures, sections
from .gnuplot import colours_of

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 1100px; margin: 2em auto;
       padding: 0 1em; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2em; border-bottom: 1px solid #ccc; padding-bottom: .2em; }
nav a { margin-right: 1em; white-space: nowrap; } a { color: #0b5cad; }
figure { margin: 1em 0; overflow-x: auto; } figure svg { max-width: 100%; height: auto; background: #fff; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; margin: .8em 0; }
th, td { padding: .2em .6em; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap; }
th:first-child, td:first-child, .left { text-align: left; } td.left { white-space: normal; }
thead th { border-bottom: 2px solid #bbb; } .own { background: #fff3ea; } .best { font-weight: 700; }
.spread, .note { color: #666; } .spread { font-size: 11px; } .failed { color: #a50026; }
.key { display: inline-block; width: .8em; height: .8em; margin-right: .35em; }
summary { cursor: pointer; }
"""


def inline(svg, name):
    """An SVG file as a part of a page: without its header, and with ids that no other picture has."""
    svg = svg[svg.index("<svg"):]
    known = set(re.findall(r"\bid=[\"']([^\"']+)[\"']", svg))
    prefix = re.sub(r"\W", "_", name)
    for one in known:
        svg = re.sub(rf"(\bid=[\"']|#){re.escape(one)}(?=[\"')])", rf"\g<1>{prefix}_{one}", svg)
    return svg


def draw(pictures, folder):
    """section -> (name, title of the picture, SVG text), and the files."""
    result = {}
    for section, some in pictures.items():
        for picture in some:
            path = os.path.join(folder, f"{picture.name}.svg")
            picture.draw(path)
            with open(path, encoding="utf-8") as file:
                result.setdefault(section, []).append((picture.name, inline(file.read(), picture.name)))
    return result


def figure(drawn, section, name=None):
    return "".join(f'<figure id="plot-{escape(key)}">{svg}</figure>' for key, svg in drawn.get(section, [])
                   if name in (None, key))


def _header(names):
    colours = colours_of(names)
    return "".join(f'<th{_own(name)}><span class="key" style="background:{colours[name]}"></span>{escape(name)}</th>'
                   for name in names)


def _own(name, *classes):
    words = [*classes, *(["own"] if name == "ashlar" else [])]
    return f' class="{" ".join(words)}"' if words else ""


def cell(runs, metric, name, best):
    """A median and its spread; `best`: the least median of the row."""
    if any("error" in run for run in runs):
        return f'<td{_own(name, "failed")}>failed</td>'
    found = figures.values(runs, metric.key)
    if not found:
        return f"<td{_own(name)}>–</td>"
    middle = figures.figure(runs, metric.key)
    range_ = f' <span class="spread">±{100 * figures.spread(found):.0f}%</span>' if len(found) > 1 else ""
    return f'<td{_own(name, *(["best"] if middle == best else []))}>{figures.number_text(middle * metric.factor)}{range_}</td>'


def table(results, metric, names, *, live=False):
    """Medians with spreads, a row for each result that has the figure."""
    lines = []
    for workload, one in results.items():
        runs = {name: one["runs"].get(name, []) for name in names}
        row = {name: figures.figure(of, metric.key) for name, of in runs.items()}
        if not any(row.values()):
            continue
        best = min(value for value in row.values() if value)
        cells = "".join(cell(runs[name], metric, name, best) for name in names)
        lead = f'<td title="{escape(one.get("about", ""))}">{escape(workload)}</td>'
        if live:
            peaks = [run["live_peak_kib"] for of in runs.values() for run in of if run.get("live_peak_kib")]
            lead += f"<td>{figures.number_text(max(peaks) / 1024) if peaks else '–'}</td>"
        lines.append(f"<tr>{lead}{cells}</tr>")
    if not lines:
        return ""
    head = f"<th>{escape(metric.unit)}</th>" + ("<th>live bytes</th>" if live else "") + _header(names)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def plain_table(head, rows, left=(0,)):
    """Of text that is not escaped yet; `left`: the columns that are words."""
    def line(tag, row):
        return "<tr>" + "".join(f'<{tag}{" class=left" if place in left else ""}>{escape(str(value))}</{tag}>'
                                for place, value in enumerate(row)) + "</tr>"
    return (f'<div class="wide"><table><thead>{line("th", head)}</thead>'
            f'<tbody>{"".join(line("td", row) for row in rows)}</tbody></table></div>')


def html(data, names, drawn):
    parts, links = [], []
    for key, title, body in sections.everything(data, names, drawn):
        if body:
            links.append(f'<a href="#{key}">{escape(title)}</a>')
            parts.append(f'<h2 id="{key}">{escape(title)}</h2>\n{body}')
    where = data["machine"]
    intro = (f"{escape(data['made'][:16].replace('T', ' '))} UTC, commit {escape(str(data['commit']))}, on "
             f"{where['cores']} cores of {escape(str(where['processor']))}.")
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Allocators compared</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>\n'
            f"<h1>Allocators compared</h1>\n<p>{intro}</p>\n<nav>{' '.join(links)}</nav>\n" +
            "\n".join(parts) + "\n</body></html>\n")
