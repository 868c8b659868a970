#!/bin/sh
# Compares all installed allocators on workloads and real programs. Writes a
# report of one HTML file to out/. Builds in build/bench first. For Debian.
# Installs missing packages; uses the network only for them.
# See bench/README.md.
# usage: bench/run.sh [--quick|--full|--smoke] [-a NAME=LIB]... [--only REGEX]
#                     [--out DIR] [--build DIR]
#          --build DIR   uses an existing build and installs nothing
#          --help        lists all options
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/bench
needed="g++ cmake ninja-build libbenchmark-dev libcli11-dev nlohmann-json3-dev libboost-dev python3 valgrind gnuplot-nox
    redis-tools rocksdb-tools sqlite3"
peers="libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 libtbbmalloc2"

# PYTHONSAFEPATH: a folder named `report` in the current directory must not be
# imported instead.
report() { PYTHONSAFEPATH=yes PYTHONPATH="$root/bench" exec python3 -B -m report "$@"; }

for word in "$@"; do
    case $word in
        --build | --build=* | -h | --help) report "$@" ;;
    esac
done

# Debian's package would start a server, so only its program is unpacked, into
# the build directory.
unpack_memcached() {
    if command -v memcached >/dev/null || [ -x "$build/memcached/usr/bin/memcached" ]; then return 0; fi
    "$root/scripts/install.sh" libevent-2.1-7 libsasl2-2 libssl3 || return 0
    mkdir -p "$build/memcached"
    log=$build/memcached.log
    if ! (cd "$build/memcached" && apt-get download -q memcached && dpkg-deb -x memcached_*.deb .) >"$log" 2>&1; then
        echo "run.sh: could not download memcached; the report lacks it (log: $log)" >&2
    fi
}

# shellcheck disable=SC2086 # lists of words
"$root/scripts/install.sh" $needed
for package in $peers; do
    "$root/scripts/install.sh" "$package" || echo "run.sh: could not install $package; the report lacks this allocator" >&2
done
unpack_memcached
PATH=$PATH:$build/memcached/usr/bin
export PATH

echo "Building"
mkdir -p "$build"
log=$build/build.log
launcher=
if command -v ccache >/dev/null; then launcher="-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi
# shellcheck disable=SC2086
if ! (cd "$root" && cmake --preset release -B "$build" -DASHLAR_TESTS=OFF $launcher &&
    cmake --build "$build") >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "run.sh: the build failed; its log is $log" >&2
    exit 1
fi
report --build "$build" "$@"
