"""Rules about forbidden words and calls."""
import re

BELOW_API = {"base", "core/region", "core/spans", "core/arena", "malloc/depot", "malloc/cache", "malloc/heap",
             "malloc/settings", "malloc/process", "manager/ranges"}
LAYERS = BELOW_API | {"malloc/api", "manager/base", "manager/slabs", "manager/collector", "manager/moves", "manager/engine",
                      "manager/report", "manager/state", "manager/api"}
ATOMICS = {"src/base/atomic.hpp", "src/base/barrier.hpp"}
FACTORY = "src/manager/ranges/make_policy.cpp"  # where a user asks for a policy of his own
HOOKS = "tests/model/hooks.cpp"  # in the place of the sanitizer, over all accesses: it hides none

# In the layers, outside base/atomic.hpp. `asm volatile` orders nothing for other threads, and is not what is meant.
FORBIDDEN = {
    r"(?<!asm )\bvolatile\b": "volatile",
    r"\bstd::(?:atomic|mutex|shared_mutex|recursive_mutex|lock_guard|unique_lock|scoped_lock|condition_variable|call_once)\w*":
        "a lock or an atomic of the standard library",
    r"\bpthread_(?:mutex|rwlock|spin|cond|barrier|once)_?\w*": "a lock of POSIX",
    r"\bsem_(?:init|wait|post)\b": "a semaphore",
    r"\b__(?:atomic|sync)_\w+": "an atomic builtin",
    r"#\s*include\s*<(?:atomic|mutex|shared_mutex|condition_variable|thread|semaphore|pthread_np\.h)>": "a header of locks",
}

# Below the entry points: functions that may call malloc, from which the call came.
CALLS_MALLOC = {
    r"\bnew\b(?!\s*\()": "operator new",
    r"(?<!operator )\bdelete\b(?!\s*[;,)]|\s*$)": "operator delete",  # not `= delete;`
    r"\bstd::(?:string|vector|map|unordered_\w+|set|list|deque|function|any|shared_ptr|unique_ptr|make_\w+|\w*stream|to_string"
    r"|thread|format)\b":
        "the standard library's heap users",
    r"\b(?:std::)?(?:v?[sfd]?n?printf|puts|fputs|fwrite|fopen|setlocale|qsort|strdup|getline)\s*\(":
        "a libc function that may allocate",
    r"(?<![\w.>:])(?:std::|::)?(?:malloc|calloc|realloc|free|posix_memalign|aligned_alloc)\s*\(": "libc's heap",
    r"\b(?:dlopen|dlsym|dlerror|strerror|backtrace)\s*\(": "a libc function that may allocate",
    r"\bthrow\b": "an exception",
    r"#\s*include\s*<(?:string|vector|map|unordered_map|set|list|deque|functional|memory|iostream|sstream|ostream"
    r"|cstdio|stdio\.h|memory_resource|thread|format|dlfcn\.h)>": "a header of things that allocate",
}


def _look(file, patterns):
    for number, line in enumerate(file.code_lines, 1):
        directive = line.lstrip().startswith("#")
        for pattern, what in patterns.items():
            if directive == pattern.startswith("#") and re.search(pattern, line):
                yield f"{file.name}:{number}: {what}: {file.lines[number - 1].strip()}"


def forbidden(project):
    """No volatile, no locks and no atomics but base::Atomic."""
    for file in project.layer_files(LAYERS):
        if file.name not in ATOMICS:
            yield from _look(file, FORBIDDEN)


def library_calls(project):
    """No code below the entry points calls a function that may call malloc."""
    for file in project.layer_files(BELOW_API):
        if file.name != FACTORY:
            yield from _look(file, CALLS_MALLOC)


def races(project):
    """ThreadSanitizer checks all code: no suppressions, no exemptions."""
    for file in project.files:
        if file.name.startswith("tests/audit/") or file.name == HOOKS or file.path.suffix == ".md":
            continue
        if re.search(r"supp(ression)?s?\b", file.path.name.lower()):
            for number, line in enumerate(file.lines, 1):
                if line.strip() and not line.lstrip().startswith("#"):
                    yield f"{file.name}:{number}: suppresses {line.strip()}"
        for number, line in enumerate(file.lines, 1):
            if re.search(r"TSAN_OPTIONS.*suppressions\s*=|__tsan_default_suppressions|no_sanitize|__tsan_\w+|AnnotateIgnore"
                         r"|fsanitize-(?:ignorelist|blacklist)", line):
                yield f"{file.name}:{number}: hides something from the sanitizer"


def marks(project):
    """No source has a mark for later work, which belongs into an issue."""
    words = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"))
    # Not where the letters are a template such as mktemp's.
    pattern = re.compile(rf"(?<![A-Za-z0-9]){'(?:' + words + ')'}(?![A-Za-z0-9])")
    for file in project.files:
        for number, line in enumerate(file.lines, 1):
            if pattern.search(line):
                yield f"{file.name}:{number}: {line.strip()}"
