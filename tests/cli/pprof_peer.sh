#!/bin/sh
# The goldens of google/pprof's own tests, where they are at hand.
# usage: pprof_peer.sh PROGRAM TESTDATA
seep=$1
peer=${SEEP_SHARED:-$2/../../shared}/peer/pprof
if [ ! -f "$peer/cases.tsv" ]; then
    echo "pprof_peer: no $peer/cases.tsv: skipped"
    exit 77
fi
exec "$(dirname "$seep")/tests/cli/pprof_goldens" "$peer" "$seep" pprof
