#!/bin/sh
# A real Go program in which goroutines wait in seventeen ways: those that can
# be woken are never called lost, those that cannot are all proven.
# usage: heap_wakers.sh PROGRAM TESTDATA
case $1 in
/*) seep=$1 ;;
*) seep=$PWD/$1 ;;
esac
name=heap_wakers
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -r "$2/src/wakers" "$work/src" && cd "$work/src" || exit 2
# Older than what go.mod names: the ways that it does not have are left out.
version=$("$go" env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
if [ "${version:-0}" -lt 24 ]; then
    printf 'module acme.dev/fixtures/wakers\n\ngo 1.19\n' >go.mod
fi
build_go "$work/src" ../wakers .
mkdir "$work/profiles"
timeout 60 ../wakers "$work/dump" "$work/profiles" >"$work/said" || exit 1
read -r ways _ woken _ <"$work/said"
[ "$ways" = "$woken" ] || { echo "heap_wakers: $(cat "$work/said")"; exit 1; }
timeout 60 "$seep" heap "$work/dump" --exe "$work/wakers" --format csv \
    >"$work/csv" 2>"$work/err"
status=$?
if [ "$status" -ne 1 ]; then
    cat "$work/csv" "$work/err"
    echo "heap_wakers: status $status where 1 was due"
    exit 1
fi
# Iterators that are pulled from and not stopped: since Go 1.23.
lost=main.lost
[ "${version:-0}" -lt 24 ] || lost="main.lost main.numbers"
for function in $lost; do
    grep ',proven,' "$work/csv" | grep -q "$function" || {
        cat "$work/csv"
        echo "heap_wakers: nobody can wake $function"
        exit 1
    }
done
proven=$(grep -c ',proven,' "$work/csv")
if [ "$proven" -ne "$(echo "$lost" | wc -w)" ]; then
    grep ',proven,' "$work/csv"
    echo "heap_wakers: $lost alone wait for what nobody can reach"
    exit 1
fi
timeout 60 "$seep" heap "$work/dump" --exe "$work/wakers" --format json \
    >"$work/json" 2>"$work/err"
shared=$(grep -c 'wait for work on a condition they share' "$work/json")
if [ "$shared" -ne 1 ] || ! grep -q 'goroutines main.onOneCondition' "$work/json"
then
    grep -e '"name": "goroutines' -e 'they share' "$work/json"
    echo "heap_wakers: only main.onOneCondition waits on a condition it shares"
    exit 1
fi
timeout 60 "$seep" leaks "$work/profiles" --heap "$work/dump" \
    --exe "$work/wakers" --format csv >"$work/csv" 2>"$work/err"
grep -v main.numbers "$work/csv" >"$work/others"
found=$(grep -c -e ',proven,' -e ',strong,' "$work/others")
if [ "$found" -ne 1 ] || ! grep ',proven,' "$work/csv" | grep -q ',main.lost,'
then
    cat "$work/csv" "$work/err"
    echo "heap_wakers: profiles and the dump tell of main.lost, once"
    exit 1
fi
echo "60 each of $lost are proven; of the others none is, $woken were woken"
