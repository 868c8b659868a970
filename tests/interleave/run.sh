#!/bin/sh
# The long run: explores every scenario for a share of the time, half of it exhaustively, half at random from a seed that is printed.
# usage: tests/interleave/run.sh [seconds] [seed] [NAME...]      600 seconds and a seed from the clock; names as in --list
# Builds in build/release. Status 1: a fault was found; its last line replays it.
set -eu
cd "$(dirname "$0")/../.."

seconds=${1:-600}
seed=${2:-$(date +%s)}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] && shift

scripts/install.sh g++ cmake ninja-build pkg-config python3 libgtest-dev libboost-dev
mkdir -p build
if ! { cmake --preset release -DASHLAR_BENCH=OFF -DASHLAR_COMMAND=OFF && cmake --build build/release -j 2 --target interleave; } \
        >build/interleave.log 2>&1; then
    tail -n 40 build/interleave.log >&2
    echo "run.sh: the build failed; its log is build/interleave.log" >&2
    exit 1
fi
program=build/release/tests/interleave/interleave
count=$("$program" --list "$@" | wc -l)
share=$(awk "BEGIN { print $seconds / $count }")
echo "$count scenarios, $share s each, --seed $seed"
exec "$program" --seconds "$share" --seed "$seed" "$@"
