"""A picture for gnuplot: panels on a white canvas measured in pixels from its upper left corner, with a legend of our own
(gnuplot's would not be shared by panels). The colours are Okabe and Ito's, which the colour-blind tell apart."""
import shutil
import subprocess

from .allocators import SUBJECT

FONT = 13
CHARACTER = 7.2  # pixels of a character of that size, on average
COLOURS = {SUBJECT: "#D55E00", "glibc": "#8A8A8A", "jemalloc": "#0072B2", "mimalloc": "#009E73", "tcmalloc": "#CC79A7",
           "tbbmalloc": "#56B4E9"}
MORE_COLOURS = ["#E69F00", "#5B4A9E", "#8C6D31", "#3B3B3B", "#B2DF8A", "#A50026"]
POINTS = {SUBJECT: 7, "glibc": 2, "jemalloc": 5, "mimalloc": 9, "tcmalloc": 11, "tbbmalloc": 13}


def there():
    return shutil.which("gnuplot") is not None


def colours_of(names):
    """Name -> colour: fixed ones for those that are usual, so that they agree between reports."""
    others = [name for name in names if name not in COLOURS]
    return {name: COLOURS.get(name) or MORE_COLOURS[others.index(name) % len(MORE_COLOURS)] for name in names}


def point_of(name):
    return POINTS.get(name, 4)


def quoted(text):
    """In single quotes, where only '' is special: it is one quote. gnuplot has no newline there."""
    return "'" + str(text).replace("'", "''").replace("\n", " ") + "'"


class Picture:
    """Collects gnuplot's commands. Colours by allocator name; everything else in pixels."""

    def __init__(self, name, width, height, allocators):
        self.name = name
        self.width = width
        self.height = height
        self.colours = colours_of(allocators)
        self.setup = []
        self.panels = []

    def x(self, pixels):
        return f"{pixels / self.width:.5f}"

    def y(self, pixels):
        return f"{1 - pixels / self.height:.5f}"

    def text(self, x, y, words, size=FONT, align="left", colour="#222222"):
        self.setup.append(f"set label {quoted(words)} at screen {self.x(x)},{self.y(y)} {align} front noenhanced "
                          f"font ',{size}' tc rgb '{colour}'")

    def legend(self, x, y, names, lines=False):
        """In a row, wrapped at the right edge; returns its height in pixels."""
        left, top = x, y
        for name in names:
            wide = 26 + CHARACTER * len(name) + 18
            if x + wide > self.width and x > left:
                x, y = left, y + 20
            colour = f"fc rgb '{self.colours.get(name, '#000000')}'"
            high = 2 if lines else 4
            self.setup.append(f"set object rectangle from screen {self.x(x)},{self.y(y + 2 - high)} to screen "
                              f"{self.x(x + 20)},{self.y(y + 2 + high)} {colour} fs solid noborder front")
            self.text(x + 26, y + 2, name)
            x += wide
        return y - top + 20

    def panel(self, box, plots, *commands):
        """box: left, top, right, bottom of the axes; plots: the text after `plot`, data included."""
        left, top, right, bottom = box
        self.panels.append([
            f"set lmargin at screen {self.x(left)}", f"set rmargin at screen {self.x(right)}",
            f"set tmargin at screen {self.y(top)}", f"set bmargin at screen {self.y(bottom)}",
            *commands, "plot " + ", ".join(plots)])

    def script(self, path):
        head = [
            f"set terminal svg size {self.width},{self.height} fixed font 'Helvetica,{FONT}' background rgb 'white' "
            f"name {quoted(self.name.replace('-', '_'))}",
            f"set output {quoted(path)}", "set encoding utf8", "set multiplot", "unset key", "set border 3 lc rgb '#888888'",
            "set tics nomirror out textcolor rgb '#222222'", "set grid lc rgb '#DDDDDD' lt 1 lw 1"]
        body = []
        for panel in self.panels:
            # Otherwise the next panel would draw the texts of this panel and of the picture again.
            body += [*panel, "unset label", "unset object", "unset arrow", "unset logscale", "unset title", "unset xlabel"]
        return "\n".join([*head, *self.setup, *body, "unset multiplot", "set output", ""])

    def draw(self, path):
        """Writes the SVG; RuntimeError with gnuplot's message if that fails."""
        done = subprocess.run(["gnuplot", "-"], input=self.script(path), capture_output=True, text=True, check=False)
        if done.returncode != 0 or "warning" in done.stderr or "line " in done.stderr:
            raise RuntimeError(f"{self.name}: gnuplot: {done.stderr.strip()}")


def block(rows):
    """Rows as a gnuplot string that plots as data: columns by spaces, None as a gap."""
    return [" ".join("NaN" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value) for value in row)
            for row in rows]
