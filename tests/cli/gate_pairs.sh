#!/bin/sh
# The gate on pairs of runs: two runs of one healthy program must never fail it,
# whatever the Go version or the seed; a leak's later half must, against its
# first; and so must a leaking service against a healthy one that is otherwise
# the same. Prints the table of verdicts.
# usage: gate_pairs.sh PROGRAM TESTDATA
seep=$1
testdata=$2
corpus=${SEEP_SHARED:+$SEEP_SHARED/corpus}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0

# moment DIR NUMBER: the profiles of one moment that are there.
moment() {
    for kind in heap goroutine; do
        [ ! -f "$1/$2.$kind.pb.gz" ] || echo "$1/$2.$kind.pb.gz"
    done
}

# compare BASE_DIR NUMBER HEAD_DIR NUMBER OPTIONS...: the status. Names of
# folders here have no blanks.
# shellcheck disable=SC2046
compare() {
    base=$(moment "$1" "$2")
    head=$(moment "$3" "$4")
    shift 4
    timeout 60 "$seep" diff --base $base --head $head "$@" \
        >"$work/out" 2>"$work/err"
    status=$?
    [ "$status" != 2 ] || sed 's/^/  /' "$work/err"
    return "$status"
}

# pairs NAME DIRS: all ordered pairs of the last moments. Which runs of healthy
# programs may fail the gate: none.
pairs() {
    name=$1
    shift
    n=0
    found=0
    unsure=0
    for a in "$@"; do
        for b in "$@"; do
            [ "$a" != "$b" ] || continue
            n=$((n + 1))
            compare "$a" "$last" "$b" "$last"
            case $? in
            0) ;;
            3) unsure=$((unsure + 1)) ;;
            *)
                found=$((found + 1))
                sed -n '3,6p' "$work/out"
                ;;
            esac
        done
    done
    [ "$n" = 0 ] && return
    printf '%-26s %4s pairs %4s fail %4s undecided\n' "$name" "$n" "$found" \
        "$unsure"
    n_pairs=$((n_pairs + n))
    n_found=$((n_found + found))
}

n_pairs=0
n_found=0
last=09
if [ -d "$corpus" ]; then
    echo "recorded services, two runs of one healthy program:"
    for scenario in "$corpus"/h_*; do
        pairs "$(basename "$scenario")" "$scenario"/go*
    done
    echo "recorded services, first half against second (00 to 04, 05 to 09):"
    for run in "$corpus"/*/go1.*; do
        [ -f "$run/09.heap.pb.gz" ] || continue
        name=$(basename "$(dirname "$run")")/$(basename "$run")
        compare "$run" 00 "$run" 09
        status=$?
        # Between the halves less has grown than a series of ten shows.
        timeout 60 "$seep" leaks "$run" >"$work/out" 2>"$work/err"
        series=$?
        first=$(mktemp -d "$work/XXXX")
        second=$(mktemp -d "$work/XXXX")
        cp "$run"/0[0-4].*.pb.gz "$first"
        cp "$run"/0[5-9].*.pb.gz "$second"
        timeout 60 "$seep" diff "$first" "$second" >"$work/out" 2>"$work/err"
        printf '%-26s first moment:last %s, halves %s, series %s\n' "$name" \
            "$status" $? "$series"
        case $name in
        h_*) [ "$series" = 0 ] || failed=1 ;;
        *) [ "$series" = 1 ] || failed=1 ;;
        esac
    done
else
    echo "gate_pairs: no SEEP_SHARED with recorded services: those are skipped"
fi

# Small services that were recorded with their leak and without it. Those whose
# leak is smaller than the default limits do not fail.
echo "a healthy service against the same one with its leak:"
n=0
caught=0
for clean in "$testdata"/rules/*/clean-*; do
    for leak in "$(dirname "$clean")"/leak-*; do
        [ -f "$clean/09.heap.pb.gz" ] || [ -f "$clean/09.goroutine.pb.gz" ] ||
            continue
        compare "$clean" 09 "$leak" 09 >/dev/null
        status=$?
        # Two of the folders are of two programs, and that is refused.
        [ "$status" != 2 ] || continue
        n=$((n + 1))
        [ "$status" != 1 ] || caught=$((caught + 1))
        printf '%-50s %s\n' "${clean#"$testdata/rules/"}" "$status"
    done
done
echo "$caught of $n fail the default gate"
# The others grow by less than the limits. The profiles are files, so that
# whatever misses one more is a change of the gate.
[ "$caught" -ge 25 ] || failed=1

# Two seeds of one build are two runs of one program.
seeds="1 2 3"
scenarios=$("$seep" sim --list | awk '$2 == "healthy" { print $1 }')
for seed in $seeds; do
    # shellcheck disable=SC2086
    "$seep" sim $scenarios --seed "$seed" --build 1 -q -o "$work/sim" \
        >"$work/log" 2>&1 || cat "$work/log"
done
echo "simulated services, two runs of one healthy program:"
for scenario in $scenarios; do
    pairs "$scenario" "$work/sim/$scenario"/seed-*
done
echo "$n_found of $n_pairs comparisons of healthy runs fail the default gate"
[ "$n_found" = 0 ] || failed=1

echo "simulated leaks, first moment against last, and the series:"
scenarios=$("$seep" sim --list | awk '$2 == "leak" { print $1 }')
# shellcheck disable=SC2086
"$seep" sim $scenarios --build 1 -q -o "$work/sim" >"$work/log" 2>&1
n=0
caught=0
in_series=0
for scenario in $scenarios; do
    run=$work/sim/$scenario/seed-1
    compare "$run" 00 "$run" "$last"
    status=$?
    timeout 60 "$seep" leaks "$run" >"$work/out" 2>"$work/err"
    series=$?
    printf '%-26s two moments %s, series %s\n' "$scenario" "$status" "$series"
    n=$((n + 1))
    [ "$status" != 1 ] || caught=$((caught + 1))
    [ "$series" != 1 ] || in_series=$((in_series + 1))
done
echo "$caught of $n leaks fail the gate of two moments, $in_series of series"
# A slow leak is below the limits in both; contexts are small in two moments.
[ "$caught" -ge 28 ] && [ "$in_series" -ge 29 ] || failed=1
exit $failed
