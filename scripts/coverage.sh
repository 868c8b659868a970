#!/bin/sh
# Measures the coverage of src/ and include/: builds with g++'s counters, runs
# the tests, and prints lines and branches for each file. Takes a quarter of an
# hour on two cores. Installs missing packages.
#
# Fails on any uncovered line or branch without an entry in
# tests/coverage/excused*.md, on an entry that is not needed, and below the
# thresholds in tests/coverage/report.py.
#
# Counted: the unit tests, the interface tests, the fault tests, the tests of
# the MemoryManager, the fuzzers' corpora, explored schedules, and the drop-in.
# Not counted: branches that only an exception takes, branches that gcovr knows
# to be unreachable, and the ashlar command. Threads count atomically. Processes
# that end by abort() or _exit() write their counts as well (tests/support/endings).
# usage: scripts/coverage.sh [--table]
#   --table   prints the table, and fails only below the thresholds
set -eu
cd "$(dirname "$0")/.."
if [ $# -gt 1 ] || [ "${1---table}" != --table ]; then
    sed -n '/^# usage/,/^[^#]/s/^# //p' "$0" >&2
    exit 2
fi

build=build/coverage
units="unit_base unit_region unit_spans unit_arena unit_depot unit_cache unit_inspect first_use api_prefixed api_heap
    api_adapters api_limits
    faults
    unit_ranges unit_small unit_small_threads manager_blocks manager_collector manager_resource manager_moves manager_model
    manager_fork manager_threads manager_state"
others="ashlar fuzz_replay fuzz_manager_replay manager_dump interleave api_plain api_libc api_out_of_memory
    api_plain_out_of_memory situation_exercise situation_linked situation_fail_nth situation_own_malloc situation_own_limits
    situation_own_new_plain_preloaded situation_own_new_array_preloaded situation_own_new_aligned_preloaded
    situation_own_new_aligned_array_preloaded situation_isolated situation_isolated_library situation_refuse"

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
for program in api_plain api_libc; do
    run "$program" "$build/tests/unit/malloc/api/$program" --gtest_brief=1 --gtest_filter='-*Misuse*'
done
run fuzz "$build/tests/fuzz/fuzz_replay" tests/fuzz/corpus --random 30 1
run fuzz_manager "$build/tests/fuzz/fuzz_manager_replay" tests/fuzz/manager/corpus --random 30 1
run manager_dump python3 -B tests/unit/manager/report/dump_test.py \
    --program "$build/tests/unit/manager/manager_dump" --schema docs/manager/schema.json
run interleave "$build/tests/model/interleave" --most 300 --random 100
# These tests need a process each, so ctest runs them.
memory='^api_(plain_)?out_of_memory\.OutOfMemory(New)?\.(EveryEntryPoint|Batch|Throws|Succeeds)'
situations='^situations\.(stats_line|isolated.*|own_(malloc|limits|new_.*_preloaded))$'
run by_ctest ctest --test-dir "$build" -j 2 --output-on-failure --no-tests=error -R "$memory|$situations"
# Code that only the drop-in has. The counters allocate too, so another
# allocation fails than the value asks for. The programs' results are therefore
# ignored here; builds without counters check them.
for wish in 0 5 3+ 2+3 9999999+ 9999999+3 9999999@1K 9999999@1M 9999999@1G 1@2M 2@4K 3@1G \
    x 5x 5+x 5+0 5+/ 5+99999999999999999999 5@ 5@1T +5 99999999999999999999 5@18014398509481984K ''; do
    env LD_PRELOAD="$PWD/$build/src/libashlar.so" ASHLAR_FAIL_NTH="$wish" \
        "$build/tests/situations/situation_fail_nth" 0 >"$build/drop_in.log" 2>&1 || true
done
# dlopen() in the drop-in. Without optimization it is no tail call, so
# situations.deepbind cannot pass here.
LD_PRELOAD="$PWD/$build/src/libashlar.so" python3 -B -c 'import ctypes; ctypes.CDLL("libm.so.6")'
gcovr -j 2 --root . --object-directory "$build" --filter 'src/(?!command/)' --filter 'include/ashlar/' \
    --exclude-throw-branches --exclude-unreachable-branches --json "$build/coverage.json" "$build" \
    2>"$build/gcovr.log" || {
    cat "$build/gcovr.log" >&2
    exit 1
}
python3 -B tests/coverage/report.py "$@" . "$build/coverage.json" tests/coverage/excused*.md
