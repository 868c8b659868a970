"""Situations in which the program touches only a part of its blocks."""
import os
import resource
import shutil
import socket
import tempfile
import time

import machine
from machine import Skipped
from subject import Failed, end

HALF_REQUEST = b"GET / HTTP/1.1\r\nHost: example\r\n"
HAPROXY_SETTINGS = """global
    maxconn {clients}
defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s
frontend all
    bind 127.0.0.1:{port}
    http-request return status 200
"""


def partly(subject, kind, count, size, written):
    return subject.run("partly", kind, count, size, written)


def calloc_again(subject, mib):
    return subject.run("calloc-again", mib)


def open_files(subject, count):
    return subject.run_python("files", count)


def open_streams(subject, count):
    return subject.run_python("streams", count)


def sandbox(subject):
    return subject.run("sandbox")


def tiny(subject):
    """A tiny program where the kernel gives huge pages to everything."""
    with machine.changed(machine.HUGE_PAGES, "always"):
        return subject.run("tiny", timeout=10)


def tiny_forecast(subject):
    """The same, without the setting, from what the program's mappings allow."""
    return {"anonymous_mib": subject.run("tiny")["with_huge_pages_mib"]}


def footprint(subject):
    return subject.run("footprint")


def idle_threads(subject, count=100):
    return subject.run("idle-threads", count, 40)


def threads(subject, count=100):
    with machine.changed(machine.HUGE_PAGES, "always"):
        return subject.run("idle-threads", count, 40, timeout=10)


def threads_forecast(subject, count=100):
    found = subject.run("idle-threads", count, 40)
    return {"thread_kib": found["thread_with_huge_pages_kib"]}


def pairs(subject, size=2 << 20, count=200000):
    return subject.run("pairs", size, count)


def grow(subject, step_kib, mib=64):
    return subject.run("grow", 8, mib, step_kib, timeout=120)


def _raise_open_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))
        except (ValueError, OSError) as why:
            raise Skipped("so many open files are not permitted") from why


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


def haproxy(subject, requests=1500, command=None):
    """A haproxy with clients that have each sent half a request."""
    command = command or shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    if not command:
        raise Skipped("there is no haproxy")
    _raise_open_files(2 * requests + 200)
    port = _free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as settings:
        settings.write(HAPROXY_SETTINGS.format(port=port, clients=requests + 100))
        settings.flush()
        process = subject.start([command, "-db", "-q", "-f", settings.name])
        clients = []
        try:
            clients = [_connect(port, process) for _ in range(requests)]
            for client in clients:
                client.sendall(HALF_REQUEST)
            time.sleep(1)
            return {"resident_mib": _resident_mib(process.pid)}
        finally:
            for client in clients:
                client.close()
            end(process)


def _connect(port, process):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except ConnectionRefusedError:
            if process.poll() is not None:
                raise Failed("haproxy does not start") from None
            time.sleep(0.02)
    raise Failed("haproxy accepts no connection")
