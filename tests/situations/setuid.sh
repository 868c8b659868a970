#!/bin/sh
# usage: setuid.sh LINKED_PROGRAM
# Runs a setgid copy, which has AT_SECURE set: the library must ignore the
# environment, but for a higher level of checks. Status 77: no such program can be made here.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cp "$1" "$directory/program"
other=
for group in $(id -G) 65534; do
    if [ "$group" != "$(id -g)" ] && chgrp "$group" "$directory/program" 2>/dev/null; then other=$group && break; fi
done
if [ -z "$other" ]; then
    echo "skipped: this user can't give a file to another group"
    exit 77
fi
chmod 2755 "$directory/program"
export ASHLAR_STATS=1 ASHLAR_FAIL_NTH=0 ASHLAR_UNKNOWN=1 ASHLAR_LIMIT=hard:1K ASHLAR_CHECK=off
"$directory/program" >"$directory/out" 2>"$directory/err" || {
    cat "$directory/err" >&2
    exit 1
}
if ! grep -q '^secure 1$' "$directory/out"; then
    echo "skipped: setgid programs are not honoured here (nosuid)"
    exit 77
fi
if [ -s "$directory/err" ]; then
    echo "setuid.sh: a program with AT_SECURE set obeyed a variable:" >&2
    cat "$directory/err" >&2
    exit 1
fi
grep -q '^room 112$' "$directory/out" || { echo "setuid.sh: not the default level of checks" >&2; exit 1; }
ASHLAR_CHECK=full "$directory/program" >"$directory/out"
grep -q '^room 100$' "$directory/out" || { echo "setuid.sh: no higher level of checks" >&2; exit 1; }
