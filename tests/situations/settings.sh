#!/bin/sh
# usage: settings.sh LIBASHLAR PLAIN_PROGRAM LINKED_PROGRAM
# Unknown variables and wrong values get one line each; right ones get none.
set -eu
library=$1 plain=$2 linked=$3
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
fail() { echo "settings.sh: $*" >&2; cat "$directory/err" >&2; exit 1; }

# expect LINE VARIABLE…: the program prints this line alone.
expect() {
    line=$1
    shift
    env "$@" LD_PRELOAD="$library" "$plain" 2>"$directory/err" || fail "$*: the program failed"
    [ "$(cat "$directory/err")" = "$line" ] || fail "$*: not '$line'"
    env "$@" "$linked" 2>"$directory/err" >"$directory/out" || fail "$*: the linked program failed"
    [ "$(cat "$directory/err")" = "$line" ] || fail "$*: not '$line', linked"
}

expect 'ashlar: ASHLAR_STAT: no such setting, the nearest is ASHLAR_STATS' ASHLAR_STAT=1
expect 'ashlar: ASHLAR_LIMITS: no such setting, the nearest is ASHLAR_LIMIT' ASHLAR_LIMITS=hard:1G
expect 'ashlar: ASHLAR_STATS=yes: ignored, expected 0 or 1' ASHLAR_STATS=yes
expect 'ashlar: ASHLAR_BACKGROUND=on: ignored, expected 0, 1 or auto' ASHLAR_BACKGROUND=on
expect 'ashlar: ASHLAR_LIMIT=1T: ignored, expected soft:SIZE, hard:SIZE or both with a comma, soft not above hard' \
    ASHLAR_LIMIT=1T
expect 'ashlar: ASHLAR_CHECK=all: ignored, expected off, default, full or paranoid' ASHLAR_CHECK=all
expect '' ASHLAR_CHECK=full
expect '' ASHLAR_BACKGROUND=0 ASHLAR_STATS=0 ASHLAR_LIMIT=soft:80%,hard:4G ASHLAR_LIBRARY=/nowhere ASHLAR_FAIL_NTH=

# Two faults: two lines.
ASHLAR_STATS=2 ASHLAR_FAIL=1 LD_PRELOAD=$library "$plain" 2>"$directory/err"
[ "$(wc -l <"$directory/err")" -eq 2 ] || fail "not two lines for two faults"
