#!/bin/sh
# usage: compile.sh SOURCE DIRECTORY
# Compiles one of this project's sources with g++. The object file must be
# identical to DIRECTORY/reference.o, which the first call writes.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
reference=$2/reference.o
object=$2/object.$$.o
trap 'rm -f "$object"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

g++ -std=c++20 -O2 -I"$root/src" -I"$root/include" -c "$root/$1" -o "$object"
if [ ! -e "$reference" ]; then
    mv "$object" "$reference"
elif ! cmp "$object" "$reference" >&2; then
    echo "the object file of $1 differs from the reference" >&2
    exit 1
fi
