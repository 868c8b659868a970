#!/bin/sh
# The long run: explores each scenario for an equal share of the time, half of
# it exhaustively, half at random from a seed that it prints. Builds in
# build/release. Status 1: it found a fault; its last line replays the schedule.
# usage: tests/model/run.sh [seconds] [seed] [NAME...]
#   default: 600 seconds, a seed from the clock, all scenarios of --list
set -eu
cd "$(dirname "$0")/../.."

seconds=${1:-600}
seed=${2:-$(date +%s)}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] && shift

scripts/install.sh g++ cmake ninja-build pkg-config python3 libgtest-dev libboost-dev
mkdir -p build
if ! { cmake --preset release -DASHLAR_BENCH=OFF -DASHLAR_COMMAND=OFF &&
    cmake --build build/release -j 2 --target interleave; } >build/interleave.log 2>&1; then
    tail -n 40 build/interleave.log >&2
    echo "run.sh: the build failed; its log is build/interleave.log" >&2
    exit 1
fi
program=build/release/tests/model/interleave
count=$("$program" --list "$@" | wc -l)
share=$(awk "BEGIN { print $seconds / $count }")
echo "$count scenarios, $share s each, --seed $seed"
exec "$program" --seconds "$share" --seed "$seed" "$@"
