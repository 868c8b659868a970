#!/bin/sh
# Builds everything with g++'s counters, runs the tests, and prints what lines and branches of each file of src/ and include/ they
# reach, and what is reached by none and has no word in tests/coverage/excused*.md: then, and below the bar in tests/coverage/report.py,
# it fails; with --table it only prints. Counted: the unit tests, the faces', the faults, the MemoryManager's, the corpora of the
# fuzzers, explored schedules, the drop-in. Not counted: branches that only an exception takes, those that gcovr knows cannot be taken,
# and the ashlar command. Counts of threads are atomic; processes that end by abort() or _exit() write theirs too (tests/endings).
# Installs what is missing. A quarter of an hour on two cores.
# usage: scripts/coverage.sh [--table]
set -eu
cd "$(dirname "$0")/.."
if [ $# -gt 1 ] || [ "${1---table}" != --table ]; then
    sed -n 's/^# usage/usage/p' "$0" >&2
    exit 2
fi

build=build/coverage
units="unit_base unit_region unit_spans unit_arena unit_depot unit_cache first_use faces_prefixed faces_heap faces_adapters faults
    unit_ranges unit_small unit_small_threads manager_blocks manager_collector manager_resource manager_moves manager_model
    manager_threads"
others="ashlar fuzz_replay fuzz_manager_replay manager_dump interleave faces_plain faces_libc faces_out_of_memory
    faces_plain_out_of_memory situation_exercise situation_linked situation_fail_nth"

launcher=
if command -v ccache >/dev/null; then launcher="-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi

# run NAME COMMAND…: quiet unless it fails.
run() {
    echo "$1"
    log=$build/$1.log
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        exit 1
    }
}

scripts/install.sh g++ gcovr cmake ninja-build pkg-config python3 libgtest-dev libboost-dev
# shellcheck disable=SC2086 # words
cmake --preset coverage $launcher >/dev/null
# shellcheck disable=SC2086
cmake --build "$build" -j 2 --target $units $others
find "$build" -name '*.gcda' -delete
for unit in $units; do run "$unit" "$(find "$build/tests" -type f -name "$unit")" --gtest_brief=1; done
for program in faces_plain faces_libc; do
    run "$program" "$build/tests/faces/$program" --gtest_brief=1 --gtest_filter='-*Misuse*'
done
run fuzz "$build/tests/fuzz/fuzz_replay" tests/fuzz/corpus --random 30 1
run fuzz_manager "$build/tests/fuzz/fuzz_manager_replay" tests/fuzz/manager/corpus --random 30 1
run manager_dump python3 -B tests/manager/dump_test.py --program "$build/tests/manager/manager_dump" --schema docs/manager.schema.json
run interleave "$build/tests/interleave/interleave" --most 300 --random 100
# What needs a process for each test, by ctest.
run by_ctest ctest --test-dir "$build" -j 2 --output-on-failure --no-tests=error \
    -R '^faces_(plain_)?out_of_memory\.OutOfMemory(New)?\.(EveryEntryPoint|ABatch|Throws|AHandler)|^situations\.stats_line$'
# The drop-in's own doors. The counters allocate as well, so that another allocation fails than was meant: what the programs say of it is
# for the tests of a build without counters.
for wish in 0 5 3+ 2+3 9999999+ 9999999+3 9999999@1K 9999999@1M 9999999@1G 1@2M 2@4K 3@1G x 5x 5+x 5+0 5+/ 5+99999999999999999999 5@ 5@1T +5 \
    99999999999999999999 5@18014398509481984K ''; do
    env LD_PRELOAD="$PWD/$build/src/libashlar.so" ASHLAR_FAIL_NTH="$wish" "$build/tests/situations/situation_fail_nth" 0 \
        >"$build/drop_in.log" 2>&1 || true
done
# Without optimization dlopen is no jump, so that situations.deepbind can't pass.
LD_PRELOAD="$PWD/$build/src/libashlar.so" python3 -B -c 'import ctypes; ctypes.CDLL("libm.so.6")'
gcovr -j 2 --root . --object-directory "$build" --filter 'src/(?!command/)' --filter 'include/ashlar/' --exclude-throw-branches \
    --exclude-unreachable-branches --json "$build/coverage.json" "$build" 2>"$build/gcovr.log" || {
    cat "$build/gcovr.log" >&2
    exit 1
}
python3 -B tests/coverage/report.py "$@" . "$build/coverage.json" tests/coverage/excused.md tests/coverage/excused_manager.md
