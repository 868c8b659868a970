#!/usr/bin/env python3
"""Runs clang-tidy over src/, several sources of a directory at a time.

Most of clang-tidy's time is that of the standard library's headers, which it then reads once for all of them.
Sources that do not compile together, because two have a local name alike, are checked in smaller groups.
usage: scripts/lint.py BUILD [PREFIX]     BUILD: a build by clang; PREFIX: sources below it only, such as src/core
"""
import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOGETHER = 12
OURS = r"(src|include)/.*\.(cpp|hpp|h)$"


def flags_of(entry):
    """The flags of a compilation, from behind the compiler on, without names of files."""
    words = shlex.split(entry["command"])
    compiler = next(i for i, word in enumerate(words) if pathlib.Path(word).name.startswith("clang"))
    output = words.index("-o")
    return tuple(words[compiler + 1:output])


def groups(build, prefix):
    """Pairs of flags and sources. A source of several targets is checked as the first one compiles it."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        flags.setdefault(pathlib.Path(entry["file"]), entry)
    by_flags = {}
    for source in sorted((ROOT / "src").rglob("*.cpp")):
        if source not in flags:
            sys.exit(f"lint.py: {source} is not in {build}")
        if str(source.relative_to(ROOT)).startswith(prefix):
            by_flags.setdefault((flags_of(flags[source]), source.parent), []).append(source)
    for (flag, _), sources in by_flags.items():
        for first in range(0, len(sources), TOGETHER):
            yield flag, sources[first:first + TOGETHER]


def text_of(sources):
    return "".join(f'#include "{source}"  // NOLINT: a source\n' for source in sources)


def that_fit(flags, sources):
    """The sources in lists that compile, by halves. One source that does not is left to clang-tidy."""
    compile_it = ["clang++", *flags, "-fsyntax-only", "-x", "c++", "-"]
    if len(sources) == 1 or subprocess.run(compile_it, input=text_of(sources), text=True, capture_output=True,
                                           check=False).returncode == 0:
        return [sources]
    half = len(sources) // 2
    return that_fit(flags, sources[:half]) + that_fit(flags, sources[half:])


def check(work, number, flags, sources):
    """What clang-tidy says, if it finds something."""
    said = ""
    for part, fit in enumerate(that_fit(flags, sources)):
        together = work / f"{number}_{part}.cpp"
        together.write_text(text_of(fit))
        command = ["clang-tidy", "--quiet", f"--header-filter={OURS}", f"--config-file={ROOT / '.clang-tidy'}"]
        done = subprocess.run([*command, together, "--", *flags], capture_output=True, text=True, check=False)
        said += done.stdout + done.stderr if done.returncode else ""
    return said


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    work = build / "lint"
    work.mkdir(exist_ok=True)
    todo = list(groups(build, sys.argv[2] if len(sys.argv) > 2 else ""))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        said = [text for text in pool.map(lambda job: check(work, job[0], *job[1]), enumerate(todo)) if text]
    print("".join(said), end="")
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    main()
