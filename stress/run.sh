#!/bin/sh
# Builds ashlar_stress with a sanitizer, or none, and runs every scenario; a new seed each time, which is printed.
# usage: stress/run.sh [none|asan|ubsan|tsan] [seconds per scenario] [threads] [seed]
set -eu
kind=${1:-none} seconds=${2:-10} threads=${3:-4} seed=${4:-$(date +%s)}
cd "$(dirname "$0")/.."

case $kind in
    none) build=build/release && cmake --preset release >/dev/null ;;
    asan) build=build/asan && cmake --preset asan >/dev/null ;;
    tsan) build=build/tsan && cmake --preset tsan >/dev/null ;;
    ubsan) build=build/ubsan && cmake --preset asan -B build/ubsan -DASHLAR_SANITIZE=undefined >/dev/null ;;
    *) sed -n 's/^# usage/usage/p' "$0" >&2 && exit 2 ;;
esac
cmake --build "$build" --target ashlar_stress

export TSAN_OPTIONS="halt_on_error=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
exec "$build/stress/ashlar_stress" --seconds "$seconds" --threads "$threads" --seed "$seed"
