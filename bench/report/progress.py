"""A progress line on stderr that overwrites itself, if stderr is a terminal."""
import shutil
import sys
import time


def duration_text(seconds):
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Progress:
    """Steps have their expected times as weights; finished steps correct the estimate."""

    def __init__(self, stream=None, clock=time.monotonic):
        self.stream = stream or sys.stderr
        self.clock = clock
        self.begin = clock()
        self.total = 0
        self.done = 0
        self.shown = self.stream.isatty()

    def expect(self, weight):
        self.total += weight

    def left(self):
        """Seconds; None while nothing is done."""
        if self.done == 0:
            return None
        return (self.clock() - self.begin) / self.done * max(self.total - self.done, 0)

    def step(self, what, weight):
        """Called when `what` begins."""
        if self.shown:
            left = self.left()
            percent = 100 * self.done // self.total if self.total else 0
            line = f"{percent:3.0f}%  {duration_text(left) + ' left' if left is not None else '':14}{what}"
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{line[:width]}", end="", file=self.stream, flush=True)
        self.done += weight

    def end(self):
        if self.shown:
            print("\r\033[K", end="", file=self.stream, flush=True)
