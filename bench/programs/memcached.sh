#!/bin/sh
# usage: memcached.sh DIRECTORY [ROUNDS]
# Runs a memcached server under load, from start to shutdown. The server uses
# the preloaded allocator, its client uses libc's. The socket is in a new
# directory below DIRECTORY. The server ends after 60 seconds at the latest.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
directory=$(mktemp -d "$1/memcached.XXXXXX")
server=

finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    rm -rf "$directory"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

user=
if [ "$(id -u)" -eq 0 ]; then user="-u root"; fi
# shellcheck disable=SC2086 # words, or none
timeout 60 memcached $user -s "$directory/socket" -t 2 -m 256 -c 64 2>"$directory/log" &
server=$!

# In a process that the shell does not wait for, so that the client's CPU time
# does not count as the program's.
(env -u LD_PRELOAD python3 -B "$here/memcached.py" "$directory/socket" "${2:-6}" >"$directory/result" 2>&1 &)
wait "$server" 2>/dev/null || true  # the client ends the server by a signal
server=
if [ "$(cat "$directory/result")" != fine ]; then
    cat "$directory/log" "$directory/result" >&2
    exit 1
fi
