#!/bin/sh
# usage: guards.sh LIBASHLAR GUARDS_PROGRAM
# ASHLAR_GUARD_SAMPLE: each fault ends the program by its signal, after lines
# that name the fault, the place and the stacks. Without faults all goes on.
set -u
library=$1 program=$2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
fail() { echo "guards.sh: $*" >&2; cat "$directory/err" >&2; exit 1; }
ulimit -c 0

# run STATUS CASE: the program ends so. 139 is SIGSEGV, 134 is SIGABRT.
run() {
    expected=$1
    shift
    (LD_PRELOAD=$library ASHLAR_GUARD_SAMPLE=1 "$program" "$@" 2>"$directory/err"; exit $?) 2>/dev/null
    status=$?
    [ "$status" -eq "$expected" ] || fail "$*: status $status, not $expected"
}
# says PATTERN…: the lines come in this order, the first one at once.
says() {
    sed '/^block /d' "$directory/err" >"$directory/left"
    first=$1
    head -n 1 "$directory/left" | grep -Eq "^ashlar: $first" || fail "the first line is not '$first'"
    for pattern; do
        grep -Eq "^(ashlar: )?$pattern" "$directory/left" || fail "no line '$pattern', in its order"
        sed -E "0,/^(ashlar: )?$pattern/d" "$directory/left" >"$directory/rest"
        mv "$directory/rest" "$directory/left"
    done
}
says_nothing() { ! grep -q '^ashlar' "$directory/err" || fail "$1: lines without a fault of ours"; }

read='(read of|access to) 0x[0-9a-f]+,' write='(write to|access to) 0x[0-9a-f]+,'
block='a block of 24 bytes'
allocated='allocated by thread [0-9]+:' freed='freed by thread [0-9]+:' fault='fault in thread [0-9]+:' frame='#0 '

run 139 read_behind
says "overflow: $read 8 bytes behind $block in use\$" "$fault" "$frame" "$allocated" "$frame"
run 139 write_behind
says "overflow: $write 11 bytes behind $block in use\$" "$fault" "$frame" "$allocated" "$frame"
run 139 read_before
says "underflow: $read 2 bytes before $block in use\$" "$fault" "$frame" "$allocated" "$frame"
run 139 write_before
says "underflow: $write 1 byte before $block in use\$" "$fault" "$frame" "$allocated" "$frame"
run 139 read_freed
says "use after free: $read byte 0 of $block, which is free\$" "$fault" "$frame" "$freed" "$frame" "$allocated" "$frame"
run 139 write_freed
says "use after free: $write byte 3 of $block, which is free\$" "$fault" "$frame" "$freed" "$frame" "$allocated" "$frame"
run 139 behind_freed
says "overflow: $write 8 bytes behind $block, which is free\$" "$fault" "$frame" "$freed" "$frame" "$allocated" "$frame"
run 139 other_thread
says "use after free: $write byte 0 of $block, which is free\$" "$fault" "$frame" "$freed" "$frame" "$allocated" "$frame"
run 139 realloc_moves
says "use after free: $read byte 0 of $block, which is free\$" "$fault" "$frame" "$freed" "$frame" "$allocated" "$frame"

run 134 free_twice
says 'double free of 0x[0-9a-f]+ \(24-byte block\)$' 'freed now by thread [0-9]+:' "$frame" "$freed" "$frame" "$allocated"
run 134 realloc_freed
says 'use after free of 0x[0-9a-f]+ \(24-byte block\)$' 'used now by thread [0-9]+:' "$frame" "$freed" "$frame" "$allocated"
run 134 free_inside
says 'invalid free of 0x[0-9a-f]+ \(byte 8 of a block of 24 bytes\)$' "$allocated"
run 134 free_behind
says 'invalid free of 0x[0-9a-f]+ \(40 bytes behind a block of 24 bytes\)$' "$allocated"
run 134 free_before
says 'invalid free of 0x[0-9a-f]+ \(64 bytes before a block of 24 bytes\)$' "$allocated"
run 134 wrong_size
says 'wrong size in free of 0x[0-9a-f]+ \(24-byte block, freed as 8 bytes\)$'
run 134 overwritten_behind
says "overflow: write to 0x[0-9a-f]+, 3 bytes behind $block, seen as it is freed\$" "$freed" "$frame" "$allocated" "$frame"
run 134 overwritten_before
says "underflow: write to 0x[0-9a-f]+, 2 bytes before $block, seen as it is freed\$" "$freed" "$frame" "$allocated" "$frame"

# A child has the pool, and its faults are its own: the status is its signal.
run 11 child
says "use after free: $read byte 0 of $block, which is free\$" "$fault" "$frame" "$freed" "$frame" "$allocated" "$frame"

# Faults elsewhere are none of ours, and the program's own handler has them all.
for other in elsewhere sent; do
    run 139 $other
    says_nothing $other
done
for other in own_handler own_handler_in_pool; do
    run 42 $other
    grep -qx 'own handler' "$directory/err" || fail "$other was not called"
    says_nothing $other
done
run 0 use
says_nothing use

# The report has their memory in a line of its own: 60 pages and more, and at
# most 256 and the records.
run 0 report
resident=$(sed -n 's/^+ guarded blocks and their records *\([0-9.]*\) \([KM]\)iB$/\1 \2/p' "$directory/err" |
    awk '{ print int($1 * ($2 == "M" ? 1024 : 1)) }')
[ "${resident:-0}" -ge 240 ] && [ "$resident" -le 1200 ] || fail "the report has $resident KiB of guarded blocks"

# Without the setting there is no handler.
run 1 handler_is_default
for none in '' 0; do
    LD_PRELOAD=$library ASHLAR_GUARD_SAMPLE=$none "$program" handler_is_default || fail "a handler without the setting"
done

# In a small address space there are no guarded blocks, a line says so, and the
# program goes on.
refused=0
for kib in 8000 9000 10000 11000 12000 13000 14000 15000 16000; do
    (ulimit -v $kib && LD_PRELOAD=$library ASHLAR_GUARD_SAMPLE=1 "$program" handler_is_default 2>"$directory/err")
    status=$?
    line='ashlar: ASHLAR_GUARD_SAMPLE: no address space for guarded blocks, there are none'
    case "$status $(cat "$directory/err")" in
        "0 $line") refused=$((refused + 1)) ;;
        '1 ' | 127*) ;;
        *) fail "status $status in an address space of $kib KiB" ;;
    esac
done
[ "$refused" -gt 0 ] || fail "each small address space had room"
