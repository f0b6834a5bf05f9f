#!/bin/sh
# A series that is ended in every way and goes on: what was whole stays, what
# was half-written goes, and what is secret is written nowhere. Loopback only;
# ports are picked by the kernel.
# usage: fetch_resume.sh PROGRAM TESTDATA
seep=$1
work=$(mktemp -d) || exit 2
server=
fetching=
failed=0

cleanup() {
    [ -z "$fetching" ] || kill -9 "$fetching" 2>/dev/null
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

complain() {
    echo "fetch_resume: $*"
    failed=1
}

# serve ARGS...: starts a server in place of the last; $url is where it serves.
serve() {
    if [ -n "$server" ]; then
        kill "$server"
        wait "$server"
    fi
    : >"$work/server"
    "$seep" sim "$@" --background 100 --serve 127.0.0.1:0 2>"$work/server" &
    server=$!
    for _ in $(seq 600); do
        url=$(sed -n 's,.*\(http://.*\)$,\1,p' "$work/server" | head -n 1)
        [ -z "$url" ] || return 0
        sleep 0.05
    done
    complain "no server for $*"
    exit 1
}

# begin ARGS...: fetches in the background, as $fetching.
begin() {
    "$seep" fetch "$@" 2>>"$work/said" &
    fetching=$!
}

# finish STATUS: waits for it.
finish() {
    wait "$fetching" 2>/dev/null
    status=$?
    fetching=
    [ "$status" -eq "$1" ] || complain "status $status instead of $1"
}

# until_there FILE: waits for it, at most 20 s.
until_there() {
    for _ in $(seq 400); do
        [ ! -e "$1" ] || return 0
        sleep 0.05
    done
    complain "no $1"
}

# until_saved N: that many heap profiles are in the day, at most 60 s.
until_saved() {
    for _ in $(seq 1200); do
        [ "$(find "$work/day" -name '*.heap.pb.gz' | wc -l)" -lt "$1" ] ||
            return 0
        sleep 0.05
    done
    complain "no $1 heap profiles: $(ls "$work/day")"
}

# has WORDS...: what was said has each.
has() {
    for words in "$@"; do
        grep -qE -- "$words" "$work/said" ||
            complain "not '$words' in: $(cat "$work/said")"
    done
}

# Killed again and again, wherever it is at, but not before it has come a step
# on: else a busy machine makes one large gap, and no trend; then the rest at
# one go.
serve unclosed-channel --speed 300
printf 'X-Token: sesame-in-header\n' >"$work/headers"
printf 'sesame-in-file\n' >"$work/password"
asked="${url}?token=sesame-in-query"
set -- --header "@$work/headers" --user "me:@$work/password"
begin "$asked" -n 20 --interval 400ms -o "$work/day" "$@"
until_there "$work/day/00.heap.pb.gz"
saved=0
for tenth in 1 2 3 0 1 2 3 0; do
    saved=$((saved + 1))
    until_saved "$saved"
    sleep "0.$tenth$tenth"
    kill -9 "$fetching" 2>/dev/null
    wait "$fetching" 2>/dev/null
    begin "$asked" -o "$work/day" --resume "$@"
done
finish 0
has '^seep: 20 of 20 snapshots saved in .*/day(, and part of one)?; the verdict: seep leaks '
left=$(find "$work/day" -name '.*' ! -name day)
[ -z "$left" ] || complain "left: $left"
whole=0
for heap in "$work"/day/*.heap.pb.gz; do
    number=${heap##*/}
    number=${number%%.*}
    [ ! -f "$work/day/$number.goroutine.pb.gz" ] || whole=$((whole + 1))
done
[ "$whole" -eq 20 ] || complain "$whole whole snapshots: $(ls "$work/day")"
# Every file has its line, and every line is whole.
for file in "$work"/day/*.pb.gz; do
    lines=$(grep -c "^{\"file\":\"${file##*/}\",.*\"xxh3\":\"[0-9a-f]*\"}$" \
        "$work/day/manifest.ndjson")
    [ "$lines" -eq 1 ] || complain "${file##*/} has $lines lines"
