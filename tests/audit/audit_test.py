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
  SOURCES malloc/cache/thread.cpp)
ashlar_layer(inspect BELOW base)
ashlar_layer(checks BELOW arena settings)
ashlar_layer(guards BELOW region)
ashlar_layer(heap BELOW cache inspect)
ashlar_layer(settings BELOW base)
ashlar_layer(process BELOW heap settings)
ashlar_layer(api BELOW process SOURCES malloc/api/malloc.cpp)
ashlar_layer(ranges BELOW region)
ashlar_layer(manager TARGET manager_objects BELOW ranges)
ashlar_layer(shared TARGET shared_objects BELOW spans)
"""
WORD = """#include "base/word.hpp"

namespace base {

// [E1] release, pairs with get().
void put(Word& word) noexcept {
    word.value.store(1, rel);
}

int get(const Word& word) noexcept { return word.value.load(acq); }  // [E1] acquire, see put()

void* place(void* at) noexcept { return new (at) int; }
struct Fixed {
    Fixed(const Fixed&) = delete;
};
}
"""
EDGES = """# Edges

## How to read them

- Any.

## E1 — A word

- Words: value.
- Side one: `base::put` in `src/base/word.cpp` stores it.
- Side two: another thread loads it.
  That is `base::get` in `src/base/word.cpp`.
