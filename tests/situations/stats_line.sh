#!/bin/sh
# usage: stats_line.sh LIBASHLAR PLAIN_PROGRAM LINKED_PROGRAM
# ASHLAR_STATS=1 prints a line at exit, with the pid, then the report. Without
# it, or with AT_SECURE set, nothing is printed.
set -eu
library=$1 plain=$2 linked=$3
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
fail() { echo "stats_line.sh: $*" >&2; cat "$directory/err" >&2; exit 1; }
number='[0-9]+(\.[0-9]+)? [KMGT]?i?B'
shape="^ashlar: pid [0-9]+: peak $number held, $number live in blocks at exit, $number reserved\$"

ASHLAR_STATS=1 sh -c 'echo $$; LD_PRELOAD=$1 exec "$2"' sh "$library" "$plain" >"$directory/out" 2>"$directory/err"
head -n 1 "$directory/err" | grep -Eq "$shape" || fail "not the shape of a summary"
grep -q '^  RSS of the process, as the kernel says  *[0-9.]* [KMG]iB$' "$directory/err" || fail "no report"
grep -q "pid $(cat "$directory/out"):" "$directory/err" || fail "not the program's pid"

LD_PRELOAD=$library "$plain" 2>"$directory/err"
[ ! -s "$directory/err" ] || fail "printed without being asked"
for no in 0 ''; do
    LD_PRELOAD=$library ASHLAR_STATS=$no "$plain" 2>"$directory/err"
    [ ! -s "$directory/err" ] || fail "printed though ASHLAR_STATS is '$no'"
done

ASHLAR_STATS=1 "$linked" >"$directory/out" 2>"$directory/err" || fail "the linked program failed"
grep -Eq "$shape" "$directory/err" || fail "no summary of the linked program"
grep -q '^secure 0$' "$directory/out" || fail "the program believes to be setuid"
