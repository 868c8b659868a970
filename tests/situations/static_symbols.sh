#!/bin/sh
# usage: static_symbols.sh NM PROGRAM PLAIN
# PROGRAM is linked statically with Ashlar: libc's own malloc must not be in it. PLAIN, linked without, shows that the look finds it.
set -eu
has_libc_malloc() { "$1" "$2" | grep -q '[tT] _int_malloc$'; }
if ! has_libc_malloc "$1" "$3"; then
    echo "$3: no _int_malloc found where there must be one: this libc names it otherwise" >&2
    exit 1
fi
if has_libc_malloc "$1" "$2"; then
    echo "$2: libc's own malloc has been linked in" >&2
    exit 1
fi
