#!/bin/sh
# Builds the core with g++'s counters, runs the unit tests, and prints what lines and branches of each file of src/ and include/ they
# reach, and what is reached by none and has no word in tests/coverage/excused.md. Fails below the bar in tests/coverage/report.py; with
# --strict at anything without a word, too. Not counted: branches that only an exception takes, those that gcovr knows cannot be taken, the
# ashlar command, and what only the drop-in has (malloc.cpp, new.cpp, fail_nth.cpp and their kin). Counts of threads are atomic; processes that end by
# abort() or _exit() write theirs too (tests/endings). Installs what is missing.
# usage: scripts/coverage.sh [--strict]
set -eu
cd "$(dirname "$0")/.."
if [ $# -gt 1 ] || [ "${1---strict}" != --strict ]; then
    sed -n 's/^# usage/usage/p' "$0" >&2
    exit 2
fi

build=build/coverage
programs="unit_base unit_region unit_spans unit_arena unit_depot unit_cache faces_prefixed faces_heap faces_adapters faults"

launcher=
if command -v ccache >/dev/null; then launcher="-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi

scripts/install.sh g++ gcovr cmake ninja-build pkg-config python3 libgtest-dev libboost-dev
# shellcheck disable=SC2086 # words
cmake --preset coverage $launcher >/dev/null
# shellcheck disable=SC2086
cmake --build "$build" -j 2 --target $programs
find "$build" -name '*.gcda' -delete
for program in $programs; do
    echo "$program"
    "$(find "$build/tests" -type f -name "$program")" --gtest_brief=1 >"$build/$program.log" 2>&1 || {
        tail -n 40 "$build/$program.log" >&2
        exit 1
    }
done
gcovr -j 2 --root . --object-directory "$build" --filter 'src/(?!command/)' --filter 'include/' --exclude-throw-branches \
    --exclude-unreachable-branches --json "$build/coverage.json" "$build" 2>"$build/gcovr.log" || {
    cat "$build/gcovr.log" >&2
    exit 1
}
python3 -B tests/coverage/report.py . "$build/coverage.json" tests/coverage/excused.md "$@"
