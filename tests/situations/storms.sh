#!/bin/sh
# The storms at full length: a program forks 10,000 times while its threads
# allocate, and starts 1,000,000 short-lived threads in bounded memory. Takes
# some minutes. Uses the release build in build/release, or makes it.
# usage: tests/situations/storms.sh [FORKS [THREADS]]
set -eu
cd "$(dirname "$0")/../.."

build=build/release
if [ ! -x $build/tests/situations/situation_fork_storm ]; then
    scripts/install.sh g++ cmake ninja-build python3 libgtest-dev libbenchmark-dev libboost-dev libcli11-dev nlohmann-json3-dev
    cmake --preset release >/dev/null
fi
cmake --build $build --target ashlar situation_fork_storm situation_thread_turnover >/dev/null

storm() {
    begin=$(date +%s)
    LD_PRELOAD=$PWD/$build/src/libashlar.so $build/tests/situations/situation_"$1" "$2"
    echo "$1 $2: passed in $(($(date +%s) - begin)) s"
}

storm fork_storm "${1:-10000}"
storm thread_turnover "${2:-1000000}"
