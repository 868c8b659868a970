#!/bin/sh
# Builds in build/ and runs all tests: first under the sanitizers, then without.
# Stops at the first stage that fails. The last lines are ctest's summary of the
# last stage. For Debian. Installs missing packages.
# usage: scripts/test.sh [--quick]
#   --quick   no sanitizers, no stress runs
set -eu
cd "$(dirname "$0")/.."

packages="g++ cmake make ninja-build pkg-config python3 libgtest-dev libbenchmark-dev libboost-dev
    libcli11-dev nlohmann-json3-dev valgrind php-cli gnuplot-nox gdb doxygen"
jobs=2

quick=
case ${1-} in
    '') ;;
    --quick) quick=yes ;;
    *)
        sed -n '/^# usage/,/^[^#]/s/^# //p' "$0" >&2
        exit 2
        ;;
esac

stage() { printf '\n== %s: %s\n' "$(date +%H:%M:%S)" "$*"; }

how=-DASHLAR_FAST_TESTS=ON
if command -v ccache >/dev/null; then how="-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi

# build PRESET: prints its log only if it fails.
build() {
    stage "build, $1"
    log=build/$1.log
    mkdir -p build
    # shellcheck disable=SC2086 # words
    if ! { cmake --preset "$1" $how && cmake --build "build/$1" -j "$jobs"; } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "test.sh: the $1 build failed; its log is $log" >&2
        exit 1
    fi
}

# run_tests PRESET CTEST-OPTION…
run_tests() {
    stage "tests, $1"
    build=$1
    shift
    ctest --test-dir "build/$build" -j "$jobs" --output-on-failure --no-tests=error "$@"
}

stage "packages"
# shellcheck disable=SC2086
scripts/install.sh $packages

export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1"
export UBSAN_OPTIONS="print_stacktrace=1"
build release
if [ -n "$quick" ]; then
    run_tests release -LE stress
    exit
fi
build tsan
run_tests tsan -LE 'audit|ranges' # which has one thread
build asan
run_tests asan -LE audit
run_tests release
