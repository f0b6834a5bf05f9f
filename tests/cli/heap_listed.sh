#!/bin/sh
# Thousands of goroutines in one condition's list, and an array that refers to
# each of its places: to judge them takes no time by the square, and proves
# nothing.
# usage: heap_listed.sh PROGRAM TESTDATA
case $1 in
/*) seep=$1 ;;
*) seep=$PWD/$1 ;;
esac
name=heap_listed
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -r "$2/src/listed" "$work/src" || exit 2
build_go "$work/src" ../listed .
timeout 60 "$work/listed" "$work/dump" || exit 1
# In seconds of its own: pairs of all with all take ten.
(
    ulimit -t 5
    exec "$seep" heap "$work/dump" --exe "$work/listed"
) >"$work/said" 2>&1
status=$?
if [ "$status" -ne 0 ] || ! head -1 "$work/said" | grep -q -v LEAK; then
    cat "$work/said"
    echo "heap_listed: status $status where 0 was due"
    exit 1
fi
echo "judged in time: $(head -1 "$work/said")"
