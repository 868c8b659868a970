"""`ashlar core` and `--address`: a heap from a core file, and which block lies at an address."""
import json
import os
import resource
import shutil
import subprocess
import unittest

from harness import CommandTest, environment, main, paths


def kernel_writes_cores_here():
    """Whether a core file comes into the working directory: no pipe, no other directory."""
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
        pattern = file.read().strip()
    return pattern != "" and "/" not in pattern and not pattern.startswith("|")


def unlimited():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


class CoreTest(CommandTest):
    def user(self, kind, preload=True):
        """A process, and the addresses that it printed: {kind: [address, ...]}."""
        variables = {"LD_PRELOAD": paths.library} if preload else {}
        process = subprocess.Popen([paths.block_user, kind], env={**environment, **variables}, cwd=self.directory,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   text=True, preexec_fn=unlimited)
        for close in (process.stdin.close, process.stdout.close, process.wait, process.kill):
            self.addCleanup(close)
        places = {}
        for line in process.stdout:
            if line.strip() == ("ready" if kind == "abort" else "done"):
                break
            if line.strip() != "ready":
                name, address = line.split()
                places.setdefault(name, []).append(int(address, 16))
        return process, places

    def aborted(self):
        """The core file that the kernel wrote, and addresses."""
        if not kernel_writes_cores_here() or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
            self.skipTest("the kernel does not write core files into the working directory")
        process, places = self.user("abort")
        process.wait()
        cores = [name for name in os.listdir(self.directory) if name.startswith("core")]
        self.assertEqual(len(cores), 1, "no core file")
        return os.path.join(self.directory, cores[0]), process.pid, places

    def dumped(self, preload=True):
        """The core file that gcore wrote of a process, and addresses."""
        if shutil.which("gcore") is None:
            self.skipTest("no gcore")
        process, places = self.user("wait", preload)
        base = os.path.join(self.directory, "dump")
        done = subprocess.run(["gcore", "-o", base, str(process.pid)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        path = f"{base}.{process.pid}"
        if not os.path.exists(path):
            self.skipTest("gcore does not work here: " + done.stdout[-200:])
        return path, process, places

    def look(self, *words, status=0):
        result = self.ashlar(*words, "--json")
        self.assertEqual(result.returncode, status, result.stderr)
        return json.loads(result.stdout)

    def expect_places(self, places, *words):
        """Every kind of address has its answer."""
        def at(address, status=0):
            return self.look(*words, "--address", hex(address), status=status)
        live, large, mapped = (places[kind][0] for kind in ("live", "large", "mapped"))
        found = at(live)
        self.assertEqual((found["kind"], found["state"], found["start"]), ("block", "live", live))
        self.assertGreaterEqual(found["bytes"], 1000)
        self.assertEqual(at(live + 999), {**found, "address": live + 999}, "an interior pointer")
        self.assertEqual(found["after"]["address"], live + found["bytes"])
        self.assertEqual(found["slab"]["blocks"], found["slab"]["bytes"] // found["bytes"])
        self.assertEqual(at(live + found["bytes"])["before"]["address"], live)
        self.assertEqual(at(live + found["bytes"])["before"]["state"], "live")
        found = at(large + 200000)
        self.assertEqual((found["kind"], found["state"], found["start"], found["bytes"]),
                         ("run", "live", large, 5 * 65536))
        self.assertEqual(found["after"]["address"], large + found["bytes"])
        found = at(mapped + (30 << 20))
        self.assertEqual((found["kind"], found["start"]), ("mapped", mapped))
        self.assertIn("live", found["state"])
        found = at(places["last"][0])
        self.assertEqual((found["kind"], found["state"]), ("block", "free: in the cache of a thread"))
        states = {at(address)["state"] for address in places["freed"]}
        self.assertNotIn("live", states)
        self.assertIn("free: in its slab", states)
        self.assertIn("free: in the depot", states)
        self.assertEqual(at(places["foreign"][0], 1)["kind"], "foreign")

    def test_core_of_the_kernel(self):
        core, pid, places = self.aborted()
        self.expect_places(places, "core", core)
        report = self.look("core", core, paths.block_user)
        self.assertEqual((report["pid"], report["core"]), (pid, True))
        lines = {line["line"]: line["bytes"] for line in report["waterfall"]}
        self.assertEqual(lines["mapped"], 40 << 20)
        self.assertGreater(report["rss"], 40 << 20)
        self.assertLess(abs(report["difference"]), 1 << 16)
        self.assertEqual(report["heap"]["unreadable"], 0)

    def test_core_of_gcore_says_what_the_process_says(self):
        core, process, places = self.dumped()
        self.expect_places(places, "core", core)
        self.expect_places(places, "report", str(process.pid))
        report, of_process = self.look("core", core), self.look("report", str(process.pid))
        self.assertEqual(report["heap"], of_process["heap"])
        self.assertEqual((report["core"], of_process["core"]), (True, False))
        self.assertLessEqual(report["rss"], of_process["rss"], "pages of zeros are not seen")
        self.assertEqual([(each["bin"], each["live"]) for each in report["bins"]],
                         [(each["bin"], each["live"]) for each in of_process["bins"]])

    def test_text(self):
        core, pid, places = self.aborted()
        text = self.ashlar("core", core).stdout
        self.assertIn(f"report about a core of process {pid}: ", text)
        self.assertIn("  pages of the core that are not all zero ", text)
        self.assertNotIn("RSS", text)
        live = places["live"][0]
        text = self.ashlar("core", core, "--address", f"{live + 7:x}").stdout
        self.assertRegex(text, rf"^{live + 7:#x}: byte 7 of a block of 1024 bytes, live\n  block +{live:#x} to 0x")
        self.assertRegex(text, r"\n  slab +0x.*\n  (before|after) +0x")
        text = self.ashlar("core", core, "--address", hex(places["foreign"][0])).stdout
        self.assertRegex(text, "^0x[0-9a-f]+: in no heap of Ashlar")
        text = self.ashlar("core", core, "--address", hex(live & ~0xffff | 0xffff)).stdout
        self.assertRegex(text, "0x[0-9a-f]+: ")

    def test_truncated_core(self):
        core, _, _ = self.aborted()
        size = os.path.getsize(core)
        os.truncate(core, size // 2)
        result = self.ashlar("core", core)
        self.assertRegex(result.stderr, r"^ashlar: .* is truncated: \d+ bytes are missing\n")
        for left in (100, 3000):
            os.truncate(core, left)
            result = self.ashlar("core", core)
            self.assertNotEqual(result.returncode, 0)
            self.assertTrue(result.stderr.startswith("ashlar: "), result.stderr)
            self.assertIn(result.returncode, (1, 2))

    def test_damaged_cores_never_crash(self):
        core, _, _ = self.aborted()
        with open(core, "rb") as file:
            head = bytearray(file.read(1 << 20))
        path = os.path.join(self.directory, "damaged")
        for at in range(16, 4096, 61):
            damaged = bytearray(head)
            damaged[at] ^= 0xff
            with open(path, "wb") as file:
                file.write(damaged)
            self.assertIn(self.ashlar("core", path).returncode, (0, 1, 2), f"byte {at}")

    def test_files_that_are_no_core_of_ours(self):
        self.expect_error(self.ashlar("core", self.file("text", "no core")), 2, "is no core file")
        self.expect_error(self.ashlar("core", paths.block_user), 2, "is no core file")
        self.expect_error(self.ashlar("core", self.file("empty")), 2, "is no core file")
        self.expect_error(self.ashlar("core", os.path.join(self.directory, "none")), 2, "No such file")
        core, _, places = self.dumped(preload=False)
        self.expect_error(self.ashlar("core", core), 1, "has no heap of Ashlar")
        self.expect_error(self.ashlar("core", core, "--address", hex(places["live"][0])), 1, "has no heap of Ashlar")
        self.expect_error(self.ashlar("core", core, paths.plain), 2, "is no core file of")
        self.expect_error(self.ashlar("core", core, "/none"), 2, "/none: No such file")

    def test_addresses_that_are_none(self):
        core, _, _ = self.aborted()
        for wrong in ("0x", "12g", "-1", "1" * 17):
            self.expect_error(self.ashlar("core", core, "--address=" + wrong), 2, "is no address")
        self.assertEqual(self.look("core", core, "--address", "0", status=1)["kind"], "foreign")
        self.assertEqual(self.ashlar("core", core, "--address", "1", "-o", "x").returncode, 2)

    def test_picture(self):
        core, pid, _ = self.aborted()
        path = os.path.join(self.directory, "heap.html")
        result = self.ashlar("core", core, "-o", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(f'"process":{pid},"program":"', text)
        self.assertIn('"core": true', text)


main()
