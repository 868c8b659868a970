"""`ashlar heap`: what a shared heap holds, who uses it, and what a dead process left."""
import json
import os
import subprocess

from harness import CommandTest, main, paths


class HeapTest(CommandTest):
    def user(self, place, kind="PATH"):
        """A process that has three blocks of 100 bytes in the heap."""
        process = subprocess.Popen([paths.heap_user, place, kind], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def ask(self, place, *options):
        result = self.ashlar("heap", place, "--json", *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        return json.loads(result.stdout)

    def test_reports_blocks_and_processes(self):
        path = os.path.join(self.directory, "heap")
        users = [self.user(path), self.user(path)]
        found = self.ask(path)
        self.assertEqual(found["memory"]["blocks"], 6)
        self.assertEqual(found["memory"]["used"], 600)
        self.assertEqual({one["pid"] for one in found["processes"]}, {user.pid for user in users})
        self.assertEqual(found["threads"], 2)
        self.assertEqual((found["recovered"], found["faults"], found["doubts"]), (None, None, []))

    def test_recovers_a_dead_process_and_reports_its_last_block(self):
        path = os.path.join(self.directory, "heap")
        user = self.user(path)
        user.kill()
        user.wait()
        found = self.ask(path, "--recover", "--check")
        self.assertEqual((found["recovered"], found["faults"], found["processes"]), (1, 0, []))
        self.assertEqual(found["memory"]["blocks"], 3)
        self.assertEqual(found["memory"]["kept"], 0)
        self.assertEqual([one["size"] for one in found["doubts"]], [100])
        self.assertEqual(self.ask(path, "--recover")["recovered"], 0)

    def test_text_says_the_same(self):
        path = os.path.join(self.directory, "heap")
        user = self.user(path)
        text = self.ashlar("heap", path).stdout
        self.assertIn("300 B in 3 blocks", text)
        self.assertIn(f"  pid {user.pid}: 1 threads", text)
        self.assertNotIn("recovered", text)
        user.kill()
        user.wait()
        text = self.ashlar("heap", "--recover", "--check", path).stdout
        self.assertIn("recovered  1 dead threads", text)
        self.assertIn("check      0 faults\n", text)
        self.assertRegex(text, r"in doubt   1 blocks\n  offset \d+: 100 bytes")

    def test_opens_a_heap_by_its_name(self):
        name = f"/ashlar-command-test-{os.getpid()}"
        self.addCleanup(os.unlink, "/dev/shm" + name)
        self.user(name, "NAME")
        self.assertEqual(self.ask(name)["memory"]["blocks"], 3)

    def test_errors_are_one_line(self):
        self.expect_error(self.ashlar("heap", "/no-such-heap"), 2, "/no-such-heap")
        self.expect_error(self.ashlar("heap", os.path.join(self.directory, "none")), 2, "none")
        self.expect_error(self.ashlar("heap", self.file("text", "no heap")), 2, "text")
        self.assertEqual(self.ashlar("heap").returncode, 2)
        self.assertEqual(self.ashlar("heap", "a", "b").returncode, 2)


if __name__ == "__main__":
    main()
