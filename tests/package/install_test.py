"""Installs the build to a directory, moves it, and builds programs against it by find_package and by pkg-config."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

OPTIONS = None
CONSUMER = pathlib.Path(__file__).resolve().parent / "consumer"
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
STATIC = ["static_c", "static_cpp", "static_silent", "object_c", "object_cpp", "object_silent"]
SHARED = ["shared_cpp", "shared_silent", "opening"]
MANAGER = ["manager_static_cpp", "manager_before_static_cpp", "manager_object_cpp", "manager_before_object_cpp"]
PROCESSES = [name.replace("manager", "processes") for name in MANAGER]


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="ashlar-package."))
        cls.addClassCleanup(shutil.rmtree, cls.work)
        call(OPTIONS.cmake, "--install", OPTIONS.build, "--prefix", cls.work / "first")
        cls.prefix = cls.work / "moved here"
        (cls.work / "first").rename(cls.prefix)
        cls.libdir = cls.prefix / OPTIONS.libdir
        cls.build = cls.work / "build"
        cls.environment = {k: v for k, v in os.environ.items() if not k.startswith(("LD_", "DESTDIR", "PKG_CONFIG"))}
        # No build type: an installation must serve any configuration of its users.
        call(OPTIONS.cmake, "-S", CONSUMER, "-B", cls.build, "-G", OPTIONS.generator, f"-DCMAKE_PREFIX_PATH={cls.prefix}",
             f"-DCMAKE_C_COMPILER={OPTIONS.cc}", f"-DCMAKE_CXX_COMPILER={OPTIONS.cxx}",
             f"-DEXPECTED_VERSION={OPTIONS.version}", env=cls.environment)
        call(OPTIONS.cmake, "--build", cls.build, env=cls.environment)

    def run_program(self, program, **environment):
        said = call(program, CONSUMER / "CMakeLists.txt", env={**self.environment, **environment})
        self.assertEqual(said, "sound\n")

    def has_libc_malloc(self, program):
        names = [line.split()[-1] for line in call(OPTIONS.nm, program).splitlines()]
        self.assertIn("main", names, "stripped: nothing could be found in it")
        return "_int_malloc" in names

    def needs(self, program):
        return "libashlar.so" in call(OPTIONS.readelf, "-dW", program)

    def pkg_config(self, *words, package="ashlar"):
        path = self.libdir / "pkgconfig"
        # The directory's name has a space, which pkg-config escapes for the shell.
        return call("pkg-config", *words, *package.split(), env={**self.environment, "PKG_CONFIG_PATH": str(path)}).strip()

    def compile(self, name, compiler, source, before, after):
        program = self.work / name
        standards = {"manager.cpp": "-std=c++20", "processes.cpp": "-std=c++20", "program.cpp": "-std=c++17"}
        standard = standards.get(source, "")  # clang 14 begins at C++14
        call("sh", "-c", f'"$1" {before} {standard} -fno-builtin "$2" -o "$3" {after}', "sh", compiler, CONSUMER / source,
             program)
        return program

    def test_programs_run(self):
        for name in STATIC + SHARED + MANAGER + PROCESSES + ["archive_cpp", "control_c", "manager_cpp", "manager_beside_cpp",
                                                             "processes_cpp", "processes_beside_cpp", "bare"]:
            with self.subTest(name):
                self.run_program(self.build / name)

    def test_static_programs_have_one_malloc(self):
        self.assertTrue(self.has_libc_malloc(self.build / "control_c"), "this libc names its malloc otherwise")
        for name in STATIC + MANAGER + PROCESSES:
            with self.subTest(name):
                self.assertFalse(self.has_libc_malloc(self.build / name))

    def test_c_programs_take_no_cpp_runtime(self):
        for name in ("static_c", "object_c"):
            with self.subTest(name):
                self.assertNotIn("__cxa_throw", call(OPTIONS.nm, self.build / name))

    def test_a_project_in_c_alone(self):
        build = self.work / "c"
        call(OPTIONS.cmake, "-S", CONSUMER.parent / "consumer_c", "-B", build, "-G", OPTIONS.generator,
             f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_C_COMPILER={OPTIONS.cc}", env=self.environment)
        call(OPTIONS.cmake, "--build", build, env=self.environment)
        for product in ("ashlar", "static", "object"):
            with self.subTest(product):
                self.run_program(build / f"{product}_only_c")

    def test_examples_build_as_a_project_of_their_own(self):
        build = self.work / "examples"
        call(OPTIONS.cmake, "-S", EXAMPLES, "-B", build, "-G", OPTIONS.generator, f"-DCMAKE_PREFIX_PATH={self.prefix}",
             f"-DCMAKE_C_COMPILER={OPTIONS.cc}", f"-DCMAKE_CXX_COMPILER={OPTIONS.cxx}", env=self.environment)
        for name in ("example_heap_per_request", "example_text_store"):  # one for each library
            with self.subTest(name):
                call(OPTIONS.cmake, "--build", build, "--target", name, env=self.environment)
                call(build / name, env=self.environment)

    def test_shared_programs_need_the_library(self):
        for name in SHARED:
            with self.subTest(name):
                self.assertTrue(self.needs(self.build / name))
        self.assertFalse(self.needs(self.build / "archive_cpp"))

    def test_pkg_config(self):
        self.assertEqual(self.pkg_config("--modversion"), OPTIONS.version)
        flags = self.pkg_config("--cflags", "--libs")
        for name, compiler, source in (("pc_cpp", OPTIONS.cxx, "program.cpp"), ("pc_silent", OPTIONS.cc, "silent.c")):
            with self.subTest(name):
                program = self.compile(name, compiler, source, "-Wl,--as-needed", flags)
                self.assertTrue(self.needs(program))
                self.run_program(program, LD_LIBRARY_PATH=str(self.libdir))

    def test_the_other_libraries_replace_no_malloc(self):
        for library, product, source in (("manager", "MemoryManager", "manager"), ("shared", "SharedHeap", "processes")):
            with self.subTest(library):
                self.assertFalse(self.needs(self.build / f"{source}_cpp"))
                defined = call(OPTIONS.nm, "--defined-only", self.libdir / f"libashlar_{library}.a")
                self.assertIn(product, defined)
                names = {line.split()[-1] for line in defined.splitlines() if line}
                self.assertFalse({"malloc", "free", "_Znwm", "_ZdlPv"} & names)
                flags = self.pkg_config("--cflags", "--libs", package=f"ashlar-{library}")
                self.run_program(self.compile(f"pc_{library}", OPTIONS.cxx, f"{source}.cpp", "", flags))

    def test_pkg_config_static(self):
        archive = self.pkg_config("--static", "--cflags", "--libs")
        one_object = self.pkg_config("--cflags") + " " + self.pkg_config("--variable=object")
        for flags in (archive, one_object):
            for compiler, source in ((OPTIONS.cc, "program.c"), (OPTIONS.cc, "silent.c"), (OPTIONS.cxx, "program.cpp")):
                with self.subTest(source=source, flags=flags):
                    program = self.compile("pc_static", compiler, source, "-static", flags)
                    self.assertFalse(self.has_libc_malloc(program))
                    self.run_program(program)

    def test_pkg_config_static_beside_the_manager(self):
        for packages in ("ashlar ashlar-manager", "ashlar-manager ashlar"):
            with self.subTest(packages):
                flags = self.pkg_config("--static", "--cflags", "--libs", package=packages)
                program = self.compile("pc_static_manager", OPTIONS.cxx, "manager.cpp", "-static", flags)
                self.assertFalse(self.has_libc_malloc(program))
                self.run_program(program)

    def test_another_version_is_refused(self):
        for wanted in ("0.0", "1.0"):
            done = subprocess.run([OPTIONS.cmake, "-S", str(CONSUMER), "-B", str(self.work / "other"), "-G", OPTIONS.generator,
                                   f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DEXPECTED_VERSION={wanted}"],
                                  capture_output=True, text=True, check=False, env=self.environment)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("considered but not accepted", done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("build", "version", "libdir", "cmake", "generator", "nm", "readelf", "cc", "cxx"):
        parser.add_argument("--" + option, required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
