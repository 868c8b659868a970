"""`ashlar run`: the program is the user's in every respect but its malloc."""
import json
import os
import shutil
import signal
import sys

from harness import CommandTest, main, paths

ODD_WORDS = ["", "--", "[1,2]", "-n", "3", "--help", "--json", "a b", "*", "run", "compare", "{}", "ü\t'\""]


class RunTest(CommandTest):
    def test_passes_arguments(self):
        program = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
        for separator in ([], ["--"]):
            result = self.ashlar("run", *separator, *program, *ODD_WORDS)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(json.loads(result.stdout), ODD_WORDS)
            self.assertEqual(result.stderr, "")

    def test_passes_exit_status_and_signals(self):
        for status in (0, 1, 7, 255):
            self.assertEqual(self.ashlar("run", paths.plain, str(status)).returncode, status)
        for number in (signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL):
            result = self.ashlar("run", "sh", "-c", f"kill -{int(number)} $$")
            self.assertEqual(result.returncode, -number)

    def test_passes_input_and_is_the_program(self):
        self.assertEqual(self.ashlar("run", "cat", stdin="some text").stdout, "some text")
        # It execs: the parent of the program is this test.
        self.assertEqual(self.ashlar("run", "sh", "-c", "echo $PPID").stdout.strip(), str(os.getpid()))

    def test_loads_the_drop_in(self):
        self.assertIn(os.path.realpath(paths.library), self.ashlar("run", "cat", "/proc/self/maps").stdout)

    def test_keeps_what_is_preloaded_already(self):
        result = self.ashlar("run", "sh", "-c", "echo $LD_PRELOAD", LD_PRELOAD="libm.so.6")
        first, second = result.stdout.strip().split(":")
        self.assertTrue(os.path.samefile(first, paths.library))
        self.assertEqual(second, "libm.so.6")

    def test_stats_prints_at_exit(self):
        with_statistics = self.ashlar("run", "--stats", "--", paths.plain, "3")
        self.assertEqual(with_statistics.returncode, 3)
        self.assertRegex(with_statistics.stderr, r"\Aashlar: pid \d+: peak [^\n]*\nashlar: report about process ")
        self.assertEqual(self.ashlar("run", "--", paths.plain).stderr, "")

    def test_programs_that_cannot_be_started(self):
        self.expect_error(self.ashlar("run", "no-such-program"), 127, "no-such-program", "PATH")
        self.expect_error(self.ashlar("run", "./no/such/program"), 127, "./no/such/program", "No such file")
        text = self.file("text", "no program")
        self.expect_error(self.ashlar("run", text), 126, text, "not executable")
        self.expect_error(self.ashlar("run", "text", PATH=self.directory), 126, text, "not executable")
        self.expect_error(self.ashlar("run", self.directory), 126, "is a directory")
        orphan = self.file("orphan", "#!/no/such/interpreter\n", 0o755)
        self.expect_error(self.ashlar("run", orphan), 126, orphan, "interpreter")

    def test_scripts_run(self):
        self.assertEqual(self.ashlar("run", self.file("with", "#!/bin/sh\nexit 5\n", 0o755)).returncode, 5)
        self.assertEqual(self.ashlar("run", self.file("without", "exit 6\n", 0o755)).returncode, 6)

    def test_chosen_library(self):
        copy = os.path.join(self.directory, "chosen.so")
        shutil.copy(paths.library, copy)
        maps = self.ashlar("run", "cat", "/proc/self/maps", ASHLAR_LIBRARY=copy).stdout
        self.assertIn(copy, maps)
        missing = os.path.join(self.directory, "missing.so")
        self.expect_error(self.ashlar("run", paths.plain, ASHLAR_LIBRARY=missing), 2, "ASHLAR_LIBRARY", missing)
        text = self.file("text.so", "not a library")
        self.expect_error(self.ashlar("run", paths.plain, ASHLAR_LIBRARY=text), 2, text)
        spaced = os.path.join(self.directory, "a b.so")
        shutil.copy(paths.library, spaced)
        self.expect_error(self.ashlar("run", paths.plain, ASHLAR_LIBRARY=spaced), 2, spaced, "space")

    def test_finds_the_library_of_an_installation(self):
        for directory in ("bin", "lib"):
            os.mkdir(os.path.join(self.directory, directory))
        command = shutil.copy(paths.command, os.path.join(self.directory, "bin", "ashlar"))
        self.expect_error(self.ashlar("run", paths.plain, command=command), 2, "libashlar.so", "ASHLAR_LIBRARY")
        library = shutil.copy(paths.library, os.path.join(self.directory, "lib", "libashlar.so"))
        self.assertIn(library, self.ashlar("run", "cat", "/proc/self/maps", command=command).stdout)

    def test_usage(self):
        self.assertRegex(self.ashlar("--version").stdout, r"\Aashlar \d+\.\d+\.\d+\n\Z")
        for words in (["--help"], ["run", "--help"], ["compare", "--help"]):
            result = self.ashlar(*words)
            self.assertEqual(result.returncode, 0)
            self.assertIn("Usage: ashlar", result.stdout)
        for words in ([], ["run"], ["run", "--"], ["compare"], ["walk", "true"], ["run", "--bogus", "true"]):
            result = self.ashlar(*words)
            self.assertEqual(result.returncode, 2, words)
            self.assertNotEqual(result.stderr, "", words)


class IgnoredPreloadTest(CommandTest):
    def expect_warning(self, path, part):
        """Says why the preload has no effect, and still runs the program."""
        result = self.ashlar("run", path, "4")
        self.assertIn("ashlar: warning: " + path, result.stderr)
        self.assertIn(part, result.stderr)
        return result

    def test_ordinary_programs_give_no_warning(self):
        for program in (paths.plain, "sh"):
            self.assertNotIn("warning", self.ashlar("run", program, "/dev/null").stderr)

    def test_static_program(self):
        if paths.static is None:
            self.skipTest("there is no static libc here")
        self.assertEqual(self.expect_warning(paths.static, "statically linked").returncode, 4)

    def test_interpreter_counts_for_a_script(self):
        if paths.static is None:
            self.skipTest("there is no static libc here")
        script = self.file("script", f"#! {paths.static} 4\n", 0o755)
        self.assertIn("ashlar: warning: " + paths.static, self.ashlar("run", script).stderr)

    def test_own_malloc(self):
        self.assertEqual(self.expect_warning(paths.own_malloc, "malloc of its own").returncode, 0)

    def test_setuid_program(self):
        if os.getuid() != 0:
            self.skipTest("only root can make a program of another user")
        program = shutil.copy(paths.plain, os.path.join(self.directory, "setuid"))
        os.chmod(self.directory, 0o755)
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o4755)
        self.assertEqual(self.expect_warning(program, "setuid").returncode, 4)


if __name__ == "__main__":
    main()
