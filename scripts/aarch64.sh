#!/bin/bash
# Builds for aarch64 with Debian's cross compiler and runs the core's unit tests and every stress scenario under qemu-user, then a
# program over the drop-in; and all of it once more as on kernels with pages of 16 and 64 KiB. Installs what is missing.
# usage: scripts/aarch64.sh [--full] [seconds per stress scenario]     --full: the tests of all faces and of misuse too; half an hour
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
        sed -n 's/^# usage/usage/p' "$0" >&2
        exit 2
        ;;
esac
build=build/aarch64
emulator="qemu-aarch64 -L /usr/aarch64-linux-gnu"
units="unit_base unit_region unit_spans unit_arena unit_depot unit_cache"
faces="faces_prefixed faces_plain faces_libc faces_adapters faces_heap faces_plain_heap"

stage() { printf '\n== %s: %s\n' "$(date +%H:%M:%S)" "$*"; }

launcher=
if command -v ccache >/dev/null; then launcher="-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi

# run_tests PROGRAM…: whole programs, since each start of the emulator takes longer than most tests.
run_tests() {
    for program in "$@"; do
        echo "$program"
        # shellcheck disable=SC2086 # words
        timeout 600 $emulator "$(find $build/tests -type f -name "$program")" --gtest_brief=1
    done
}

scripts/install.sh g++ g++-aarch64-linux-gnu qemu-user cmake ninja-build pkg-config python3 libgtest-dev googletest libboost-dev

stage "build"
targets="$units ashlar ashlar_stress situation_exercise"
if [ -n "$full" ]; then targets="$targets $faces misuse"; fi
# shellcheck disable=SC2086
cmake --preset aarch64 $launcher >/dev/null
# shellcheck disable=SC2086
cmake --build "$build" -j 2 --target $targets

# The emulator has a table with an entry for each page of a mapping: for the TiB that the library reserves where it may, 13 GB and most
# of a minute, and the same again in each child of a fork. Under a limit the library reserves less, as it does anywhere.
ulimit -v 40000000

stage "unit tests"
# shellcheck disable=SC2086
run_tests $units
for pages in 16384 65536; do
    stage "unit tests, pages of $pages bytes"
    export QEMU_PAGESIZE=$pages
    run_tests unit_region unit_spans unit_arena
done
unset QEMU_PAGESIZE

for pages in 4096 65536; do
    export QEMU_PAGESIZE=$pages
    stage "stress, pages of $pages bytes"
    # shellcheck disable=SC2086
    timeout 600 $emulator $build/stress/ashlar_stress --seconds "$seconds" --threads 4
    stage "the drop-in, pages of $pages bytes"
    # shellcheck disable=SC2086
    timeout 300 $emulator -E LD_PRELOAD=$build/src/libashlar.so $build/tests/situations/situation_exercise
done
unset QEMU_PAGESIZE
if [ -n "$full" ]; then
    stage "tests of the faces"
    # shellcheck disable=SC2086
    run_tests $faces
    stage "misuse"
    ctest --test-dir $build -j 2 --output-on-failure --no-tests=error -L misuse
fi
