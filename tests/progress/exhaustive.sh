#!/bin/sh
# Freezes a thread after every instruction of every operation of the allocator, then ends one after each, and prints a table for either.
# Takes an hour or so; on a virtual machine, where each step is dear, several.
# usage: tests/progress/exhaustive.sh [STEPS-OPTION…]      e.g. --operation trim; --preload LIB for another allocator (no ends then)
# A release build in build/release is used, or made.
set -eu
cd "$(dirname "$0")/../.."

build=build/release
if [ ! -x $build/tests/progress/steps ]; then
    scripts/install.sh g++ cmake ninja-build python3 libgtest-dev libbenchmark-dev libboost-dev libcli11-dev nlohmann-json3-dev
    cmake --preset release >/dev/null
    cmake --build $build --target ashlar steps freeze_worker
fi

own=yes
for word in "$@"; do if [ "$word" = --preload ]; then own=; fi; done
if [ -z "$own" ]; then exec $build/tests/progress/steps "$@"; fi

status=0
echo "Frozen after each instruction:"
$build/tests/progress/steps --preload $build/src/libashlar.so "$@" || status=1
echo
echo "Ended after each instruction; what that loses, in units of 64 KiB: in all, by one end, and the most that one may lose:"
$build/tests/progress/steps --preload $build/src/libashlar.so --end "$@" || status=1
exit $status
