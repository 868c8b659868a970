#!/bin/sh
# g++ compiles one of this project's sources; the object must be byte for byte what g++ makes of it under its own malloc.
# Usage: compile.sh SOURCE DIRECTORY: compares with DIRECTORY/reference.o, and writes that where it is missing.
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
    echo "g++ made another object of $1 than under the system malloc" >&2
    exit 1
fi
