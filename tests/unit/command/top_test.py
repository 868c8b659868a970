"""`ashlar top`: looks at processes again and again, on a terminal and without one."""
import ctypes
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import unittest

from harness import CommandTest, environment, main, paths

PARTS = ("live", "mapped", "cached", "depot", "slabs", "kept", "dirty", "metadata", "other")
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Screen:
    """A terminal on which the command runs."""

    def __init__(self, test, *words, rows=30, columns=140):
        self.test = test
        self.own, self.other = pty.openpty()
        self.text = ""
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.other)
        self.process = subprocess.Popen([paths.command, "top", "--every", "100", *words], env=environment,
                                        stdin=self.other, stdout=self.other, stderr=self.other, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        for close in (lambda: os.close(self.own), lambda: os.close(self.other), self.process.wait, self.process.kill):
            test.addCleanup(close)

    def resize(self, rows, columns):
        fcntl.ioctl(self.other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.own, keys)

    def expect(self, pattern):
        """Waits for this text in what is written from now on; returns the match."""
        self.text = ""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if select.select([self.own], [], [], 0.1)[0]:
                self.text += os.read(self.own, 65536).decode()
            match = re.search(pattern, self.text)
            if match:
                return match
        return self.test.fail(f"{pattern} is not in {self.text[-3000:]!r}")

    def expect_end(self, status):
        self.expect(re.escape(LEAVE))
        self.test.assertEqual(self.process.wait(10), status)
        self.test.assertEqual(termios.tcgetattr(self.other), self.before)


class TopTest(CommandTest):
    def look(self, *words):
        result = self.ashlar("top", "--once", "--json", "--every", "200", *words)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("\n"), 1)
        return json.loads(result.stdout)

    def expect_sound(self, row):
        self.assertLessEqual(abs(sum(row[part] for part in PARTS) - row["rss"]), 0.03 * row["rss"])
        self.assertGreater(row["live"], 10 << 20)
        self.assertEqual([each["bytes"] for each in row["classes"]],
                         sorted((each["bytes"] for each in row["classes"]), reverse=True))

    def test_one_look(self):
        busy, quiet = self.user(paths.report_user, "busy"), self.user(paths.report_user, "quiet")
        found = self.look(str(busy.pid), str(quiet.pid), "--sort", "refills")
        self.assertEqual([row["pid"] for row in found["processes"]], [busy.pid, quiet.pid])
        for row in found["processes"]:
            self.expect_sound(row)
        first, second = found["processes"]
        self.assertGreater(first["refills_per_second"], 0)
        self.assertEqual((second["refills_per_second"], second["calls_per_second"]), (0, 0))
        self.assertEqual({each["live_per_second"] for each in second["classes"]}, {0})
        self.assertEqual({each["refills_per_second"] for each in second["classes"]}, {0})
        sizes = sum(each["refills_per_second"] for each in first["classes"])
        self.assertAlmostEqual(sizes / first["refills_per_second"], 1, delta=0.1)
        report = self.report(quiet)
        self.assertEqual(second["rss"], report["rss"])
        self.assertEqual(sum(each["live"] for each in second["classes"]), report["heap"]["blocks"])
        by_pid = self.look(str(busy.pid), str(quiet.pid), "--sort", "pid")
        self.assertEqual([row["pid"] for row in by_pid["processes"]], sorted([busy.pid, quiet.pid]))

    def test_finds_all_processes_with_a_heap(self):
        user = self.user(paths.report_user, "quiet")
        other = self.user(paths.report_user, "quiet", preload=False)
        pids = [row["pid"] for row in self.look()["processes"]]
        self.assertIn(user.pid, pids)
        self.assertNotIn(other.pid, pids)

    @unittest.skipUnless(paths.report_static, "no static program")
    def test_finds_a_static_program(self):
        user = self.user(paths.report_static, "quiet", preload=False)
        self.assertIn(user.pid, [row["pid"] for row in self.look()["processes"]])

    def test_stopped_process(self):
        user = self.user(paths.report_user, "busy")
        user.send_signal(signal.SIGSTOP)
        os.waitpid(user.pid, os.WUNTRACED)  # until all its threads have stopped
        (row,) = self.look(str(user.pid))["processes"]
        self.expect_sound(row)
        self.assertEqual(row["refills_per_second"], 0)
        user.send_signal(signal.SIGCONT)

    def test_one_stopped_thread(self):
        """A thread stopped at a random instruction, of which most are malloc's; the others go on."""
        attach, detach, all_children = 16, 17, 0x40000000
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        user = self.user(paths.report_user, "busy")
        thread = sorted(int(name) for name in os.listdir(f"/proc/{user.pid}/task"))[1]
        for _ in range(5):
            if libc.ptrace(attach, thread, None, None) != 0:
                self.skipTest("no ptrace: " + os.strerror(ctypes.get_errno()))
            os.waitpid(thread, all_children)
            (row,) = self.look(str(user.pid))["processes"]
            self.assertEqual(self.report(user)["heap"]["unreadable"], 0)
            libc.ptrace(detach, thread, None, None)
            self.expect_sound(row)
            self.assertGreater(row["refills_per_second"], 0)

    def test_processes_that_end(self):
        users = [self.user(paths.report_user, "quiet") for _ in range(2)]
        looks = self.looks(*(str(user.pid) for user in users))
        first = next(looks)
        self.assertEqual(len(first["processes"]), 2)
        self.assertEqual({row["refills_per_second"] for row in first["processes"]}, {None})
        for left, user in ((1, users[0]), (0, users[1])):
            user.kill()  # and not waited for: it stays as a zombie
            gone = []
            while not gone:
                found = next(looks)
                gone = found["gone"]
            self.assertEqual([(each["pid"], each["reason"]) for each in gone], [(user.pid, "has ended")])
            self.assertEqual(len(found["processes"]), left)
        self.assertEqual(list(looks), [])

    def shell(self, then, preload):
        """A shell that runs another program when it gets a line."""
        shell = subprocess.Popen(["sh", "-c", f"echo ready; read line; exec env {then}"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, env={**environment, "LD_PRELOAD": preload})
        for close in (shell.stdin.close, shell.stdout.close, shell.wait, shell.kill):
            self.addCleanup(close)
        self.assertEqual(shell.stdout.readline(), "ready\n")
        return shell

    def looks(self, *words):
        """The objects that the command prints, one for each look."""
        top = subprocess.Popen([paths.command, "top", "--json", "--every", "50", *words], stdout=subprocess.PIPE,
                               text=True, env=environment)
        for close in (top.stdout.close, top.wait, top.kill):
            self.addCleanup(close)
        for line in top.stdout:
            yield json.loads(line)

    def test_process_gets_a_heap_by_another_program(self):
        shell = self.shell(f"LD_PRELOAD='{paths.library}' '{paths.report_user}' quiet", "")
        for number, found in enumerate(self.looks()):
            seen = shell.pid in [row["pid"] for row in found["processes"]]
            if number < 6:
                self.assertFalse(seen)
            elif number == 6:
                shell.stdin.write("go\n")
                shell.stdin.flush()
                self.assertEqual(shell.stdout.readline(), "ready\n")
            elif seen:
                return
            self.assertLess(number, 50)

    def test_process_loses_its_heap_by_another_program(self):
        shell = self.shell(f"LD_PRELOAD= '{paths.report_user}' quiet", paths.library)
        reasons = []
        for number, found in enumerate(self.looks(str(shell.pid))):
            if number == 1:
                shell.stdin.write("go\n")
                shell.stdin.flush()
            reasons += [each["reason"] for each in found["gone"]]
        self.assertEqual(reasons, ["has no heap of Ashlar any more"])

    def test_plain_text(self):
        user = self.user(paths.report_user, "quiet")
        result = self.ashlar("top", "--once", "--every", "100", str(user.pid))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("\x1b", result.stdout)
        self.assertRegex(result.stdout, r"^    PID COMMAND +\*RSS +LIVE ")
        self.assertRegex(result.stdout, rf"\n +{user.pid} command_report_ +[\d.]+M +[\d.]+M +0 +0 ")
        self.assertRegex(result.stdout, r"\n   SIZE    BYTES .*\n +[\d.]+K? +[\d.]+M ")

    def test_wrong_command_lines(self):
        other = self.user(paths.report_user, "quiet", preload=False)
        self.expect_error(self.ashlar("top", "--once", str(other.pid)), 1, "has no heap of Ashlar")
        for words in (["--sort", "nothing"], ["--every", "0"], ["0"], ["x"]):
            self.assertEqual(self.ashlar("top", "--once", *words).returncode, 2, words)


class ScreenTest(CommandTest):
    def test_keys(self):
        users = [self.user(paths.report_user, "quiet") for _ in range(2)]
        screen = Screen(self, *(str(user.pid) for user in users))
        screen.expect(re.escape(ENTER))
        screen.expect(r"\*RSS")
        screen.press(b">")
        screen.expect(r" RSS +\*LIVE")
        screen.press(b"\x1b[D\x1b[D"[:3])
        screen.expect(r"\*RSS")
        screen.press(b"<")
        screen.expect(r"\*PID")
        selected = r"\x1b\[7m +(\d+) "
        pids = sorted(user.pid for user in users)
        self.assertEqual(int(screen.expect(selected)[1]), pids[0])
        screen.press(b"\x1b[B")
        screen.expect(rf"\x1b\[7m +{pids[1]} ")
        screen.press(b"q")
        screen.expect_end(0)

    def test_new_size(self):
        user = self.user(paths.report_user, "quiet")
        screen = Screen(self, str(user.pid), rows=30, columns=140)
        screen.expect(r"OTHER\r+\n")
        screen.resize(9, 50)
        screen.expect(r"LIVE REFILL/s\r+\n")
        look = screen.expect(r"\x1b\[H((?:(?!\x1b\[H)[\s\S])+)\x1b\[H")[1]
        lines = re.split(r"\r+\n", re.sub(r"\x1b\[\d*[a-zA-Z]", "", look))
        self.assertLessEqual(len(lines), 9)
        self.assertLessEqual(max(len(line) for line in lines), 50)
        screen.press(b"q")
        screen.expect_end(0)

    def test_signals_restore_the_terminal(self):
        user = self.user(paths.report_user, "quiet")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            screen = Screen(self, str(user.pid))
            screen.expect(r"\*RSS")
            self.assertNotEqual(termios.tcgetattr(screen.other), screen.before)
            screen.process.send_signal(number)
            screen.expect_end(-number)
        screen = Screen(self, str(user.pid))
        screen.expect(r"\*RSS")
        screen.press(b"\x03")
        screen.expect_end(-signal.SIGINT)

    def test_stop_and_go_on(self):
        user = self.user(paths.report_user, "quiet")
        screen = Screen(self, str(user.pid))
        screen.expect(r"\*RSS")
        screen.process.send_signal(signal.SIGTSTP)
        screen.expect(re.escape(LEAVE))
        os.waitpid(screen.process.pid, os.WUNTRACED)
        self.assertEqual(termios.tcgetattr(screen.other), screen.before)
        screen.process.send_signal(signal.SIGCONT)
        screen.expect(re.escape(ENTER))
        screen.expect(r"\*RSS")
        screen.press(b"q")
        screen.expect_end(0)

    def test_process_ends(self):
        user, other = self.user(paths.report_user, "quiet"), self.user(paths.report_user, "quiet")
        screen = Screen(self, str(user.pid), str(other.pid))
        screen.expect("2 processes")
        user.kill()
        screen.expect(rf"1 process,[\s\S]*process {user.pid} \(command_report_\) has ended")
        other.kill()
        screen.expect(re.escape(LEAVE) + rf"process {other.pid} \(command_report_\) has ended")
        self.assertEqual(screen.process.wait(10), 0)

    def test_command_with_control_characters(self):
        path = os.path.join(self.directory, "a\x1b[31mb")
        shutil.copy(paths.report_user, path)
        user = self.user(path, "quiet")
        screen = Screen(self, str(user.pid))
        screen.expect(rf"{user.pid} a\?\[31mb ")
        screen.press(b"q")
        screen.expect_end(0)


main()
