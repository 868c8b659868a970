"""`ashlar report`: where the memory of a running process is. The steps add up to the kernel's RSS."""
import signal
import unittest

from harness import CommandTest, main, paths

OURS = ("asked", "rounding", "mapped", "untouched", "cached", "depot", "free_in_slabs", "slab_ends", "kept", "dirty",
        "clean", "metadata", "guarded")


class ReportTest(CommandTest):
    def expect_sound(self, found):
        lines = {line["line"]: line["bytes"] for line in found["waterfall"]}
        self.assertEqual(sum(lines.values()), found["sum"])
        self.assertEqual(sum(lines[name] for name in OURS), found["ours"])
        self.assertEqual(found["rss"] - found["sum"], found["difference"])
        self.assertLessEqual(abs(found["difference"]), 0.03 * found["rss"])
        self.assertTrue(found["pages_known"])
        for name, value in lines.items():
            (self.assertLessEqual if name == "untouched" else self.assertGreaterEqual)(value, 0, name)
        heap = found["heap"]
        self.assertEqual(heap["unreadable"], 0)
        self.assertEqual(heap["asked"] + heap["rounding"], heap["live"])
        parts = ("live", "cached", "depot", "free_in_slabs", "slab_ends", "kept")
        self.assertEqual(sum(heap[part] for part in parts), heap["held"])
        for each in found["bins"]:
            self.assertEqual(each["live"] + each["cached"] + each["depot"] + each["free"], each["blocks"])
            self.assertLessEqual(each["used_resident"], each["used_bytes"])
            self.assertLessEqual(each["free_resident"], each["free_bytes"])
        self.assertEqual(sum(each["live"] for each in found["bins"]), heap["blocks"])

    def expect_user(self, found):
        lines = {line["line"]: line["bytes"] for line in found["waterfall"]}
        self.assertEqual(lines["mapped"], 64 << 20)
        self.assertLessEqual(lines["untouched"], -(55 << 20))
        self.assertGreater(lines["asked"], 20 << 20)
        self.assertGreater(found["counters"]["refills"], 100)
        self.assertGreater(len(found["slabs"]), 0)

    def test_quiet_process(self):
        user = self.user(paths.report_user, "quiet")
        found = self.report(user)
        self.expect_sound(found)
        self.expect_user(found)
        self.assertEqual(found["pid"], user.pid)
        self.assertEqual(found["heap"]["blocks"] // 10000, 4)
        self.assertEqual(self.report(user)["heap"], found["heap"], "nothing has changed")

    def test_busy_process_goes_on(self):
        user = self.user(paths.report_user, "busy")
        for _ in range(10):
            found = self.report(user)
            self.expect_sound(found)
            self.expect_user(found)
        with open(f"/proc/{user.pid}/status", encoding="utf-8") as status:
            self.assertIn("TracerPid:\t0\n", status.read())

    def test_stopped_process(self):
        user = self.user(paths.report_user, "busy")
        user.send_signal(signal.SIGSTOP)
        self.expect_sound(self.report(user))
        user.send_signal(signal.SIGCONT)

    @unittest.skipUnless(paths.report_static, "no static program")
    def test_static_program(self):
        found = self.report(self.user(paths.report_static, "quiet", preload=False))
        self.expect_sound(found)
        self.expect_user(found)

    def test_text(self):
        user = self.user(paths.report_user, "quiet")
        result = self.ashlar("report", str(user.pid))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"report about process {user.pid}: ", result.stdout)
        self.assertRegex(result.stdout, r"\n= sum +[\d.]+ MiB\n  RSS of the process, as the kernel says +[\d.]+ MiB\n")
        self.assertRegex(result.stdout, r"\nblocks of .*\n +[\d.]+ K?i?B +\d+ ")

    def test_processes_that_cannot_be_read(self):
        other = self.user(paths.report_user, "quiet", preload=False)
        self.expect_error(self.ashlar("report", str(other.pid)), 1, "has no heap of Ashlar")
        other.kill()
        other.wait()
        self.expect_error(self.ashlar("report", str(other.pid)), 2, "No such")
        self.assertEqual(self.ashlar("report").returncode, 2)
        self.assertEqual(self.ashlar("report", "0").returncode, 2)


main()
