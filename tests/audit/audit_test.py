"""Each rule of the audit passes over a small sound project and finds each violation that is planted in it."""
import pathlib
import shutil
import tempfile
import unittest

import audit
import source

HEADER = """// A part.
#ifndef ASHLAR_{guard}_HPP
#define ASHLAR_{guard}_HPP

{body}

#endif
"""
LAYERS = """ashlar_layer(base SOURCES base/word.cpp)
ashlar_layer(region BELOW base)  # an arrow
ashlar_layer(spans BELOW region)
ashlar_layer(arena BELOW spans)
ashlar_layer(depot BELOW region)
ashlar_layer(cache BELOW arena depot
  SOURCES cache/thread.cpp)
ashlar_layer(faces BELOW cache SOURCES faces/malloc.cpp)
ashlar_layer(ranges BELOW region)
ashlar_layer(manager TARGET manager_objects BELOW ranges)
"""
WORD = """#include "base/word.hpp"

// [E1] release, pairs with get().
void put(Word& word) noexcept {
    word.value.store(1, rel);
}

int get(const Word& word) noexcept { return word.value.load(acq); }  // [E1] acquire, pairs with put()

void* place(void* at) noexcept { return new (at) int; }
struct Fixed {
    Fixed(const Fixed&) = delete;
};
"""
TABLE = """| edge | word |
|---|---|
| E1 | value |
"""


def header(guard, body):
    return HEADER.format(guard=guard, body=body)


SOUND = {
    "LICENSE": "anybody may\n",
    "include/ashlar/ashlar.h":
        "#ifndef ASHLAR_ASHLAR_H\n#define ASHLAR_ASHLAR_H\n#include <stddef.h>\nvoid ash_free(void*);\n#endif\n",
    "src/CMakeLists.txt": LAYERS,
    "src/ORDERING.md": TABLE,
    "src/base/word.hpp": header("BASE_WORD", "struct Word {\n    Atomic<int> value;\n};"),
    "src/base/word.cpp": WORD,
    "src/base/atomic.hpp": header("BASE_ATOMIC", "inline int load(int* at) { return __atomic_load_n(at, 0); }"),
    "src/region/region.hpp": header("REGION_REGION", '#include "base/word.hpp"\nstruct Region {};'),
    "src/spans/spans.hpp": header("SPANS_SPANS", '#include "region/region.hpp"\nstruct Spans {};'),
    "src/arena/arena.hpp": header("ARENA_ARENA", '#include "spans/spans.hpp"\nstruct Arena {};'),
    "src/depot/depot.hpp": header("DEPOT_DEPOT", '#include "region/region.hpp"\nstruct Depot {};'),
    "src/cache/thread_cache.hpp":
        header("CACHE_THREAD_CACHE", '#include "arena/arena.hpp"\n#include "depot/depot.hpp"\nstruct Cache {};'),
    "src/faces/malloc.cpp":
        '#include <cstdio>\n#include <ashlar/ashlar.h>\n#include "cache/thread_cache.hpp"\n\n'
        "void* malloc(int n) {\n    return take(n);\n}\n",
    "tests/some_test.cpp": "volatile int sink;\n",
}


