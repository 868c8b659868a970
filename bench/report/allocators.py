"""The compared allocators: where their libraries are, and how to run a program under one."""
import json
import os
import platform
import re
import subprocess

SUBJECT = "ashlar"
SYSTEM = "glibc"
PEERS = {
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "tbbmalloc": "libtbbmalloc_proxy.so.2",
}
LIBRARY_FOLDERS = [f"/usr/lib/{platform.machine()}-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"]
SETTINGS = re.compile(r"LD_PRELOAD|MALLOC_|MIMALLOC_|TCMALLOC_|TBB_|ASHLAR_|GLIBC_TUNABLES")


class Unusable(Exception):
    """A request of the user is impossible; the message says why."""


def environment(library=""):
    """The caller's environment without its allocators' settings, with one preload."""
    result = {name: value for name, value in os.environ.items() if not SETTINGS.match(name)}
    if library:
        result["LD_PRELOAD"] = library
    return result


def debian_peers():
    """Name -> path of those of the four peers that are installed."""
    found = {}
    for name, library in PEERS.items():
        paths = [os.path.join(folder, library) for folder in LIBRARY_FOLDERS]
        path = next((path for path in paths if os.path.exists(path)), None)
        if path:
            found[name] = path
    return found


def installed(command):
    """Name -> path of all that `ashlar compare` finds on this machine; the four peers if the command is not built."""
    if not command or not os.path.exists(command):
        return debian_peers()
    words = [command, "compare", "-n", "1", "--warmup", "0", "--json", "--", "true"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    try:
        listed = json.loads(done.stdout)["allocators"]
    except (ValueError, KeyError):
        return debian_peers()
    return {one["name"]: one["library"] for one in listed
            if one["name"] not in ("system", SUBJECT) and one["failed"] is None}


def choose(ashlar, peers, added, only):
    """Name -> path of the library, "" for the system's malloc. `added`: words NAME=LIB; `only`: names, or None for all."""
    found = {SYSTEM: "", **peers}
    if os.path.exists(ashlar):
        found[SUBJECT] = os.path.abspath(ashlar)
    for word in added:
        name, _, path = word.partition("=")
        if not name or not os.path.exists(path):
            raise Unusable(f"{word}: no such file (NAME=LIB is wanted)")
        if name == SYSTEM:
            raise Unusable(f"{word}: the name {SYSTEM} is taken")
        found[name] = os.path.abspath(path)
    if only:
        unknown = [name for name in only if name not in found]
        if unknown:
            raise Unusable(f"no allocator is called {', '.join(unknown)} (there are {', '.join(found)})")
        found = {name: found[name] for name in only}
    return found


def _package_of(path):
    """(package, version) that a file came with, or (None, None)."""
    # Debian's /usr/lib is /lib to the packages that were built before the two were merged.
    for candidate in (path, path.removeprefix("/usr")):
        try:
            owner = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            break
        if owner.returncode == 0:
            package = owner.stdout.split(": ")[0].split(",")[0]
            version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True,
                                     check=False)
            return package.split(":")[0], version.stdout
    return None, None


def describe(allocators):
    """Name -> library, package and version."""
    result = {}
    for name, library in allocators.items():
        if library:
            package, version = _package_of(os.path.realpath(library))
        else:
            package, version = "libc6", os.confstr("CS_GNU_LIBC_VERSION")
            version = _package_of(os.path.realpath(f"/lib/{platform.machine()}-linux-gnu/libc.so.6"))[1] or version
        result[name] = {"library": library, "package": package, "version": version}
    return result
