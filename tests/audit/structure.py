"""Rules about includes, and about the sizes of files and functions."""
import re

# What each layer may include: itself, base, and the layers below (docs/architecture.md). The depot lies
# beside the arena, on the region. A heap composes all of them, and the process has heaps. The interfaces
# see nothing below a cache. Users of the MemoryManager write policies, so the ranges see public headers. The
# readers of inspect see no other layer: they must do for other processes.
_CORE = {"core/region", "core/spans", "core/arena"}
_BYTES = {"core/region", "base", "public"}
_ROOMS = {"manager/base", "manager/ranges", "manager/slabs", "manager/collector", "manager/moves"}
_SHARED = {"shared/api", "shared/recovery", "shared/names", "shared/blocks", "shared/segment"}
ALLOWED = {
           "base": {"base"},
    "core/region": {"core/region", "base"},
    "core/spans": {"core/spans", "core/region", "base"},
    "core/arena": {"core/arena", "core/spans", "base"},
    "malloc/depot": {"malloc/depot", "core/region", "base"},
    "malloc/cache": {"malloc/cache", "malloc/depot", *_CORE, "base"},
    "malloc/inspect": {"malloc/inspect", "base"},
    "malloc/checks": {"malloc/checks", "malloc/settings", *_CORE, "base"},
    "malloc/heap": {"malloc/heap", "malloc/checks", "malloc/settings", "malloc/inspect", "malloc/cache", "malloc/depot", *_CORE,
                    "base"},
    "malloc/settings": {"malloc/settings", "base"},
    "malloc/process": {"malloc/process", "malloc/checks", "malloc/settings", "malloc/heap", "malloc/inspect", "malloc/cache",
                       *_CORE, "base"},
    "malloc/api": {"malloc/api", "malloc/process", "malloc/inspect", "malloc/settings", "malloc/cache", "base", "public"},
    "manager/base": {"manager/base", *_BYTES},
    "manager/ranges": {"manager/ranges", *_BYTES},
    "manager/slabs": {"manager/slabs", "manager/base", *_BYTES},
    "manager/collector": {"manager/collector", "manager/slabs", "manager/ranges", "manager/base", *_BYTES},
    "manager/moves": {*_ROOMS, *_BYTES},
    "manager/engine": {"manager/engine", *_ROOMS, *_BYTES},
    "manager/report": {"manager/report", "manager/engine", "base", "public"},
    "manager/state": {"manager/state", "manager/engine", "manager/slabs", "manager/base", "base", "public"},
    "manager/api": {"manager/api", "manager/engine", "base", "public"},
    "shared/segment": {"shared/segment", "core/region", "base"},
    "shared/blocks": {"shared/blocks", "shared/segment", "core/spans", "base"},
    "shared/names": {"shared/names", "shared/blocks", "shared/segment", "base", "public"},
    "shared/recovery": {"shared/recovery", "shared/names", "shared/blocks", "shared/segment", "base"},
    "shared/api": {*_SHARED, "core/region", "base", "public"},
    "shared/users": {"shared/users", *_SHARED, "base", "public"},
    "shared/manager": {"shared/manager", *_SHARED, "base", "public"},
    "command": {"command", "malloc/inspect", "malloc/settings", "public"},
}

MOST_LINES = 399
MOST_FUNCTION_LINES = 49
FAST_PATH = "src/malloc/cache/thread_cache.hpp"
MOST_FAST_PATH_LINES = 149


def target_of(project, file, system, name):
    """The project's file that an include names, or None for others'."""
    if name.startswith("ashlar/"):
        return project.find("include/" + name)
    found = None if system else project.find("src/" + name)
    if found is None and not system:
        found = project.find(f"{file.name.rsplit('/', 1)[0]}/{name}")
    return found


def kind_of(name):
    return "public" if name.startswith("include/") else "/".join(name.split("/")[1:-1])


def includes(project):
    """Layers include only downwards; public headers include nothing of src/."""
    for file in project.cpp("src"):
        if file.layer is None:
            yield f"{file.name}: lies in no layer"
            continue
        if file.layer not in ALLOWED:
            yield f"{file.name}: there is no layer {file.layer}"
            continue
        for number, system, name in file.includes:
            target = target_of(project, file, system, name)
            if target is None:
                if not system:
                    yield f"{file.name}:{number}: includes {name}, which is not there"
            elif kind_of(target.name) not in ALLOWED[file.layer]:
                yield f"{file.name}:{number}: {file.layer} includes {name}"
            elif target.name.startswith("src/") and "/" not in name:
                yield f"{file.name}:{number}: includes {name} without its layer"
    for file in project.cpp("include"):
        for number, system, name in file.includes:
            if not system or re.match(r"(base|core|malloc|manager|shared|command|\.\.)/", name):
                yield f"{file.name}:{number}: a public header includes {name}"


