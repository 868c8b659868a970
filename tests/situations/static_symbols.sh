#!/bin/sh
# usage: static_symbols.sh NM PROGRAM PLAIN
# PROGRAM is linked statically with Ashlar: it must not contain libc's malloc.
# PLAIN is linked without Ashlar, and shows that this test finds libc's malloc.
set -eu
has_libc_malloc() { "$1" "$2" | grep -q '[tT] _int_malloc$'; }
if ! has_libc_malloc "$1" "$3"; then
    echo "$3: no _int_malloc found: this libc has another name for it" >&2
    exit 1
fi
if has_libc_malloc "$1" "$2"; then
    echo "$2: libc's malloc is linked in" >&2
    exit 1
fi
