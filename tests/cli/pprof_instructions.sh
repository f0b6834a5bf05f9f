#!/bin/sh
# How much work seep pprof -top is beyond inflating its input, in instructions,
# which unlike time are the same on every machine: counted by callgrind on a
# generated profile of 100,000 samples, against those of zlib's inflate() in a
# program that does nothing else; seep may inflate by ISA-L.
# usage: pprof_instructions.sh PROGRAM TESTDATA
most=1.00
seep=$1
build=$(dirname "$seep")
# The debugging build has its hot parts once more, optimised.
fast=$build/tests/cli/seep_fast
[ -x "$fast" ] || fast=$seep
if grep -q __asan_init "$fast"; then
    echo "pprof_instructions: a build with sanitizers: skipped"
    exit 77
fi
if ! command -v valgrind >/dev/null 2>&1; then
    echo "pprof_instructions: no valgrind: skipped"
    exit 77
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

"$seep" sim --scale 100000 --snapshots 1 -o "$work/sim" >"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}
profile=$work/sim/00.heap.pb.gz

# count FUNCTION COMMAND...: instructions of a run; of a FUNCTION only, or of all.
count() {
    collect=--collect-atstart=yes
    [ "$1" = all ] || collect="--toggle-collect=$1"
    shift
    valgrind --tool=callgrind --callgrind-out-file="$work/out" "$collect" "$@" \
        >"$work/top" 2>"$work/log" || {
        cat "$work/log" >&2
        return 1
    }
    sed -n 's/^==.*Collected : *//p' "$work/log"
}

engine=inflate
! grep -q isal_inflate "$fast" || engine=isal_inflate
top="$fast pprof -symbolize=none -top $profile"
# shellcheck disable=SC2086 # a command and its arguments
inflate=$(count inflate "$build/tests/cli/bare_inflate" "$profile") &&
    engine_own=$(count $engine $top) && all=$(count all $top) &&
    grep -q '^Showing nodes' "$work/top" || exit 1
awk -v all="$all" -v own="$engine_own" -v inflate="$inflate" -v most="$most" \
    -v engine="$engine" 'BEGIN {
    if (inflate == 0 || own == 0) {
        print "nothing was inflated"
        exit 1
    }
    ratio = (all - own) / inflate
    printf "%.1f million instructions, %.1f of them in %s, %.1f of zlib: " \
        "(all - own) / zlib = %.3f, at most %s\n",
        all / 1e6, own / 1e6, engine, inflate / 1e6, ratio, most
    exit ratio > most
}'