def target_name(layer):
    """The target of src/CMakeLists.txt that compiles a layer: one for all folders of the manager but the ranges, and
    one for all of the shared heap."""
    wing = layer.split("/", 1)[0]
    return wing if wing in {"manager", "shared"} and layer != "manager/ranges" else layer.rsplit("/", 1)[-1]


def links(project):
    """src/CMakeLists.txt links each layer to those that it includes, directly or through others."""
    text = re.sub(r"#.*", "", project.find("src/CMakeLists.txt").text)
    below = {}
    for name, arguments in re.findall(r"ashlar_layer\((\w+)\s([^)]*)\)", text):
        words = re.search(r"BELOW\s+((?:[a-z]\w*\s*)+)", arguments)
        below[name] = set(words[1].split()) if words else set()

    def reach(layer):
        found = {layer}
        for other in below.get(layer, ()):
            found |= reach(other)
        return found

    for layer in set(ALLOWED) - {"command"}:
        used = {}
        for file in project.layer_files({layer}):
            for number, system, name in file.includes:
                target = target_of(project, file, system, name)
                if target is not None and target.name.startswith("src/"):
                    used.setdefault(target_name(kind_of(target.name)), f"{file.name}:{number}")
        for other, place in used.items():
            if other not in reach(target_name(layer)):
                yield f"{place}: {layer} includes {other}, but is not linked to it"
        if target_name(layer) not in below:
            yield f"src/CMakeLists.txt: no target for the layer {layer}"


def headers(project):
    """No source includes a source; headers have guards, no cycles, and are more than includes."""
    graph = {}
    for file in project.cpp("src", "include", "examples", "stress", "bench"):
        targets = [target_of(project, file, system, name) for _, system, name in file.includes]
        graph[file.name] = [target.name for target in targets if target is not None]
        for number, _, name in file.includes:
            if re.search(r"\.(c|cc|cpp|cxx)$", name):
                yield f"{file.name}:{number}: includes the source {name}"
        if file.path.suffix in {".hpp", ".h"}:
            code = [line for line in file.code_lines if line.strip() and not line.lstrip().startswith("#")]
            if not code:
                yield f"{file.name}: an umbrella: nothing but includes"
            if file.name.startswith(("src/", "include/")) and not re.search(
                    r"^#ifndef (ASHLAR_\w+_HP*)\n#define \1\n", file.text, re.M):
                yield f"{file.name}: no include guard ASHLAR_…"
    done = set()

    def visit(name, path):
        if name in path:
            yield "a cycle: " + " -> ".join(path[path.index(name):] + [name])
        elif name not in done:
            for target in graph.get(name, ()):
                yield from visit(target, path + [name])
            done.add(name)

    for name in graph:
        yield from visit(name, [])


def conditionals(project):
    """No #if inside a function: compile-time choices are `if constexpr` on base/config.hpp."""
    for file in project.cpp("src", "include"):
        for number, line in enumerate(file.code_lines, 1):
            function = file.function_at(number)
            if re.match(r"\s*#\s*(?:if|elif|else)", line) and function is not None and function.first < number < function.last:
                yield f"{file.name}:{number}: {line.strip()} inside {function.name}"


def sizes(project):
    """Files under 400 lines, but documents; functions under 50, the fast path under 150."""
    for file in project.files:
        length = len(file.text.splitlines())
        if file.name == "LICENSE" or file.name.startswith("docs/") or file.name.endswith(".svg"):  # drawn, not written
            continue
        if length > MOST_LINES:
            yield f"{file.name}: {length} lines"
        if file.name == FAST_PATH and length > MOST_FAST_PATH_LINES:
            yield f"{file.name}: {length} lines on the fast path"
    if project.find(FAST_PATH) is None:
        yield f"{FAST_PATH}: not there"
    for file in project.cpp("src", "include", "examples", "stress", "bench", "tests"):
        for function in file.functions:
            length = function.last - function.first + 1
            if length > MOST_FUNCTION_LINES:
                yield f"{file.name}:{function.first}: {function.name} has {length} lines"
