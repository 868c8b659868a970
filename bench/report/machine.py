"""Describes the machine of the measurements."""
import os
import platform
import re
import subprocess


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def _first(pattern, text):
    found = re.search(pattern, text or "", re.M)
    return found[1].strip() if found else None


def _chosen(path):
    """The word in brackets, as in "always [madvise] never"."""
    return _first(r"\[(\w+)\]", _read(path))


def cores():
    return len(os.sched_getaffinity(0))


def describe():
    processor = _read("/proc/cpuinfo")
    memory = _first(r"^MemTotal:\s+(\d+)", _read("/proc/meminfo"))
    pages = "/sys/kernel/mm/transparent_hugepage/"
    return {
        "system": _first(r'^PRETTY_NAME="?([^"\n]*)', _read("/etc/os-release")),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "processor": _first(r"^model name\s*:\s*(.*)", processor) or platform.processor() or None,
        "cores": cores(),
        "memory_mib": int(memory) // 1024 if memory else None,
        "virtual_machine": bool(re.search(r"^flags\s*:.*\bhypervisor\b", processor or "", re.M)),
        "transparent_hugepages": _chosen(pages + "enabled"),
        "defrag": _chosen(pages + "defrag"),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "libc": os.confstr("CS_GNU_LIBC_VERSION"),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def commit(root):
    """The checkout's commit, with "-dirty" if files differ from it; None if git does not know it."""
    try:
        done = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
                              capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
