#!/bin/sh
# Fuzzes with clang's libFuzzer or with AFL++. New inputs are kept in
# build/fuzz/, those that fail in build/fuzz/failed. To replay one:
#   build/release/tests/fuzz/fuzz_replay FILE, or fuzz_manager_replay, or
#   fuzz_shared_replay
# minimise makes the corpus again, from itself and build/fuzz/.
# usage: tests/fuzz/run.sh [libfuzzer|afl|minimise] [seconds] [malloc|manager|shared]
set -eu
kind=${1:-libfuzzer} seconds=${2:-60}
cd "$(dirname "$0")/../.."
case ${3:-malloc} in
    malloc) target=fuzz_target corpus=tests/fuzz/corpus kept=build/fuzz ;;
    manager) target=fuzz_manager_target corpus=tests/fuzz/manager/corpus kept=build/fuzz/manager ;;
    shared) target=fuzz_shared_target corpus=tests/fuzz/shared/corpus kept=build/fuzz/shared ;;
    *) sed -n 's/^# usage/usage/p' "$0" >&2 && exit 2 ;;
esac
found=$kept/$kind

# build DIRECTORY COMPILER C-COMPILER
build() {
    cmake --preset release -B "$1" -DCMAKE_C_COMPILER="$3" -DCMAKE_CXX_COMPILER="$2" \
        -DASHLAR_BENCH=OFF -DASHLAR_COMMAND=OFF >/dev/null
    cmake --build "$1" -j 2 --target "$target"
}

mkdir -p "$found" build/fuzz/failed
case $kind in
    libfuzzer)
        scripts/install.sh clang libclang-rt-dev g++ cmake ninja-build libgtest-dev libboost-dev
        build build/fuzz/clang clang++ clang
        exec build/fuzz/clang/tests/fuzz/$target -max_total_time="$seconds" -max_len=2000 -timeout=60 -verbosity=0 \
            -print_final_stats=1 -artifact_prefix=build/fuzz/failed/ "$found" "$corpus"
        ;;
    afl)
        scripts/install.sh afl++ g++ cmake ninja-build libgtest-dev libboost-dev
        build build/fuzz/afl-build afl-clang-fast++ afl-clang-fast
        export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1
        afl-fuzz -V "$seconds" -i "$corpus" -o "$found" -G 2000 -t 20000 -- build/fuzz/afl-build/tests/fuzz/$target
        sed -n '/execs_done\|execs_per_sec\|corpus_found\|saved_crashes\|saved_hangs/p' "$found/default/fuzzer_stats"
        cp "$found"/default/crashes/id* build/fuzz/failed/ 2>/dev/null || exit 0
        exit 1
        ;;
    minimise)
        build build/fuzz/clang clang++ clang
        mkdir -p "$corpus" "$kept/libfuzzer" "$kept/afl/default/queue" "$found/all"
        find "$corpus" "$kept/libfuzzer" "$kept/afl/default/queue" -maxdepth 1 -type f -exec cp -t "$found/all" {} +
        rm -rf "$found/new" && mkdir "$found/new"
        build/fuzz/clang/tests/fuzz/$target -max_len=2000 -use_counters=0 -set_cover_merge=1 "$found/new" "$found/all"
        rm -r "$corpus" && mv "$found/new" "$corpus"
        ;;
    *) sed -n 's/^# usage/usage/p' "$0" >&2 && exit 2 ;;
esac
