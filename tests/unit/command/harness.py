"""Paths and helpers that the tests of the command share."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import unittest


def parse():
    parser = argparse.ArgumentParser()
    for name in ("command", "library", "plain", "own-malloc", "static", "heap-user", "report-user", "report-static",
                 "block-user"):
        parser.add_argument("--" + name)
    return parser.parse_known_args()


paths, rest = parse()

# Without these variables the programs see only what the command sets.
environment = {name: value for name, value in os.environ.items()
               if name not in ("LD_PRELOAD", "ASHLAR_LIBRARY", "ASHLAR_STATS")}


class CommandTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def file(self, name, text="", mode=0o644):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def ashlar(self, *words, command=None, stdin=subprocess.DEVNULL, **variables):
        return subprocess.run([command or paths.command, *words], env={**environment, **variables}, text=True,
                              stdin=stdin if not isinstance(stdin, str) else None,
                              input=stdin if isinstance(stdin, str) else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def user(self, program, *words, preload=True):
        """A process that holds blocks and waits."""
        variables = {"LD_PRELOAD": paths.library} if preload else {}
        process = subprocess.Popen([program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, **variables})
        for close in (process.stdin.close, process.stdout.close, process.wait, process.kill):
            self.addCleanup(close)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def report(self, process):
        result = self.ashlar("report", "--json", str(process.pid))
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def expect_error(self, result, status, *parts):
        """One line on stderr, nothing else."""
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("ashlar: "), result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)


def main():
    unittest.main(module="__main__", argv=[sys.argv[0], *rest], verbosity=2)
