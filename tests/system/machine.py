"""Prepares the machine for a situation: a setting for a moment, a limit of memory."""
import contextlib
import errno
import fcntl
import os
import signal
import tempfile

LOCK = os.path.join(tempfile.gettempdir(), "ashlar-machine-setting.lock")
OVERCOMMIT = "/proc/sys/vm/overcommit_memory"
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
CORE_PATTERN = "/proc/sys/kernel/core_pattern"
LONGEST = 60  # seconds for which a setting may be changed


class Skipped(Exception):
    """The machine does not allow this situation; the message says why."""


def setting(path):
    """The present value; of a list of choices the one in brackets."""
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().rstrip("\n")
    except OSError as why:
        raise Skipped(f"{path}: {why.strerror}") from why
    return text.partition("[")[2].partition("]")[0] if "[" in text else text


def _write(path, value):
    with open(path, "w", encoding="ascii") as file:
        file.write(value)


def _guard(path, before):
    """A process that restores the setting as soon as this one closes the pipe, or is killed.

    It is no child of this process, so that the end of a test with all its children spares it.
    """
    alive, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            os.close(ours)
            signal.signal(signal.SIGALRM, lambda *_: (_write(path, before), os._exit(0)))
            signal.alarm(LONGEST)
            os.read(alive, 1)
            _write(path, before)
        os._exit(0)
    os.close(alive)
    os.waitpid(child, 0)
    return ours


@contextlib.contextmanager
def changed(path, value):
    """Changes a setting of the whole machine, and restores it whatever happens. One at a time."""
    with open(LOCK, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = setting(path)
        if before == value:
            yield
            return
        if not os.access(path, os.W_OK):
            raise Skipped(f"{path} can't be written")
        guard = _guard(path, before)
        try:
            try:
                _write(path, value)
            except OSError as why:
                raise Skipped(f"{path}: {why.strerror}") from why
            yield
        finally:
            _write(path, before)
            os.close(guard)


def _own_group():
    """The folder of this process's memory cgroup, and the name of the file with its limit."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split(" - ") for line in file]
    for controllers, kind, limit in (("memory", "cgroup", "memory.limit_in_bytes"),
                                     ("", "cgroup2", "memory.max")):
        own = [path for _, names, path in lines if controllers in names.split(",")]
        for left, right in mounts:
            options = right.split()[2].split(",")
            if own and right.split()[0] == kind and (not controllers or controllers in options):
                root, folder = left.split()[3:5]
                return folder + own[0].removeprefix(root.rstrip("/")), limit
    raise Skipped("there is no cgroup of memory")


class MemoryGroup:
    """A cgroup below this process's own, with a limit of memory. Removed at the end."""

    def __init__(self, mib):
        self.bytes = mib << 20
        self.folder = None

    def __enter__(self):
        own, limit = _own_group()
        try:
            self.folder = tempfile.mkdtemp(prefix="ashlar-", dir=own)
            _write(os.path.join(self.folder, limit), str(self.bytes))
        except OSError as why:
            self.__exit__()
            raise Skipped(f"a cgroup of memory can't be made: {why.strerror}") from why
        return self

    def __exit__(self, *_):
        if self.folder is None:
            return
        try:
            os.rmdir(self.folder)
        except OSError as why:
            if why.errno != errno.ENOENT:
                raise

    def enter(self):
        """For the child, before exec."""
        _write(os.path.join(self.folder, "cgroup.procs"), str(os.getpid()))


def ram_mib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
