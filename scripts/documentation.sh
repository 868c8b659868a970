#!/bin/sh
# Writes the reference of the public headers to build/doxygen/html.
# Fails where doxygen has a complaint: a public member without documentation, a dead link, an unknown parameter.
# Installs doxygen if it is missing.
# usage: scripts/documentation.sh [--installed] [OUTPUT]     --installed: installs nothing; status 77 without doxygen
set -eu
cd "$(dirname "$0")/.."

installed=
if [ "${1-}" = --installed ]; then
    installed=yes
    shift
fi
case ${1-} in
    -*)
        sed -n 's/^# usage/usage/p' "$0" >&2
        exit 2
        ;;
esac
output=${1:-build/doxygen}

if [ -z "$installed" ]; then
    scripts/install.sh doxygen
elif ! command -v doxygen >/dev/null; then
    echo "documentation.sh: skipped: doxygen is not installed"
    exit 77
fi

mkdir -p "$output"
log=$output/log
status=0
{ cat Doxyfile && echo "OUTPUT_DIRECTORY = $output"; } | doxygen - >"$log" 2>&1 || status=$?
sed "s|^$PWD/||" "$log"
if [ "$status" -ne 0 ] || [ -s "$log" ]; then
    bare=$(grep -c 'is not documented' "$log" || true)
    echo "documentation.sh: doxygen has complaints; public members without documentation: $bare" >&2
    exit 1
fi
echo "The reference is $output/html/index.html"
