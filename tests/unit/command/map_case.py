"""What the tests of `ashlar map` share: a process, and the page about it."""
import json
import os
import re
import subprocess

from harness import CommandTest, environment, paths


class MapCase(CommandTest):
    def user(self, kind, program=None):
        """A process that has allocated, and does so if it is busy."""
        process = subprocess.Popen([program or paths.report_user, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, env={**environment, "LD_PRELOAD": paths.library})
        for close in (process.stdin.close, process.stdout.close, process.wait, process.kill):
            self.addCleanup(close)
        while process.stdout.readline() != ("done\n" if program else "ready\n"):
            self.assertIsNone(process.poll())
        return process

    def draw(self, process, *options):
        path = os.path.join(self.directory, "heap.html")
        result = self.ashlar("map", str(process.pid), "-o", path, *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
        return path, text, json.loads(found[1]), result
