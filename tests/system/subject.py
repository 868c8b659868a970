"""A malloc, and how programs are run under it."""
import json
import os
import re
import resource
import signal
import subprocess
import sys

from machine import Skipped

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON_PROGRAM = os.path.join(HERE, "python_program.py")
SETTINGS = re.compile(r"LD_PRELOAD|MALLOC_|MIMALLOC_|TCMALLOC_|ASHLAR_|GLIBC_TUNABLES|PYTHONMALLOC")
SKIPPED = 77


class Failed(Exception):
    """The program did not end as it should; the message says how it ended."""


def _limit(kind, value):
    """Sets both limits; where only root may raise the hard one, as far as it allows."""
    try:
        resource.setrlimit(kind, (value, value))
    except ValueError:
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard, hard))


class Subject:
    """One malloc: its name and its library, "" for the system's. `program` is ashlar_system."""

    def __init__(self, name, library, program):
        self.name = name
        self.library = os.path.abspath(library) if library else ""
        self.program = os.path.abspath(program)

    def environment(self):
        result = {name: value for name, value in os.environ.items() if not SETTINGS.match(name)}
        if self.library:
            result["LD_PRELOAD"] = self.library
        return result

    def start(self, words, *, limits=(), group=None, cwd=None):
        """A process under this malloc, in a session of its own. The kernel kills it first."""
        def prepare():
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write("1000")
            if group is not None:
                group.enter()
            for kind, value in limits:
                _limit(kind, value)

        return subprocess.Popen([str(word) for word in words], env=self.environment(), cwd=cwd,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, preexec_fn=prepare,
                                start_new_session=True)

    def figures(self, process, timeout=60, expected=0):
        """Waits for a process of `start`, and returns the figures that it printed."""
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            end(process)
            raise Failed(f"not finished after {timeout} s") from None
        if process.returncode == SKIPPED:
            raise Skipped(err.strip())
        if process.returncode != expected:
            raise Failed(" ".join([how(process.returncode), *err.strip().splitlines()[-1:]]))
        found = json.loads(out)
        file = os.path.realpath(found.pop("malloc"))
        if self.library and file != os.path.realpath(self.library):
            raise Failed(f"malloc came from {file}")
        return found

    def run(self, *words, timeout=60, **options):
        """A subcommand of the C++ program."""
        return self.figures(self.start([self.program, *words], **options), timeout)

    def start_python(self, *words, **options):
        return self.start([sys.executable, "-B", PYTHON_PROGRAM, *words], **options)

    def run_python(self, *words, timeout=60, **options):
        return self.figures(self.start_python(*words, **options), timeout)


def end(process):
    """Ends a process of `start` and all of its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()


def how(status):
    if status == -signal.SIGKILL:
        return "killed"
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
