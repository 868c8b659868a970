#!/bin/sh
# usage: redis.sh REDIS-SERVER DIRECTORY
# Runs a Redis server under load, from start to shutdown. The server uses the
# preloaded allocator, its clients do not. Socket and pid file are in a new
# directory below DIRECTORY. Nothing is persisted.
set -eu

server_program=$1
directory=$(mktemp -d "$2/redis.XXXXXX")
cd "$directory"
server=

finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    rm -rf "$directory"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

client() { env -u LD_PRELOAD "$@"; }

# A socket in the file system, not a port: it cannot collide with a running
# server, and others cannot reach it.
"$server_program" --port 0 --unixsocket "$directory/socket" --save '' --appendonly no --daemonize no \
    --loglevel warning --logfile "$directory/log" &
server=$!
echo "$server" >pid

until [ "$(client redis-cli -s socket ping 2>/dev/null)" = PONG ]; do
    if ! kill -0 "$server" 2>/dev/null; then
        cat log >&2
        echo "the Redis server ended before it answered a request" >&2
        exit 1
    fi
    sleep 0.02
done

client redis-benchmark -s socket -q -c 20 -P 16 -r 40000 -n 45000 -d 200 -t set,get,incr,lpush,sadd,hset,zadd >benchmark
if [ "$(client redis-cli -s socket get mylist 2>&1 | cut -c 1-9)" != WRONGTYPE ]; then
    cat benchmark >&2
    echo "the Redis server has lost the data of the benchmark" >&2
    exit 1
fi
client redis-cli -s socket shutdown nosave
wait "$server"
server=
