#!/bin/sh
# Lets a thread of a shared heap die after every instruction of every operation,
# then processes at random for a while, and prints what was done. Takes hours.
# Uses the release build in build/release, or makes it. With EVERY only each so
# many steps: 60 takes minutes.
# usage: tests/kill/exhaustive.sh [SECONDS-OF-THE-STORM [SEED [EVERY]]]
set -eu
cd "$(dirname "$0")/../.."

seconds=${1:-3600}
seed=${2:-$(date +%s)}
every=${3:-1}
build=build/release
if [ ! -x $build/tests/kill/kills ] || [ ! -x $build/tests/kill/kill_storm ]; then
    scripts/install.sh g++ cmake ninja-build python3 libgtest-dev libbenchmark-dev libboost-dev libcli11-dev nlohmann-json3-dev
    cmake --preset release >/dev/null
    cmake --build $build --target kills kill_storm
fi

status=0
$build/tests/kill/kills --second "$every" --kills "$every" --resumes "$every" --frozen "$every" --seed "$seed" || status=1
echo
echo "A storm of 16 processes for $seconds seconds:"
$build/tests/kill/kill_storm -p 16 -t "$seconds" -s "$seed" || status=1
exit $status
