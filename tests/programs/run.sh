#!/bin/sh
# Runs real programs under the drop-in and checks their own results: stress-ng,
# Redis, RocksDB, g++, clang, PHP, Python. Takes about two minutes. Installs
# missing packages. Uses the release build in build/release, or makes it.
# usage: tests/programs/run.sh [stress_ng|redis|rocksdb|compilers|php|python]…
#   default: all of them, in this order
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release
library=$build/src/libashlar.so
work=$(mktemp -d "${TMPDIR:-/tmp}/ashlar-programs.XXXXXX")
server=

finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
    echo "run.sh: $*" >&2
    exit 1
}
under() { env LD_PRELOAD="$library" "$@"; }
# With ASHLAR_STATS=1 the library prints a line at exit.
uses_ashlar() { grep -q '^ashlar: ' "$1" || fail "$2 did not use Ashlar"; }

prepare() {
    "$root/scripts/install.sh" g++ clang cmake ninja-build stress-ng redis-tools rocksdb-tools \
        php-cli php-mbstring php-xml php-sqlite3 python3
    if [ ! -e "$library" ]; then
        cmake -S "$root" --preset release -DASHLAR_TESTS=OFF -DASHLAR_BENCH=OFF -DASHLAR_COMMAND=OFF >/dev/null
        cmake --build "$build" --target ashlar >/dev/null
    fi
}

stress_ng() {
    for method in '--malloc 4' '--malloc 4 --malloc-thresh 4k --malloc-touch' \
        '--malloc 2 --malloc-pthreads 4 --malloc-bytes 64m'; do
        # shellcheck disable=SC2086 # words
        under stress-ng $method --verify --timeout 6 --temp-path "$work" >"$work/stress-ng" 2>&1 || {
            cat "$work/stress-ng"
            fail "stress-ng $method failed"
        }
        grep -q 'successful run completed' "$work/stress-ng" || fail "stress-ng $method did not complete"
    done
}

# ------------------------------------------------------------------------ Redis

client() { redis-cli -s "$work/socket" "$@"; }

start_redis() { # [VARIABLE=VALUE]
    env "$@" "$work/redis-server" --port 0 --unixsocket "$work/socket" --save '' --appendonly no \
        --daemonize no --dir "$work" --enable-debug-command yes --loglevel warning >"$work/redis.log" 2>&1 &
    server=$!
    until [ "$(client ping 2>/dev/null)" = PONG ]; do
        kill -0 "$server" 2>/dev/null || { cat "$work/redis.log"; fail "redis did not start"; }
        sleep 0.05
    done
}
stop_redis() {
    client shutdown nosave
    wait "$server" || fail "redis: the server ended with an error"
    server=
}
save_in_background() {
    client bgsave >/dev/null
    while [ "$(client info persistence | tr -d '\r' | sed -n 's/^rdb_bgsave_in_progress://p')" = 1 ]; do sleep 0.05; done
    client info persistence | grep -q '^rdb_last_bgsave_status:ok' || fail "redis: BGSAVE failed"
    redis-check-rdb "$work/dump.rdb" | grep -q 'RDB looks OK' || fail "redis: the snapshot is damaged"
}

# The server forks for snapshots while clients write. A server under the
# system's malloc then reads the last snapshot, which must hold the same data.
redis() {
    ln -sf "$(command -v redis-check-rdb)" "$work/redis-server"
    start_redis LD_PRELOAD="$library" ASHLAR_STATS=1
    redis-benchmark -s "$work/socket" -q -c 20 -P 16 -r 100000 -n 400000 -d 300 \
        -t set,incr,lpush,lpop,sadd,hset,zadd >/dev/null &
    load=$!
    for _ in 1 2 3 4 5; do save_in_background; done
    wait "$load" || fail "redis: the load failed"
    save_in_background
    before=$(client debug digest)
    stop_redis
    uses_ashlar "$work/redis.log" redis
    start_redis LC_ALL=C
    [ "$(client debug digest)" = "$before" ] || fail "redis: the snapshot differs from what the server held"
    stop_redis
}

# ---------------------------------------------------------------------- RocksDB

rocksdb() {
    benchmark() {
        under db_bench --db="$work/rocksdb" --num=100000 --value_size=200 --threads=4 --verify_checksum=true \
            --seed=1 --write_buffer_size=4000000 "$@" >"$work/db_bench" 2>&1 || {
            tail -n 20 "$work/db_bench"
            fail "db_bench $* failed"
        }
        if grep -iE 'corrupt|mismatch|verification failed' "$work/db_bench"; then fail "db_bench $* found damage"; fi
    }
    benchmark --benchmarks=fillrandom,overwrite,readwhilewriting,verifychecksum
    benchmark --benchmarks=randomwithverify,compact,verifychecksum --use_existing_db=1
    ldb --db="$work/rocksdb" checkconsistency | grep -q OK || fail "rocksdb: the database is not consistent"
    sst_dump --file="$work/rocksdb" --command=verify >"$work/sst" 2>&1 || fail "rocksdb: sst_dump found damage"
    # No randomtransaction: Debian's db_bench 7.8.3 fails in it under any malloc.
}

# -------------------------------------------------------------------- compilers

compilers() {
    for compiler in g++ clang++; do
        for source in src/core/arena/arena.cpp src/core/spans/spans.cpp src/malloc/cache/cache.cpp src/command/program.cpp; do
            for optimize in '-O2 -g' '-O0'; do
                # shellcheck disable=SC2086 # words
                compile() { "$@" -std=c++20 $optimize -I"$root/src" -I"$root/include" -c "$root/$source"; }
                compile $compiler -o "$work/plain.o"
                LD_PRELOAD=$library compile $compiler -o "$work/ashlar.o"
                cmp "$work/plain.o" "$work/ashlar.o" || fail "$compiler compiled $source to another object file"
            done
        done
    done
}

# --------------------------------------------------------------- PHP and Python

php() {
    command php -d opcache.enable_cli=1 "$here/extensions.php" >"$work/php.plain"
    for zend in 0 1; do
        under env USE_ZEND_ALLOC=$zend php -d opcache.enable_cli=1 "$here/extensions.php" >"$work/php.ashlar" ||
            fail "php failed"
        cmp "$work/php.plain" "$work/php.ashlar" || fail "php has another result with USE_ZEND_ALLOC=$zend"
    done
    "$root/tests/situations/php.sh" "$library"
}

python() {
    for allocator in malloc pymalloc; do
        for _ in 1 2 3; do
            under env PYTHONMALLOC=$allocator python3 -B "$root/tests/situations/python.py" ||
                fail "python failed with $allocator"
        done
        under env PYTHONMALLOC=$allocator python3 -B "$root/scripts/try/threads.py" ||
            fail "python's threads failed with $allocator"
    done
}

prepare
if [ $# -eq 0 ]; then set -- stress_ng redis rocksdb compilers php python; fi
for program in "$@"; do
    case $program in
        stress_ng | redis | rocksdb | compilers | php | python) ;;
        *) sed -n 's/^# usage/usage/p' "$0" >&2; exit 2 ;;
    esac
    begin=$(date +%s)
    "$program"
    echo "$program: passed, in $(($(date +%s) - begin)) s"
done
