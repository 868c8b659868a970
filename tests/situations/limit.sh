#!/bin/sh
# usage: limit.sh LIBASHLAR LIMIT_PROGRAM
# ASHLAR_LIMIT in bytes and in percent of what the process may have.
set -eu
library=$1 program=$2
run() {
    limit=$1 expected=$2
    env LD_PRELOAD="$library" ASHLAR_LIMIT="$limit" "$program" "$expected" || {
        echo "limit.sh: ASHLAR_LIMIT=$limit: status $?" >&2
        exit 1
    }
}
run hard:200M 200
run soft:100M,hard:204800K 200
run hard:209715200,soft:150M 200
run soft:50M 0
run soft:1%,hard:100% 0
