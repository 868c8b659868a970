"""`ashlar doctor`: whether malloc is Ashlar's, of programs and processes, and what is misconfigured."""
import json
import os
import shutil
import subprocess

from harness import CommandTest, environment, main, paths

LIBRARY = os.path.realpath(paths.library)
# On this machine the kernel may be set up so that doctor has something to say about it.
OF_KERNEL = ("vm.", "huge pages", "seccomp", "address space")


class DoctorTest(CommandTest):
    def doctor(self, *words, status=None, **variables):
        result = self.ashlar("doctor", "--json", *words, **variables)
        self.assertEqual(result.stderr, "")
        answer = json.loads(result.stdout)
        answer["findings"] = [one for one in answer["findings"] if not any(word in one["what"] for word in OF_KERNEL)]
        if status is not None:
            wrong = any(one["weight"] != "note" for one in answer["findings"])
            self.assertEqual(wrong, status == 1, answer["findings"])
            self.assertIn(result.returncode, (status, 1))
        return answer

    def start(self, *words, **variables):
        process = subprocess.Popen(words, env={**environment, **variables}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        process.stdin.write(b"x\n")
        process.stdin.flush()
        process.stdout.readline()  # it runs
        return process

    def expect(self, answer, weight, what, mend=""):
        found = [one for one in answer["findings"] if one["weight"] == weight and what in one["what"]]
        self.assertTrue(found, answer["findings"])
        self.assertIn(mend, found[0]["mend"])

    def bound(self, answer):
        """The files that any name of malloc binds to."""
        return {os.path.realpath(path) for one in answer["objects"] for path in one["names"].values() if path}

    def test_a_program_is_examined_with_the_library_and_not_run(self):
        mark = os.path.join(self.directory, "mark")
        answer = self.doctor("touch", mark, status=0)
        self.assertFalse(os.path.exists(mark))
        self.assertTrue(os.path.samefile(answer["library"]["path"], LIBRARY))
        self.assertEqual(answer["library"]["origin"], "preloaded")
        self.assertEqual(answer["library"]["version"], answer["ashlar"])
        self.assertEqual(self.bound(answer), {LIBRARY})
        self.assertIn("malloc", answer["objects"][0]["names"])
        self.assertEqual(answer["findings"], [])

    def test_a_script_is_its_interpreter(self):
        script = self.file("script", "#!/bin/sh\nexit 3\n", 0o755)
        self.assertEqual(self.doctor(script, status=0)["program"], "/bin/sh")

    def test_a_process_with_the_library(self):
        for library in (paths.library, LIBRARY):
            process = self.start("cat", LD_PRELOAD=library)
            answer = self.doctor(str(process.pid), status=0)
            self.assertEqual(answer["process"], process.pid)
            self.assertEqual(answer["library"]["path"], LIBRARY)
            self.assertEqual(answer["library"]["origin"], "preloaded")
            self.assertEqual(self.bound(answer), {LIBRARY})
            self.assertGreater(answer["memory"]["reserved"], 0)
            self.assertGreater(answer["memory"]["resident"], 0)
            self.assertGreater(answer["memory"]["region_accessible"], 0)
            self.assertLess(answer["memory"]["region_accessible"], answer["memory"]["accessible"])
            self.assertEqual(answer["findings"], [])

    def test_a_process_without_it(self):
        process = self.start("cat")
        answer = self.doctor(str(process.pid), status=1)
        self.assertIsNone(answer["library"])
        self.expect(answer, "error", "not loaded", "LD_PRELOAD=" + os.path.realpath(os.path.dirname(paths.library)))

    def test_a_program_with_its_own_malloc(self):
        self.expect(self.doctor(paths.own_malloc, status=1), "error", "malloc of its own", "without that allocator")

    def test_a_static_program(self):
        if paths.static is None:
            self.skipTest("there is no static program")
        self.expect(self.doctor(paths.static, status=1), "error", "statically linked", "ashlar.o")

    def test_a_setuid_program_ignores_the_library(self):
        program = shutil.copy(paths.plain, self.directory)
        if os.getuid() != 0:
            self.skipTest("only root can give a file away")
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o4755)
        self.expect(self.doctor(program, status=1), "error", "privileges", "/etc/ld.so.preload")

    def test_a_library_in_front_of_it(self):
        other = os.path.join(self.directory, "libother.so")
        built = subprocess.run(["cc", "-shared", "-fPIC", "-o", other, "-x", "c", "-"], check=False, text=True,
                               input="void* malloc(unsigned long n) { return (void*)(n & 0); }\n")
        if built.returncode != 0:
            self.skipTest("no compiler")
        answer = self.doctor(paths.plain, status=1, LD_PRELOAD=f"{other}:{paths.library}")
        self.expect(answer, "error", f"malloc binds to {other}", "first in LD_PRELOAD")
        answer = self.doctor(paths.plain, status=0, LD_PRELOAD=f"{paths.library}:{other}")
        self.expect(answer, "note", f"{other} has a malloc as well")

    def test_paths_of_ld_preload(self):
        relative = os.path.relpath(paths.library)
        self.expect(self.doctor(paths.plain, status=1, LD_PRELOAD=relative), "warning", "relative path", "LD_PRELOAD=/")
        answer = self.doctor(paths.plain, status=1, LD_PRELOAD="/no/libashlar.so")
        self.expect(answer, "warning", "/no/libashlar.so, which does not exist", "LD_PRELOAD=/")
        self.expect(answer, "error", "not loaded")
        self.expect(answer, "warning", "cannot be preloaded")

    def test_settings(self):
        answer = self.doctor(status=1, ASHLAR_STAT="1", ASHLAR_STATS="yes", ASHLAR_BACKGROUND="0")
        self.expect(answer, "warning", "ASHLAR_STAT is no setting", "ASHLAR_STATS")
        self.expect(answer, "warning", "ASHLAR_STATS=yes is ignored", "0 or 1")
        values = {one["name"]: (one["value"], one["default"]) for one in answer["settings"]}
        self.assertEqual(values["ASHLAR_BACKGROUND"], ("0", False))
        self.assertEqual(values["ASHLAR_LIMIT"], ("none", True))
        self.expect(self.doctor(status=1, ASHLAR_LIMIT="hard:900000G"), "warning", "above the memory", "hard:90%")
        self.doctor(status=0, ASHLAR_LIMIT="hard:90%")

    def test_the_kernel(self):
        kernel = self.doctor(status=0)["kernel"]
        with open("/proc/sys/vm/overcommit_memory", encoding="ascii") as file:
            self.assertEqual(kernel["overcommit"], int(file.read()))
        with open("/proc/sys/vm/max_map_count", encoding="ascii") as file:
            self.assertEqual(kernel["max_map_count"], int(file.read()))
        self.assertGreater(kernel["memory"], 0)
        limited = subprocess.run(["sh", "-c", f"ulimit -v 8000000; exec {paths.command} doctor --json"], env=environment,
                                 capture_output=True, text=True, check=False)
        self.assertEqual(json.loads(limited.stdout)["kernel"]["address_space"], 8000000 * 1024)
        self.assertIn("address space is limited", limited.stdout)

    def test_text(self):
        text = self.ashlar("doctor", paths.own_malloc, ASHLAR_STAT="1").stdout
        for part in ("library ", "limits ", "kernel ", "setting      ASHLAR_STATS 0 (default)", "\nerror  ", "\n  mend  "):
            self.assertIn(part, text)
        self.assertLess(text.index("\nerror"), text.index("\nwarning"))  # the most serious first

    def test_what_is_not_there(self):
        self.expect_error(self.ashlar("doctor", "999999999"), 2, "999999999", "does not exist")
        self.expect_error(self.ashlar("doctor", "no-such-program"), 127, "no-such-program")


main()
