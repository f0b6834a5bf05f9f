#!/bin/sh
# seep pprof against an installed pprof, byte for byte: a sample of all flag
# sets and profiles, or with --all a whole run, which goes on where one of the
# same programs was interrupted (--depth 1: every pair; --help: the options).
# usage: pprof_diff.sh PROGRAM TESTDATA [--all] [OPTION...]
seep=$1
testdata=$2
shift 2
build=$(dirname "$seep")
tests=$(dirname "$(dirname "$0")")
sample='--sample 2000'
if [ "${1:-}" = --all ]; then
    sample=
    shift
    set -- --journal "$build/pprof-diff.journal" "$@"
fi
peer=$(sh "$tests/peer_pprof.sh" "$build") || {
    echo "pprof_diff: no pprof: none named by SEEP_PEER_PPROF, no Go: skipped"
    exit 77
}
shared=${SEEP_SHARED:-$testdata/../../shared}
set -- "$@" "$seep" "$peer"
if [ -d "$shared/corpus" ]; then
    set -- "$@" "$shared/corpus"
    [ ! -d "$shared/peer/pprof" ] || set -- "$@" "$shared/peer/pprof"
else
    set -- "$@" "$testdata"
fi
# shellcheck disable=SC2086 # of no or two words
exec "$build/tests/cli/pprof_diff" $sample "$@"