- Publishes: what was put.
- Without it: nothing.
- Test that catches it: the scenario `word.put`, `Words.ArePut`.
- Argued: `E1_getter`.
"""
MUTANTS = """EDGES = (
    weaker("E1", "putter", WORD, "store(1, <rel>)", "rel", "rlx", "word"),
    weaker("E1", "getter", WORD, "load(<acq>)", "acq", "rlx", ""),
    Bug("put_twice", WORD, "a", "b", "word"),
)
"""


def header(guard, body):
    return HEADER.format(guard=guard, body=body)


SOUND = {
         "LICENSE": "anybody may\n",
    "include/ashlar/ashlar.h":
        "#ifndef ASHLAR_ASHLAR_H\n#define ASHLAR_ASHLAR_H\n#include <stddef.h>\nvoid ash_free(void*);\n#endif\n",
    "src/CMakeLists.txt": LAYERS,
    "docs/orderings.md": EDGES,
    "src/base/word.hpp": header("BASE_WORD", "struct Word {\n    Atomic<int> value;\n};"),
    "src/base/word.cpp": WORD,
    "src/base/atomic.hpp": header("BASE_ATOMIC", "inline int load(int* at) { return __atomic_load_n(at, 0); }"),
    "src/core/region/region.hpp": header("REGION_REGION", '#include "base/word.hpp"\nstruct Region {};'),
    "src/core/spans/spans.hpp": header("SPANS_SPANS", '#include "core/region/region.hpp"\nstruct Spans {};'),
    "src/core/arena/arena.hpp": header("ARENA_ARENA", '#include "core/spans/spans.hpp"\nstruct Arena {};'),
    "src/malloc/depot/depot.hpp": header("DEPOT_DEPOT", '#include "core/region/region.hpp"\nstruct Depot {};'),
    "src/malloc/cache/thread_cache.hpp":
        header("CACHE_THREAD_CACHE", '#include "core/arena/arena.hpp"\n#include "malloc/depot/depot.hpp"\nstruct Cache {};'),
    "src/malloc/api/malloc.cpp":
        '#include <cstdio>\n#include <ashlar/ashlar.h>\n#include "malloc/cache/thread_cache.hpp"\n\n'
        "void* malloc(int n) {\n    return take(n);\n}\n",
    "src/malloc/api/malloc.hpp": header("FACES_MALLOC", "void* malloc(int n);"),
    "src/malloc/settings/table.cpp":
        'const Setting kTable[] = {{"ASHLAR_STATS", "0", "", "0 or 1",\n    "prints a line", Reader::library, f}};\n',
    "src/malloc/settings/table.hpp": header("MALLOC_SETTINGS_TABLE", "struct Setting {};"),
    "docs/tuning.md": "# Settings\n\n| variable | default | unit | effect |\n|---|---|---|---|\n"
                      "| `ASHLAR_STATS` | 0 | - | prints a line |\n",
    "docs/words.md": "# Words\n\n## A `Word`\n\nA `Word` has [edges](orderings.md#e1--a-word).\nSee [above](#a-word).\n",
    ".clang-format": "ColumnLimit: 100\n",
    "tests/some_test.cpp": "volatile int sink;\nTEST(Words, ArePut) {}\n",
    "tests/model/words.cpp": 'const Enrolled<Put> kPut{"word.put"};\n',
    "tests/mutation/edges.py": MUTANTS,
}


class Mutation(unittest.TestCase):
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
        return audit.check(source.Project(self.root), rule)

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

    def test_settings(self):
        document = SOUND["docs/tuning.md"]
        for gone in (document.replace("| 0 |", "| 1 |"), document.replace("STATS", "STAT"), document[:60]):
            self.plant("settings", "docs/tuning.md", gone, "no row | `ASHLAR_STATS` | 0 | - | prints a line |")
        self.plant("settings", "docs/tuning.md", document + "| `ASHLAR_NEW` | 0 | - | none |\n", "ASHLAR_NEW is not in")
        self.plant("settings", "src/malloc/api/read.cpp", 'char* f() { return secure_getenv("ASHLAR_X"); }\n',
                   "reads the environment")

    def test_includes(self):
        up = header("SPANS_SPANS", '#include "core/arena/arena.hpp"\nstruct Spans {};')
        self.plant("includes", "src/core/spans/spans.hpp", up, "core/spans includes core/arena/arena.hpp")
        over = header("ARENA_ARENA", '#include "core/region/region.hpp"\nstruct Arena {};')
        self.plant("includes", "src/core/arena/arena.hpp", over, "core/arena includes core/region/region.hpp")
        self.plant("includes", "src/malloc/api/malloc.cpp", '#include "core/arena/arena.hpp"\n',
                   "malloc/api includes core/arena/arena.hpp")
        self.plant("includes", "src/malloc/depot/take.cpp", '#include "core/arena/arena.hpp"\n',
                   "malloc/depot includes core/arena/arena.hpp")
        self.plant("includes", "src/malloc/cache/take.cpp", "#include <ashlar/ashlar.h>\n",
                   "malloc/cache includes ashlar/ashlar.h")
        self.plant("includes", "src/base/take.cpp", '#include "word.hpp"\n', "without its layer")
        self.plant("includes", "src/base/take.cpp", '#include "base/gone.hpp"\n', "is not there")
        self.plant("includes", "src/attic/old.cpp", "int x;\n", "there is no layer attic")
        public = "include/ashlar/heap.hpp"
        self.plant("includes", public, '#include "base/word.hpp"\n', "a public header includes base/word.hpp")
        self.plant("includes", public, "#include <malloc/heap/heap.hpp>\n", "a public header includes malloc/heap/heap.hpp")

    def test_links(self):
        unlinked = LAYERS.replace("depot BELOW region", "depot BELOW base")
        self.plant("links", "src/CMakeLists.txt", unlinked, "is not linked to it")
        self.plant("links", "src/CMakeLists.txt", LAYERS.replace("ashlar_layer(depot BELOW region)\n", ""), "no target for")

    def test_headers(self):
        self.plant("headers", "src/malloc/cache/all.cpp", '#include "base/word.cpp"\n', "includes the source")
        self.plant("headers", "src/malloc/cache/all.hpp", header("CACHE_ALL", '#include "core/arena/arena.hpp"'), "an umbrella")
        loop = header("REGION_REGION", '#include "core/spans/spans.hpp"\nstruct Region {};')
        self.plant("headers", "src/core/region/region.hpp", loop, "a cycle")
        self.plant("headers", "src/core/region/region.hpp", '#include "base/word.hpp"\nstruct Region {};\n', "no include guard")

    def test_conditionals(self):
        text = "int f() {\n#ifdef NDEBUG\n    return 1;\n#else\n    return 2;\n#endif\n}\n"
        self.plant("conditionals", "src/malloc/cache/f.cpp", text, "#ifdef NDEBUG inside f")

    def test_orderings(self):
        self.plant("orderings", "src/base/word.cpp", WORD + "// [E2] acquire\n", "[E2] is no section")
        self.plant("orderings", "docs/orderings.md", EDGES + "## E2 — Other\n", "E2 occurs nowhere")
        self.plant("orderings", "docs/orderings.md", EDGES + "## E1 — Other\n", "has a section already")
        self.plant("orderings", "docs/orderings.md", "# Edges\n", "no sections")
        # A tag in a string is not a comment at an access.
        self.plant("orderings", "src/base/word.cpp", 'const char* text = "[E1]";\n', "E1 occurs nowhere")
        (self.root / "docs/orderings.md").unlink()
        self.expect("orderings", "not there")

    def test_sides(self):
        def side(name, text):
            return EDGES.replace(f"`base::{name}` in `src/base/word.cpp`", text)

        document = "docs/orderings.md"
        self.plant("sides", document, EDGES.replace("- Publishes: what was put.\n", ""), 'no line "Publishes: …"')
        self.plant("sides", document, side("put", "`base::put` in `src/gone.cpp`"), "Side one: there is no src/gone.cpp")
        self.plant("sides", document, side("put", "`base::put`"), "Side one: names no file")
        self.plant("sides", document, side("get", "`src/base/word.cpp`"), "Side two: names no function")
        for gone in ("base::gone", "Gone::get"):
            self.plant("sides", document, side("get", f"`{gone}` in `src/base/word.cpp`"), f"none of its files defines {gone}")
        self.plant("sides", document, side("get", "`base::place` in `src/base/word.cpp`"), "none of its functions carries [E1]")

    def test_edge_tests(self):
        document = "docs/orderings.md"
        self.plant("edge_tests", document, EDGES.replace("`word.put`", "`word.gone`"), "no test, scenario or mutant word.gone")
        self.plant("edge_tests", document, EDGES.replace("the scenario `word.put`, `Words.ArePut`", "none"), "names no test")
        self.plant("edge_tests", document, EDGES.replace("E1_getter", "E1_putter"), "argues for E1_putter, which a test finds")
        self.plant("edge_tests", document, EDGES.replace("E1_getter", "E1_gone"), "argues for E1_gone, which does not exist")
        self.plant("edge_tests", document, EDGES.replace("- Argued: `E1_getter`.\n", ""), "no test finds E1_getter")
        more = MUTANTS.replace('"E1", "putter"', '"E2", "putter"')
        self.plant("edge_tests", "tests/mutation/edges.py", more, "E2 is no section")
        for known in ("the scenarios `word`", "the mutant `put_twice`", "none; argued in words"):
            with self.subTest(known):
                self.write(document, EDGES.replace("the scenario `word.put`, `Words.ArePut`", known))
                self.assertEqual(self.faults("edge_tests"), [])

    def test_accesses(self):
        far = "\n".join(f"    int x{i} = {i};" for i in range(8))
        bare = f"void f() {{\n    // a comment far above\n{far}\n    word.store(1, rel);\n}}\n"
        self.plant("accesses", "src/malloc/cache/f.cpp", bare, "no edge, and no [none: why]: word.store(1, rel);")
        self.plant("accesses", "src/malloc/cache/f.cpp", "int f() {\n    return word.load(base::rlx);\n}\n", "no reason given")
        bad = "int f() {\n    return word.load(acq);  // relaxed is not enough\n}\n"
        self.plant("accesses", "src/malloc/cache/f.cpp", bad, "no edge")
        self.plant("accesses", "src/malloc/cache/f.cpp", "int f() {\n    return spans.state(unit, acq);\n}\n", "no edge")
        split = "bool f() {\n    return word.cas(expected, next(expected),\n                    acq_rel, acq);\n}\n"
        self.plant("accesses", "src/malloc/cache/f.cpp", split, "no edge")
        self.plant("accesses", "src/malloc/cache/f.cpp", bare.replace("a comment", "[E1] a comment"), "no edge")
        # For relaxed ones once in the function is enough, if it speaks of orders; and what is no atomic is left alone.
        self.write("src/malloc/cache/f.cpp",
                   bare.replace("a comment far above", "relaxed, all below").replace("rel);", "rlx);"))
        self.write("src/malloc/cache/g.cpp", "void g() {\n    load(file);\n    depot.store(block, 7);\n"
                                      "    word.store(1, rel);  // [none: alone]\n}\n")
        self.assertEqual(self.faults("accesses"), [])
        for name in ("src/base/word.cpp", "src/malloc/cache/f.cpp", "src/malloc/cache/g.cpp"):
            self.write(name, "int x;\n")
        self.expect("accesses", "no atomic access was found")

    def test_forbidden(self):
        for line in ("volatile int flag;", "std::atomic<int> flag;", "std::mutex lock;", "std::lock_guard guard(lock);",
                     "pthread_mutex_t lock;", "int x = __atomic_load_n(&y, 0);", "__sync_synchronize();", "#include <mutex>"):
            self.plant("forbidden", "src/malloc/api/f.cpp", line + "\n", "src/malloc/api/f.cpp:1")
        # Speaking of it is allowed.
        self.write("src/malloc/api/f.cpp", '// unlike std::mutex and volatile\nconst char* text = "volatile";\n')
        self.assertEqual(self.faults("forbidden"), [])

    def test_library_calls(self):
        for line in ("int* f() { return new int(7); }", "void f(int* p) { delete p; }", "void f(int* p) { delete[] p; }",
                     "std::string name;", "std::vector<int> list;", 'void f() { std::printf("x"); }',
                     "void f() { free(block); }",
                     "void* f() { return ::malloc(7); }", "void f() { throw 1; }", "#include <vector>", "#include <cstdio>",
                     'void* f() { return dlsym(nullptr, "malloc"); }'):
            self.plant("library_calls", "src/malloc/cache/f.cpp", line + "\n", "src/malloc/cache/f.cpp:1")
        self.write("src/malloc/cache/f.cpp",
                   "#include <new>\nvoid f() { core.free(block); heap->free(block); spans::free(block); }\n")
        self.assertEqual(self.faults("library_calls"), [])

    def test_races(self):
        self.plant("races", "tests/tsan.supp", "# none\nrace:ashlar::cache\n", "suppresses race:ashlar::cache")
        self.write("docs/f.md", "No code has `no_sanitize`.\n")
        self.plant("races", "scripts/run.sh", "export TSAN_OPTIONS=suppressions=x\n", "hides something")
        self.plant("races", "src/malloc/cache/f.cpp", '[[gnu::no_sanitize("thread")]] void f();\n', "hides something")
        self.plant("races", "src/malloc/cache/f.cpp", "__attribute__((no_sanitize_thread)) void f();\n", "hides something")

    def test_sizes(self):
        self.plant("sizes", "src/malloc/cache/f.cpp", "int x;\n" * 400, "400 lines")
        self.write("docs/long.md", "A line.\n" * 400)
        self.plant("sizes", "src/malloc/cache/thread_cache.hpp", "int x;\n" * 150, "150 lines on the fast path")
        body = "    x();\n" * 48
        for head in ("void f() {", "int Cache::f(int a) const noexcept {", "[[gnu::cold]] static void f(void (*g)(int)) {",
                     "template <class T>\nvoid f(T t) {", "Cache::Cache(int a) noexcept : a_(a), b_{a} {", "auto f() -> int {"):
            inside = "namespace n {\nnamespace {\nstruct S {};\n" + head + "\n" + body + "}\n}\n}\n"
            with self.subTest(head):
                self.plant("sizes", "src/malloc/cache/f.cpp", inside, "lines")
        self.write("src/malloc/cache/f.cpp", "void f() {\n" + body[9:] + "}\n")
        self.assertEqual(self.faults("sizes"), [])
        (self.root / "src/malloc/cache/thread_cache.hpp").unlink()
        self.expect("sizes", "not there")

    def test_marks(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"):
            self.plant("marks", "scripts/run.sh", f"# {word}: later\n", f"# {word}")
        self.write("scripts/run.sh", 'mktemp -d "${TMPDIR:-/tmp}/ashlar.XXXXXX"\n')
        self.assertEqual(self.faults("marks"), [])

    def test_words(self):
        for text in ("It was taken of late.", "It is so all the same.", "No block is to be had.", "The hole is one no more.",
                     "It looks ever more seldom.", "It returns what it did not keep.", "A block of nobody's.",
                     "Who waits, spins.",
                     "It ends. Who waits, spins.", "The bytes of who frees it.", "What is free is found."):
            self.plant("words", "src/malloc/cache/f.cpp", f"int x;  // {text}\n", "src/malloc/cache/f.cpp:1")
            self.plant("words", "docs/f.md", f"# F\n\n{text}\n", "docs/f.md:3")
            self.plant("words", "scripts/run.sh", f"# {text}\n", "scripts/run.sh:1")
        self.write("docs/style.md", "Not of late.\n")
        self.write("docs/f.md", "# What is free\n\nThey are all the same size.\nWhat is free?\n```\nWho knows.\n```\n")
        self.write("src/malloc/cache/f.cpp", 'const char* text = "of late";  // The thread that waits, who else, spins.\n')
        self.assertEqual(self.faults("words"), [])

    def test_figures(self):
        for text in ("takes 23 ns", "is 1.3 times slower", "saves 40 % of it", "backs off up to 23 µs", "twice as fast"):
            self.plant("figures", "include/ashlar/heap.hpp", f"// It {text}.\n", "belongs in docs/benchmarks.md")
        self.write("src/malloc/cache/f.cpp", "int x = 5;  // A tick is 1000 ms, of 64 MiB, four times.\n")
        self.assertEqual(self.faults("figures"), [])

    def test_sentences(self):
        for text in ("One. Two.", "One.  `Two` is code.", "- One (two). Three.", "1. One! **Two.**"):
            self.plant("sentences", "docs/f.md", f"{text}\n", "docs/f.md:1: two sentences")
        for text in ("One that\ngoes on.", "- One that\n  goes on.", "One, and\n`two`.", "10. One that\n    goes on."):
            self.plant("sentences", "docs/f.md", f"{text}\n", "docs/f.md:1: a sentence that goes on")
        self.write("docs/g.md", f"One [link]({'x' * 100}) and\n[another]({'y' * 50}).\n`{'x' * 100}`,\n`{'y' * 60}`.\n")
        self.write("docs/f.md", "# One. Two\n\nThis, i.e. that, is `a. B`:\n- **One.** Two\n- three, e.g. four,\n- five\n\n"
                                "| One. Two |\n|---|\n\n```\nOne. Two\nthree\n```\n\n    one. Two\n    three\n")
        self.assertEqual(self.faults("sentences"), [])

    def test_widths(self):
        self.plant("widths", "src/malloc/cache/f.cpp", "int x;  // " + "x" * 120 + "\n", "131 columns, of at most 100")
        self.plant("widths", "scripts/run.sh", "#" * 129 + "\n", "129 columns, of at most 128")
        self.plant("widths", "docs/f.md", "x" * 161 + "\n", "161 columns, of at most 160")
        self.plant("widths", ".clang-format", "ColumnLimit: 128\n", "ColumnLimit is 128")
        self.write("docs/f.md", "µ" * 160 + "\n")
        self.assertEqual(self.faults("widths"), [])

    def test_comment_widths(self):
        for wide in ("    // " + "x" * 74, "/// " + "x" * 77, "/* " + "x" * 75 + " */"):
            self.plant("comment_widths", "src/malloc/cache/f.cpp", wide + "\n",
                       "src/malloc/cache/f.cpp:1: a comment of 81 columns, of at most 80")
        self.write("src/malloc/cache/f.cpp", "int a_long_line_of_code = 1;  // " + "x" * 74 + "\n//   | " + "x" * 90 + " |\n")
        self.assertEqual(self.faults("comment_widths"), [])

    def test_identifiers(self):
        for name in ("nothing_such", "Word::nothing_such", "word.nothing_such", "nothing_such()"):
            self.plant("identifiers", "docs/f.md", f"A `{name}`.\n", "there is no nothing_such")
            self.plant("identifiers", "src/malloc/cache/f.cpp", f"int x;  // a `{name}`\n", "there is no nothing_such")
        self.plant("identifiers", "docs/f.md", "A `Region::take`.\n", "no source has these names together")
        self.plant("identifiers", "docs/f.md", "In `src/base/gone.cpp`.\n", "there is no such file")
        self.plant("identifiers", "src/malloc/cache/f.cpp", "int x;  // pairs with gone()\n",
                   "gone(): there is no such function")
        self.write("src/malloc/cache/f.cpp", "int x;  // as put() does with `Word`, `some_test` and `take(n)`\n")
        self.write("docs/g.md", "**unit**: a `Word`.\n*Elsewhere:* `gone`.\nIn `src/NAME.hpp`.\n")
        self.write("docs/f.md", "The `word.cpp` of `src/base/`, `ash_` and `a + b`, but not\n```\n`gone`\n```\n")
        self.assertEqual(self.faults("identifiers"), [])

    def test_references(self):
        self.plant("references", "docs/f.md", "See [it](gone.md).\n", "gone.md: leads nowhere")
        self.plant("references", "docs/f.md", "See [it](words.md#gone).\n", "words.md#gone: there is no such heading")
        self.plant("references", "docs/f.md", "# F\n\nSee [it](#g).\n", "#g: there is no such heading")
        self.write("docs/f.md", "See [it](https://example.org/gone#x) and [this](../src/base/word.cpp).\n"
                                "```\n[it](gone)\n```\n")
        self.assertEqual(self.faults("references"), [])

    def test_excuses(self):
        excused = "tests/coverage/excused.md"
        self.plant("excuses", excused, "## src/base/word.cpp\n\nWhy.\n\n    put(gone);\n", "has no line put(gone);")
        self.plant("excuses", excused, "## src/base/gone.cpp\n\nWhy.\n\n    put(gone);\n", "src/base/gone.cpp has no line")
        self.write(excused, "# Why\n\n## src/base/word.cpp\n\nWhy.\n\n    word.value.store(1, rel);\n")
        self.assertEqual(self.faults("excuses"), [])

    def test_homes(self):
        self.plant("homes", "src/malloc/cache/inspect.cpp", "int x;\n", "belongs to no header or class")
        self.plant("homes", "src/malloc/cache/cachecheck.cpp", "int x;\n", "belongs to no header or class")
        self.plant("homes", "src/malloc/cache/dlopen.cpp",
                   "int use() { return dlopen(); }\n// ASHLAR_DLOPENS <dlopen.h>\n", "belongs to no header or class")
        self.plant("homes", "src/malloc/cache/malloc_static.cpp", "int x;\n", "belongs to no header or class")
        for name, text in (("malloc", "#include <malloc.h>\n"), ("malloc_static", "int x;\n"), ("new", "#include <new>\n"),
                           ("dlsym", "void* dlsym(const char* name) {\n"),
                           ("setrlimit", "int ours(int) asm(\"setrlimit\");\n"),
                           ("fail_nth", "// ASHLAR_FAIL_NTH makes some fail.\nint x;\n")):
            self.write(f"src/malloc/cache/{name}.cpp", text)
        for name in ("main.cpp", "thread_cache_check.cpp", "cache_check.cpp"):
            self.write(f"src/malloc/cache/{name}", "int x;\n")
        self.assertEqual(self.faults("homes"), [])


class Ctest(unittest.TestCase):
    def test_each_rule_is_run(self):
        text = (pathlib.Path(__file__).parent / "CMakeLists.txt").read_text(encoding="utf-8")
        listed = text.split("foreach(rule ")[1].split(")")[0].split()
        self.assertEqual(sorted(listed), sorted(audit.RULES))


if __name__ == "__main__":
    unittest.main()