class Planted(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="ashlar-audit."))
        self.addCleanup(shutil.rmtree, self.root)
        for name, text in SOUND.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def faults(self, rule):
        return sorted(set(audit.RULES[rule](source.Project(self.root))))

    def expect(self, rule, what):
        faults = self.faults(rule)
        self.assertTrue(any(what in fault for fault in faults), f"{rule}: expected {what!r} in {faults}")

    def plant(self, rule, name, text, what):
        with self.subTest(rule=rule, text=text):
            before = SOUND.get(name)
            self.write(name, text)
            self.expect(rule, what)
            if before is None:
                (self.root / name).unlink()
            else:
                self.write(name, before)
            self.assertEqual(self.faults(rule), [])

    def test_a_sound_project_passes(self):
        for rule in audit.RULES:
            with self.subTest(rule):
                self.assertEqual(self.faults(rule), [])

    def test_includes(self):
        up = header("SPANS_SPANS", '#include "arena/arena.hpp"\nstruct Spans {};')
        self.plant("includes", "src/spans/spans.hpp", up, "spans includes arena/arena.hpp")
        over = header("ARENA_ARENA", '#include "region/region.hpp"\nstruct Arena {};')
        self.plant("includes", "src/arena/arena.hpp", over, "arena includes region/region.hpp")
        self.plant("includes", "src/faces/malloc.cpp", '#include "arena/arena.hpp"\n', "faces includes arena/arena.hpp")
        self.plant("includes", "src/depot/take.cpp", '#include "arena/arena.hpp"\n', "depot includes arena/arena.hpp")
        self.plant("includes", "src/cache/take.cpp", "#include <ashlar/ashlar.h>\n", "cache includes ashlar/ashlar.h")
        self.plant("includes", "src/base/take.cpp", '#include "word.hpp"\n', "without its layer")
        self.plant("includes", "src/base/take.cpp", '#include "base/gone.hpp"\n', "is not there")
        self.plant("includes", "src/attic/old.cpp", "int x;\n", "there is no layer attic")
        self.plant("includes", "include/ashlar/heap.hpp", '#include "base/word.hpp"\n', "a public header includes base/word.hpp")
        self.plant("includes", "include/ashlar/heap.hpp", "#include <cache/core.hpp>\n", "a public header includes cache/core.hpp")

    def test_links(self):
        self.plant("links", "src/CMakeLists.txt", LAYERS.replace("depot BELOW region", "depot BELOW base"), "is not linked to it")
        self.plant("links", "src/CMakeLists.txt", LAYERS.replace("ashlar_layer(depot BELOW region)\n", ""), "no target for")

    def test_headers(self):
        self.plant("headers", "src/cache/all.cpp", '#include "base/word.cpp"\n', "includes the source")
        self.plant("headers", "src/cache/all.hpp", header("CACHE_ALL", '#include "arena/arena.hpp"'), "an umbrella")
        loop = header("REGION_REGION", '#include "spans/spans.hpp"\nstruct Region {};')
        self.plant("headers", "src/region/region.hpp", loop, "a cycle")
        self.plant("headers", "src/region/region.hpp", '#include "base/word.hpp"\nstruct Region {};\n', "no include guard")

    def test_conditionals(self):
        text = "int f() {\n#ifdef NDEBUG\n    return 1;\n#else\n    return 2;\n#endif\n}\n"
        self.plant("conditionals", "src/cache/f.cpp", text, "#ifdef NDEBUG inside f")

    def test_orderings(self):
        self.plant("orderings", "src/base/word.cpp", WORD + "// [E2] acquire\n", "[E2] is no row")
        self.plant("orderings", "src/ORDERING.md", TABLE + "| E2 | other |\n", "E2 occurs nowhere")
        self.plant("orderings", "src/ORDERING.md", TABLE + "| E1 | other |\n", "has a row already")
        self.plant("orderings", "src/ORDERING.md", "# Edges\n", "no rows")
        # A tag in a string is not a comment at an access.
        self.plant("orderings", "src/base/word.cpp", 'const char* text = "[E1]";\n', "E1 occurs nowhere")
        (self.root / "src/ORDERING.md").unlink()
        self.expect("orderings", "not there")

    def test_accesses(self):
        far = "\n".join(f"    int x{i} = {i};" for i in range(8))
        bare = f"void f() {{\n    // a comment far above\n{far}\n    word.store(1, rel);\n}}\n"
        self.plant("accesses", "src/cache/f.cpp", bare, "no reason given: word.store(1, rel);")
        self.plant("accesses", "src/cache/f.cpp", "int f() {\n    return word.load(base::rlx);\n}\n", "no reason given")
        split = "bool f() {\n    return word.cas(expected, next(expected),\n                    ar, acq);\n}\n"
        self.plant("accesses", "src/cache/f.cpp", split, "no reason given")
        # Once for the function is enough, if it speaks of orders; and what is no atomic is left alone.
        self.write("src/cache/f.cpp", bare.replace("a comment far above", "[E1] release, for all below"))
        self.write("src/cache/g.cpp", "void g() {\n    load(file);\n    depot.store(block, 7);\n}\n")
        self.assertEqual(self.faults("accesses"), [])
        for name in ("src/base/word.cpp", "src/cache/f.cpp"):
            self.write(name, "int x;\n")
        self.expect("accesses", "no atomic access was found")

    def test_forbidden(self):
        for line in ("volatile int flag;", "std::atomic<int> flag;", "std::mutex lock;", "std::lock_guard guard(lock);",
                     "pthread_mutex_t lock;", "int x = __atomic_load_n(&y, 0);", "__sync_synchronize();", "#include <mutex>"):
            self.plant("forbidden", "src/faces/f.cpp", line + "\n", "src/faces/f.cpp:1")
        # Speaking of it is allowed.
        self.write("src/faces/f.cpp", '// unlike std::mutex and volatile\nconst char* text = "volatile";\n')
        self.assertEqual(self.faults("forbidden"), [])

    def test_library_calls(self):
        for line in ("int* f() { return new int(7); }", "void f(int* p) { delete p; }", "void f(int* p) { delete[] p; }",
                     "std::string name;", "std::vector<int> list;", 'void f() { std::printf("x"); }', "void f() { free(block); }",
                     "void* f() { return ::malloc(7); }", "void f() { throw 1; }", "#include <vector>", "#include <cstdio>",
                     'void* f() { return dlsym(nullptr, "malloc"); }'):
            self.plant("library_calls", "src/cache/f.cpp", line + "\n", "src/cache/f.cpp:1")
        self.write("src/cache/f.cpp", "#include <new>\nvoid f() { core.free(block); heap->free(block); spans::free(block); }\n")
        self.assertEqual(self.faults("library_calls"), [])

    def test_races(self):
        self.plant("races", "tests/tsan.supp", "# none\nrace:ashlar::cache\n", "suppresses race:ashlar::cache")
        self.plant("races", "scripts/run.sh", "export TSAN_OPTIONS=suppressions=x\n", "hides something")
        self.plant("races", "src/cache/f.cpp", '[[gnu::no_sanitize("thread")]] void f();\n', "hides something")
        self.plant("races", "src/cache/f.cpp", "__attribute__((no_sanitize_thread)) void f();\n", "hides something")

    def test_sizes(self):
        self.plant("sizes", "src/cache/f.cpp", "int x;\n" * 400, "400 lines")
        self.plant("sizes", "src/cache/thread_cache.hpp", "int x;\n" * 150, "150 lines on the fast path")
        body = "    x();\n" * 48
        for head in ("void f() {", "int Cache::f(int a) const noexcept {", "[[gnu::cold]] static void f(void (*g)(int)) {",
                     "template <class T>\nvoid f(T t) {", "Cache::Cache(int a) noexcept : a_(a), b_{a} {", "auto f() -> int {"):
            inside = "namespace n {\nnamespace {\nstruct S {};\n" + head + "\n" + body + "}\n}\n}\n"
            with self.subTest(head):
                self.plant("sizes", "src/cache/f.cpp", inside, "lines")
        self.write("src/cache/f.cpp", "void f() {\n" + body[9:] + "}\n")
        self.assertEqual(self.faults("sizes"), [])
        (self.root / "src/cache/thread_cache.hpp").unlink()
        self.expect("sizes", "not there")

    def test_marks(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"):
            self.plant("marks", "scripts/run.sh", f"# {word}: later\n", f"# {word}")
        self.write("scripts/run.sh", 'mktemp -d "${TMPDIR:-/tmp}/ashlar.XXXXXX"\n')
        self.assertEqual(self.faults("marks"), [])


class Ctest(unittest.TestCase):
    def test_each_rule_is_run(self):
        text = (pathlib.Path(__file__).parent / "CMakeLists.txt").read_text(encoding="utf-8")
        listed = text.split("foreach(rule ")[1].split(")")[0].split()
        self.assertEqual(sorted(listed), sorted(audit.RULES))


if __name__ == "__main__":
    unittest.main()
