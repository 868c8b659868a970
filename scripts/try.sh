#!/bin/sh
# Builds Ashlar and compares it with the installed allocators on four real
# programs. Prints a table for each. For Debian. Installs missing packages; uses
# the network only for them. Leaves nothing behind but packages and build/try.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/try
logs=$build/logs
needed="g++ cmake ninja-build libcli11-dev nlohmann-json3-dev redis-tools rocksdb-tools python3"
peers="libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 libtbbmalloc2"

work=
child=
failures=

# Ends our programs and removes our files, however the script ends.
finish() {
    if [ -n "$child" ]; then
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    [ -n "$work" ] || return 0
    for file in "$work"/redis.*/pid; do
        if [ -e "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

stop() {
    echo "try.sh: $*" >&2
    exit 1
}

# step NAME COMMAND…: runs a command with its output in a log. If it fails,
# names the log and stops.
step() {
    name=$1
    shift
    if ! "$@" >"$logs/$name.log" 2>&1; then
        tail -n 15 "$logs/$name.log" >&2
        stop "step '$name' failed; its log is $logs/$name.log"
    fi
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing_of() {
    for package in "$@"; do
        if ! installed "$package"; then printf ' %s' "$package"; fi
    done
}

install_packages() {
    # shellcheck disable=SC2086 # lists of words
    missing=$(missing_of $needed $peers)
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || stop "missing packages, and no apt-get to install them:$missing"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || stop "missing packages; install them as root:$missing"
        as_root="sudo"
    fi
    echo "Installing$missing"
    step update $as_root apt-get update
    # shellcheck disable=SC2086
    wanted=$(missing_of $needed)
    # shellcheck disable=SC2086
    for package in $(missing_of $peers); do
        # Without a package for an allocator, the tables lack its row.
        if apt-cache show "$package" >/dev/null 2>&1; then
            wanted="$wanted $package"
        else
            echo "No package $package: the tables lack this allocator"
        fi
    done
    [ -n "$wanted" ] || return 0
    # shellcheck disable=SC2086
    step install $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $wanted
}

build_command() {
    echo "Building"
    cd "$root"
    step configure cmake --preset release -B "$build" -DASHLAR_TESTS=OFF -DASHLAR_BENCH=OFF
    step build cmake --build "$build" --target ashlar ashlar_command
}

# compare NAME TITLE PROGRAM…: prints a table. The program runs in the
# background: a trap would wait for a foreground program, but interrupts `wait`.
compare() {
    name=$1
    title=$2
    shift 2
    printf '\n== %s\n' "$title"
    "$build/src/command/ashlar" compare -n 5 -- "$@" >"$logs/$name.log" &
    child=$!
    status=0
    wait "$child" || status=$?
    child=
    cat "$logs/$name.log"
    if [ "$status" -ne 0 ]; then failures="$failures $name"; fi
}

mkdir -p "$logs"
install_packages
build_command
work=$(mktemp -d "${TMPDIR:-/tmp}/ashlar-try.XXXXXX")
export PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1

# Debian's package redis-server would start a server of its own. Its program is
# also in redis-tools, under another name.
ln -s "$(command -v redis-check-rdb)" "$work/redis-server"
step reference "$root/scripts/try/compile.sh" src/command/program.cpp "$work"

compare redis "Redis: a server under redis-benchmark (its clients are not under the allocator)" \
    "$root/scripts/try/redis.sh" "$work/redis-server" "$work"
compare rocksdb "RocksDB: db_bench, two threads, random writes, then random reads" \
    db_bench --benchmarks=fillrandom,readrandom --num=30000 --value_size=200 --threads=2 --seed=1 --db="$work/rocksdb"
compare compiler "g++: compiles a source of this project; the object file must be identical" \
    "$root/scripts/try/compile.sh" src/command/program.cpp "$work"
compare python "Python: four threads; every object is a block of malloc" python3 "$root/scripts/try/threads.py"

echo
for name in $failures; do
    echo "try.sh: '$name' failed under the system malloc or Ashlar; its output is in $logs/$name.log" >&2
done
[ -z "$failures" ]
