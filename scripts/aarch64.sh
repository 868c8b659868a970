#!/bin/bash
# Builds for aarch64 with Debian's cross compiler and tests under qemu-user:
# - the core's unit tests, some of them also with pages of 16 and 64 KiB;
# - every stress scenario and a program over the drop-in, with pages of 4 and
#   64 KiB.
# Installs missing packages.
# usage: scripts/aarch64.sh [--full] [SECONDS per stress scenario]
#   --full   also tests every interface and misuse (half an hour)
set -eu
cd "$(dirname "$0")/.."

full=
if [ "${1-}" = --full ]; then
    full=yes
    shift
fi
seconds=${1:-0.3}
case $seconds in
    *[!0-9.]*)
        sed -n '/^# usage/,/^[^#]/s/^# //p' "$0" >&2
        exit 2
        ;;
esac
build=build/aarch64
emulator="qemu-aarch64 -L /usr/aarch64-linux-gnu"
units="unit_base unit_region unit_spans unit_arena unit_depot unit_cache unit_guards unit_reports"
api="api_prefixed api_plain api_libc api_adapters api_heap api_plain_heap"

stage() { printf '\n== %s: %s\n' "$(date +%H:%M:%S)" "$*"; }

launcher=
if command -v ccache >/dev/null; then launcher="-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi

# run_tests PROGRAM…: runs whole test programs, not single tests. Each start
# of the emulator takes longer than most tests.
run_tests() {
    for program in "$@"; do
        echo "$program"
        # shellcheck disable=SC2086 # words
        timeout 600 $emulator "$(find $build/tests -type f -name "$program")" --gtest_brief=1
    done
}

scripts/install.sh g++ g++-aarch64-linux-gnu qemu-user cmake ninja-build pkg-config python3 libgtest-dev googletest libboost-dev

stage "build"
targets="$units unit_checks ashlar ashlar_stress situation_exercise signal_actions signal_storm"
if [ -n "$full" ]; then targets="$targets $api misuse"; fi
# shellcheck disable=SC2086
cmake --preset aarch64 $launcher >/dev/null
# shellcheck disable=SC2086
cmake --build "$build" -j 2 --target $targets

# Some of its tests need more address space than the limit below allows.
stage "levels of checks"
(ulimit -v 100000000 && run_tests unit_checks)

# The emulator keeps a table entry for each page of a mapping. The library
# reserves a TiB if it may; the table for that takes gigabytes and most of a
# minute, also in each child of a fork. Under this limit it reserves less.
ulimit -v 40000000

stage "unit tests"
# shellcheck disable=SC2086
run_tests $units
for pages in 16384 65536; do
    stage "unit tests, $pages-byte pages"
    export QEMU_PAGESIZE=$pages
    run_tests unit_region unit_spans unit_arena unit_guards
done
unset QEMU_PAGESIZE

stage "signal handlers"
ctest --test-dir $build --output-on-failure --no-tests=error -R '^signals\.(actions|actions_unwrapped|storm)$'

for pages in 4096 65536; do
    export QEMU_PAGESIZE=$pages
    stage "stress, $pages-byte pages"
    # shellcheck disable=SC2086
    timeout 600 $emulator $build/stress/ashlar_stress --seconds "$seconds" --threads 4
    stage "drop-in, $pages-byte pages"
    # shellcheck disable=SC2086
    timeout 300 $emulator -E LD_PRELOAD=$build/src/libashlar.so $build/tests/situations/situation_exercise
done
unset QEMU_PAGESIZE
if [ -n "$full" ]; then
    stage "interface tests"
    # shellcheck disable=SC2086
    run_tests $api
    stage "misuse"
    ctest --test-dir $build -j 2 --output-on-failure --no-tests=error -L misuse
fi
