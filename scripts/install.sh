#!/bin/sh
# usage: install.sh PACKAGE…
# Installs those of the Debian packages that are missing. Uses the network only
# if a package is missing.
set -eu

missing=
for package in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then missing="$missing $package"; fi
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "install.sh: missing packages, and no apt-get to install them:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install.sh: missing packages; install them as root:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing$missing"
# shellcheck disable=SC2086 # a list of words
if ! { $as_root apt-get update &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
} >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "install.sh: could not install$missing" >&2
    exit 1
fi
