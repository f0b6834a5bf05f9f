#!/bin/sh
# Every malformed profile of the corpus through seep pprof: the verdict that
# its manifest asks for, one line of error, bounded memory and time.
# usage: pprof_malformed.sh PROGRAM TESTDATA
seep=$1
malformed=${SEEP_SHARED:-$2/../../shared}/corpus/malformed
if [ ! -f "$malformed/MANIFEST.json" ]; then
    echo "pprof_malformed: no $malformed/MANIFEST.json: skipped"
    exit 77
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
n=0

# The limit of the library on what a profile may hold, and the program itself;
# sanitizers need all the address space.
limit_kib=400000
! grep -q __asan_init "$seep" || limit_kib=unlimited
limit_s=20

fail() {
    echo "pprof_malformed: $*"
    head -n 5 "$work/err"
    failed=1
}

check_refused() {
    [ "$status" -eq 2 ] || fail "$1: exit $status, not 2"
    [ ! -s "$work/out" ] || fail "$1: refused, but stdout is not empty"
    [ "$(wc -l <"$work/err")" -eq 1 ] || fail "$1: stderr is not one line"
    case $(cat "$work/err") in
    "seep: "*) ;;
    *) fail "$1: no 'seep: ' in front" ;;
    esac
}

check_read() {
    [ "$status" -eq 0 ] || fail "$1: exit $status, not 0"
    grep -q '^Showing nodes' "$work/out" || fail "$1: no report"
}

# check FILE MUST
check() {
    (
        ulimit -v "$limit_kib"
        exec timeout "$limit_s" "$seep" pprof -top "$malformed/$1" \
            >"$work/out" 2>"$work/err"
    )
    status=$?
    case $2:$status in
    fail:* | either:2) check_refused "$1" ;;
    read:* | either:*) check_read "$1" ;;
    *) fail "$1: the manifest says '$2'" ;;
    esac
    n=$((n + 1))
}

# Names stand one step in, what is said of them two.
sed -n 's/^ "\([^"]*\)": {$/\1/p; s/^  "must": "\([a-z]*\)".*/\1/p' \
    "$malformed/MANIFEST.json" | paste - - >"$work/cases"
while read -r name must; do
    check "$name" "$must"
done <"$work/cases"
[ "$n" -eq "$(grep -c '"must"' "$malformed/MANIFEST.json")" ] && [ "$n" -gt 0 ] ||
    fail "$n cases were read of the manifest"
echo "$n malformed profiles"
exit $failed
