"""usage: documentation_test.py ROOT: the check of the reference accepts documented headers, and finds each planted gap.

Status 77: skipped, there is no doxygen.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SKIPPED = 77
C_HEADER = """/* The C interface. */
#ifndef ASHLAR_ASHLAR_H
#define ASHLAR_ASHLAR_H
#define ASHLAR_API __attribute__((visibility("default")))

/* Frees a block. */
ASHLAR_API void ash_free(void* block);
/* Sums. */
struct ash_stats {
    int live; /* in blocks */
};
#endif
"""
HEADER = """// A heap.
#ifndef ASHLAR_HEAP_HPP
#define ASHLAR_HEAP_HPP
#include <ashlar/ashlar.h>

namespace ashlar {
/// A heap.
class Heap {
  public:
    /// Frees a block.
    void give(void* block);

  private:
    void hidden();
};
/// Makes one.
Heap make();
}  // namespace ashlar
#endif
"""


class Documentation(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="ashlar-documentation."))
        self.addCleanup(shutil.rmtree, self.root)
        for name in ("Doxyfile", "scripts/documentation.sh"):
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copy(pathlib.Path(sys.argv[1]) / name, self.root / name)
        (self.root / "docs").mkdir()
        (self.root / "docs/reference.dox").write_text("/** @mainpage Ashlar\n@namespace ashlar\nAshlar. */\n", encoding="utf-8")
        (self.root / "include/ashlar").mkdir(parents=True)

    def check(self, c_header=C_HEADER, header=HEADER):
        (self.root / "include/ashlar/ashlar.h").write_text(c_header, encoding="utf-8")
        (self.root / "include/ashlar/heap.hpp").write_text(header, encoding="utf-8")
        command = [self.root / "scripts/documentation.sh", "--installed"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_documented_headers_pass(self):
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue((self.root / "build/doxygen/html/index.html").exists())

    def expect(self, what, **headers):
        done = self.check(**headers)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(what, done.stdout)

    def test_each_gap_is_found(self):
        self.expect("Member ash_free(void *block)", c_header=C_HEADER.replace("/* Frees a block. */\n", ""))
        self.expect("Member live (variable) of struct ash_stats", c_header=C_HEADER.replace(" /* in blocks */", ""))
        self.expect("Compound ashlar::Heap", header=HEADER.replace("/// A heap.\n", ""))
        self.expect("Member give(void *block)", header=HEADER.replace("    /// Frees a block.\n", ""))
        self.expect("Member make()", header=HEADER.replace("/// Makes one.\n", ""))

    def test_a_wrong_name_is_found(self):
        self.expect("pointer", header=HEADER.replace("/// Frees a block.", "/// Frees it. @param pointer of a block"))


if __name__ == "__main__":
    if shutil.which("doxygen") is None:
        print("skipped: doxygen is not installed")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1])
