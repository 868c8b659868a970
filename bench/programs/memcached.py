"""Loads a memcached server by a socket, from several connections, and checks every answer.

Usage: memcached.py SOCKET ROUNDS: prints "fine" if all was well, and ends the server in any case.
"""
import os
import re
import signal
import socket
import sys
import threading
import time

CONNECTIONS = 4
KEYS = 4000
BATCH = 200


class Connection:
    """One client: its keys are its own."""

    def __init__(self, path, number):
        self.number = number
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.fault = None

    def ask(self, request, answer):
        """Sends a whole batch of commands at once, so that the server rarely waits for the client."""
        self.socket.sendall(request)
        received = bytearray()
        while len(received) < len(answer):
            part = self.socket.recv(1 << 16)
            if not part:
                raise ConnectionError("the server hung up")
            received += part
        if received != answer:
            raise ValueError(f"connection {self.number}: a wrong answer: {bytes(received[:60])!r}")

    def value(self, key, turn):
        return (b"%d:%d:" % (key, turn)).ljust(16 + key * 37 % 3000, b"v")

    def turn(self, turn):
        for first in range(0, KEYS, BATCH):
            keys = [self.number * KEYS + key for key in range(first, first + BATCH)]
            values = [self.value(key, turn) for key in keys]
            lines = [b"k%d" % key for key in keys]
            every = [(name, turn, len(value), value) for name, value in zip(lines, values)]
            self.ask(b"".join(b"set %b %d 0 %d\r\n%b\r\n" % one for one in every), b"STORED\r\n" * BATCH)
            found = b"".join(b"VALUE %b %d %d\r\n%b\r\n" % one for one in every)
            for _ in range(3):
                self.ask(b"get " + b" ".join(lines) + b"\r\n", found + b"END\r\n")
            self.ask(b"".join(b"delete %b\r\n" % name for name in lines[::4]), b"DELETED\r\n" * len(lines[::4]))

    def run(self, rounds):
        try:
            for turn in range(rounds):
                self.turn(turn)
        except (OSError, ValueError) as error:
            self.fault = error


def connect(path, number):
    for _ in range(500):
        try:
            return Connection(path, number)
        except OSError:
            time.sleep(0.02)
    raise SystemExit("the server does not answer")


def end(connection):
    """Ends the server by a signal: its own shutdown waits for a clock that ticks once a second."""
    connection.socket.sendall(b"stats\r\n")
    received = b""
    while not received.endswith(b"END\r\n"):
        received += connection.socket.recv(1 << 16)
    process = int(re.search(rb"STAT pid (\d+)", received)[1])
    os.kill(process, signal.SIGKILL)


def main():
    path, rounds = sys.argv[1], int(sys.argv[2])
    connections = [connect(path, number) for number in range(CONNECTIONS)]
    threads = [threading.Thread(target=connection.run, args=(rounds,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    faults = [str(connection.fault) for connection in connections if connection.fault]
    print("\n".join(faults) or "fine", flush=True)
    end(connect(path, 0))


if __name__ == "__main__":
    main()
