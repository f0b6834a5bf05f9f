#!/bin/sh
# A simulated service under load, with every fault: 200 clients at once must
# neither end it nor make it grow, and SIGTERM ends it cleanly. Then what
# `seep fetch` says of each fault, and the whole way from a live service to a
# verdict. Loopback only; ports are picked by the kernel.
# usage: serve.sh PROGRAM TESTDATA
seep=$1
load=$(dirname "$seep")/tests/bench_serve
work=$(mktemp -d) || exit 2
server=
failed=0

stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null
        wait "$server"
        server=
    fi
}
cleanup() {
    stop
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

complain() {
    echo "serve: $*"
    failed=1
}

# serve ARGS...: starts a server; $url is where it serves.
serve() {
    : >"$work/server" # or the line of the server before would be read
    "$seep" sim "$@" --serve 127.0.0.1:0 2>"$work/server" &
    server=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        url=$(sed -n 's,.*\(http://.*\)$,\1,p' "$work/server" | head -n 1)
        [ -z "$url" ] || return 0
        sleep 0.25
    done
    cat "$work/server"
    complain "no server for $*"
    exit 1
}

# Load, all faults.
if [ -x "$load" ]; then
    "$load" "$seep" 1 200 || complain "the server did not stand the load"
else
    complain "$load is missing"
fi

# What fetch says, in one line, and that it saves nothing.
said() {
    serve steady --fault "$1" --background 100
    timeout 20 "$seep" fetch "$url" -n 1 -o "$work/$1" --timeout 1s \
        2>"$work/said"
    status=$?
    [ "$status" -eq 2 ] || complain "$1: exit status $status"
    [ "$(wc -l <"$work/said")" -eq 1 ] || complain "$1: not one line"
    grep -qE -- "$2" "$work/said" || complain "$1: $(cat "$work/said")"
    [ -z "$(ls -A "$work/$1")" ] || complain "$1: saved $(ls -A "$work/$1")"
    stop
}
said slow 'heap: no answer within 1 s$'
said drip 'heap: timed out after 1 s, with [0-9]+ bytes received$'
said reset 'heap: connection reset after [0-9]+ bytes$'
said truncate 'heap: the answer broke off after [0-9]+ of [0-9]+ bytes$'
said 500 'heap: HTTP status 500: internal server error$'
said 404 'heap: HTTP status 404: 404 page not found$'
said 401 'heap: HTTP status 401: Unauthorized$'
said redirect 'heap: HTTP status 302: redirects are not followed'
said html 'heap: not a profile: an HTML page$'
said bomb 'heap: .*needs more than [0-9]+ MiB of memory'
said length 'heap: not a whole profile: gzip data is truncated$'
said hang 'heap: no answer within 1 s$'

# One failure among several is missed, and said.
serve steady --fault 500@3 --background 100
timeout 20 "$seep" fetch "$url" -n 3 --interval 100ms -o "$work/missed" \
    2>"$work/said"
status=$?
[ "$status" -eq 2 ] || complain "missed: exit status $status"
grep -q '^seep: snapshot 2 of 3 missed: .*HTTP status 500' "$work/said" ||
    complain "missed: $(cat "$work/said")"
[ -f "$work/missed/02.heap.pb.gz" ] || complain "missed: not gone on"
stop

# Nobody there; a secret that must not be shown.
"$seep" fetch "http://user:secret@127.0.0.1:1" -n 1 -o "$work/none" \
    2>"$work/said"
grep -q '^seep: http://127.0.0.1:1/debug/pprof/heap: cannot connect: ' \
    "$work/said" || complain "refused: $(cat "$work/said")"

# From a live leak to its name.
serve unclosed-channel --speed 300 --background 100
timeout 60 "$seep" fetch "$url" -n 10 --interval 200ms -o "$work/live" \
    2>"$work/said" || complain "live: $(cat "$work/said")"
stop
"$seep" leaks "$work/live" >"$work/report"
status=$?
[ "$status" -eq 1 ] || complain "live: exit status $status"
grep -q 'goroutine-chan-receive' "$work/report" ||
    complain "live: $(cat "$work/report")"
# What was saved is there once; a second run must not be mixed in.
serve steady --background 100
"$seep" fetch "$url" -n 1 -o "$work/live" 2>"$work/said"
grep -q 'exists; choose another directory$' "$work/said" ||
    complain "again: $(cat "$work/said")"
stop
grep -q '^seep: stopped after' "$work/server" ||
    complain "no clean end: $(cat "$work/server")"
exit $failed
