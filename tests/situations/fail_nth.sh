#!/bin/sh
# usage: fail_nth.sh LIBASHLAR STEPS_PROGRAM PLAIN_PROGRAM
# ASHLAR_FAIL_NTH in all its forms: exactly the allocations that it names fail,
# and they are reported.
set -eu
library=$1 steps=$2 plain=$3
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
fail() { echo "fail_nth.sh: $*" >&2; cat "$directory/err" >&2; exit 1; }

# run WISH PROGRAM…: runs it with the drop-in, and sets counted and failed from
# the last line.
run() {
    wish=$1
    shift
    LD_PRELOAD=$library ASHLAR_FAIL_NTH=$wish "$@" 2>"$directory/err" || fail "ASHLAR_FAIL_NTH=$wish $*: status $?"
    line=$(sed -n 's/^ashlar: pid [0-9]*: \([0-9]*\) allocations counted, \([0-9]*\) failed$/\1 \2/p' "$directory/err")
    [ -n "$line" ] || fail "ASHLAR_FAIL_NTH=$wish: no line at exit"
    counted=${line% *} failed=${line#* }
}

# The loader's and the runtime's allocations come first, and are the same each time.
run 0 "$steps" none
before=$counted
[ "$failed" -eq 0 ] || fail "something failed at 0"
run 0 "$steps" 0
all=$((counted - before))
[ "$all" -ge 20 ] || fail "only $all steps were counted"
step=1
while [ "$step" -le "$all" ]; do
    run $((before + step)) "$steps" "$step"
    [ "$failed" -eq 1 ] || fail "step $step: $failed failures"
    grep -q "^ashlar: allocation $((before + step)), of [0-9]* bytes, fails as ASHLAR_FAIL_NTH asks\$" "$directory/err" ||
        fail "step $step: no line at the failure"
    run $((before + step))+ "$steps" "$step" 1
    [ "$failed" -ge $((all - step + 1)) ] || fail "step $step and all after it: $failed failures"
    step=$((step + 1))
done

# There are four blocks of 2 MiB and more: malloc, calloc, realloc twice.
run 0@2M "$steps" 0
[ "$counted" -eq 4 ] || fail "$counted allocations of 2 MiB and more"
run 2@2M "$steps" 6
[ "$failed" -eq 1 ] || fail "the second large allocation"

# Every n-th allocation; counts and failures agree.
for every in 2 3 7; do
    run $((before + 2))+$every "$steps" 2 $every
    [ "$failed" -eq $(((counted - before - 2) / every + 1)) ] || fail "$failed of $counted failed at every $every"
done

for wish in x 5x 5+x 5+0 5+/ 5+99999999999999999999 5@ 5@1T +5 99999999999999999999 5@18014398509481984K; do
    LD_PRELOAD=$library ASHLAR_FAIL_NTH=$wish "$plain" 2>"$directory/err" || fail "$wish: the program failed"
    grep -q "^ashlar: ASHLAR_FAIL_NTH=$wish: ignored, expected N, N+ or N+K" "$directory/err" || fail "$wish was accepted"
done
LD_PRELOAD=$library ASHLAR_FAIL_NTH= "$plain" 2>"$directory/err"
[ ! -s "$directory/err" ] || fail "printed without being asked"
