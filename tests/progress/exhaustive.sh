#!/bin/sh
# Freezes a thread after every instruction of every operation of the allocator,
# then ends one after each, and prints a table of both. Takes about an hour, and
# several in a virtual machine, where each step takes longer. Uses the release
# build in build/release, or makes it.
# usage: tests/progress/exhaustive.sh [STEPS-OPTION…]
#   e.g. --operation trim, or --preload LIB for another allocator (without ends)
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
echo "Ended after each instruction. Units of 64 KiB that this lost: in all, by one end, and the bound of one end:"
$build/tests/progress/steps --preload $build/src/libashlar.so --end "$@" || status=1
exit $status