done
! grep -qvE '^\{.*\}$' "$work/day/manifest.ndjson" || complain "lines in pieces"
"$seep" leaks "$work/day" >"$work/report" 2>&1
status=$?
[ "$status" -eq 1 ] ||
    complain "leaks: status $status: $(cat "$work/report")"
grep -q 'goroutine-chan-receive' "$work/report" ||
    complain "leaks: $(cat "$work/report")"
! grep -q 'manifest\|ignored' "$work/report" || complain "leaks: a note"

# The same again when all is there; more when more is wanted.
: >"$work/said"
begin "$asked" -o "$work/day" --resume "$@"
finish 0
has '^seep: 20 of 20 snapshots are there already$'
begin "$asked" -o "$work/day" --resume --count 21 "$@"
finish 0
has '^seep: 21 of 21 snapshots saved'

# A line in pieces, a file without a line, and one that is gone.
: >"$work/said"
begin "$url" -n 3 --interval 50ms -o "$work/torn"
finish 0
sed -i -e '/"ended"/d' -e '/02.goroutine/d' "$work/torn/manifest.ndjson"
printf '{"file":"02.gorou' >>"$work/torn/manifest.ndjson"
: >"$work/torn/.seep-AbC123"
rm "$work/torn/01.heap.pb.gz"
begin "$url" -o "$work/torn" --resume
finish 0
has '^seep: 2 of 3 snapshots are there already$' \
    '^seep: 3 of 3 snapshots saved .*, and part of one; the verdict'
[ -f "$work/torn/03.heap.pb.gz" ] || complain "torn: $(ls "$work/torn")"
[ ! -e "$work/torn/.seep-AbC123" ] || complain "torn: half a file is left"
[ "$(grep -c '"file":"02.goroutine.pb.gz",.*}$' \
    "$work/torn/manifest.ndjson")" -eq 1 ] || complain "torn: not found again"

# Interrupted while it waits for an answer.
serve steady --fault hang@3
: >"$work/said"
begin "$url" -n 5 --interval 50ms -o "$work/stopped"
until_there "$work/stopped/00.goroutine.pb.gz"
sleep 0.3
begun=$fetching
# One run at a time.
"$seep" fetch "$url" -o "$work/stopped" --resume 2>"$work/second"
grep -q '^seep: another seep fetch is saving into .*/stopped$' \
    "$work/second" || complain "second: $(cat "$work/second")"
kill -INT "$begun"
finish 130
has '^seep: 1 of 5 snapshots saved in .*; interrupted, --resume goes on with it$'
[ "$(ls -A "$work/stopped" | tr '\n' ' ')" = \
    "00.goroutine.pb.gz 00.heap.pb.gz manifest.ndjson " ] ||
    complain "stopped: $(ls -A "$work/stopped")"
grep -q '"ended":"interrupted"' "$work/stopped/manifest.ndjson" ||
    complain "stopped: the manifest does not say so"
begin "$url" -o "$work/stopped" --resume
finish 0

# Interrupted before anything came: nothing is left.
serve steady --fault hang
begin "$url" -o "$work/nothing/at/all"
until_there "$work/nothing/at/all"
sleep 0.2
kill -TERM "$fetching"
finish 143
[ ! -e "$work/nothing" ] || complain "nothing: $(find "$work/nothing")"

# Several at once: one that is not there is said at once and stops no other.
serve steady --go 1.27
: >"$work/said"
begin "$url" 127.0.0.1:1 -n 2 --interval 50ms -o "$work/both" \
    --profile goroutineleak,heap
finish 2
has '^seep: http://127.0.0.1:1/debug/pprof/goroutineleak: cannot connect: ' \
    '^seep: 127.0.0.1:[0-9]*: 2 of 2, leaked goroutines 0, heap [0-9.]+ MB$' \
    '^seep: 127.0.0.1:[0-9]*: 2 of 2 snapshots saved in .*/both/127.0.0.1_'
[ "$(ls -A "$work/both" | wc -l)" -eq 1 ] || complain "both: $(ls "$work/both")"

# What is secret is in no file and in no word.
grep -rl 'sesame' "$work" >"$work.found"
[ "$(sort "$work.found" | tr '\n' ' ')" = "$work/headers $work/password " ] ||
    complain "secrets in: $(cat "$work.found")"
rm -f "$work.found"
exit $failed
