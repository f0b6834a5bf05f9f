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
        wait "$server" || complain "the server ended with status $?"
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
    # Some 20 ms; on a busy machine as long as it takes.
    for _ in $(seq 600); do
        url=$(sed -n 's,.*\(http://.*\)$,\1,p' "$work/server" | head -n 1)
        [ -z "$url" ] || return 0
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    cat "$work/server"
    complain "no server for $*"
    exit 1
}

# Load, all faults; alone they are below and in test_serve. With a world that
# restarts at each answer and a clock that is as fast as can be, each turn of
# the server is full of work, and yet it ends at once.
if [ -x "$load" ]; then
    "$load" "$seep" 0.7 200 "" "slow,drip,hang" "reset,truncate,length,bomb" \
        "500,404,401,redirect,html" "10000 restart" "10000 slow:0.1,reset:0.1" ||
        complain "the server did not stand the load"
else
    complain "$load is missing"
fi

# logs WORDS: the server says them, within 10 s.
logs() {
    for _ in $(seq 200); do
        ! grep -qE -- "$1" "$work/server" || return 0
        sleep 0.05
    done
    complain "not '$1' in: $(cat "$work/server")"
}

# A process that outgrows its machine dies, once told, and lives again.
serve gc-off --speed 10000 --background 100
for _ in 1 2 3; do
    timeout 20 "$seep" fetch "$url" -n 1 --interval 1s \
        -o "$work/grows" >/dev/null 2>&1
    rm -rf "$work/grows"
done
logs '^seep: a service outgrew its machine .* started anew$'
stop
[ "$(grep -c outgrew "$work/server")" -eq 1 ] || complain "outgrew: not once"

# Ports in a row, from the one that the kernel picked; services round.
serve steady map-cache --targets 3 --ports
port=${url#http://127.0.0.1:}
logs "^seep: serving steady-1 and 2 others, ports to $((${port%%/*} + 2)), at "
stop
serve steady --ports --background 100
logs '^seep: --ports: there is one service, and one port$'
stop
serve all --targets 2
logs '^seep: serving [a-z-]+ and 1 other of [0-9]+ scenarios at /NAME/debug/'
stop

# What fetch says, in one line, and that it saves nothing. Only what never
# comes in time is not waited for.
said() {
    patience=15s
    case $1 in slow | drip | hang) patience=1s ;; esac
    serve steady --fault "$1" --background 100
    timeout 60 "$seep" fetch "$url" -n 1 -o "$work/$1" --timeout $patience \
        2>"$work/said"
    status=$?
    [ "$status" -eq 2 ] || complain "$1: exit status $status"
    [ "$(wc -l <"$work/said")" -eq 1 ] || complain "$1: not one line"
    grep -qE -- "$2" "$work/said" || complain "$1: $(cat "$work/said")"
    [ ! -e "$work/$1" ] || complain "$1: left $(ls -A "$work/$1")"
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
said html 'heap: not a profile: a login page$'
said bomb 'heap: .*needs more than [0-9]+ MiB of memory'
said length 'heap: not a whole profile: gzip data is truncated$'
said hang 'heap: no answer within 1 s$'

# fetch STATUS ARGS...: into $work/said, within 20 s.
fetch() {
    wanted=$1
    shift
    timeout 20 "$seep" fetch "$@" 2>"$work/said"
    status=$?
    [ "$status" -eq "$wanted" ] || complain "fetch $*: exit status $status"
}

# has WORDS...: the last fetch said each.
has() {
    for words in "$@"; do
        grep -qE -- "$words" "$work/said" ||
            complain "not '$words' in: $(cat "$work/said")"
    done
}
has_not() {
    if grep -qE -- "$1" "$work/said"; then
        complain "'$1' in: $(cat "$work/said")"
    fi
}

# An answer that fails once is asked for again; the first too.
serve steady --fault 500@1+4 --background 100
fetch 0 "$url" -n 3 --interval 400ms -o "$work/again"
has '^seep: 3 of 3 snapshots saved in .*/again; the verdict: seep leaks '
[ "$(find "$work/again" -name '0*' | wc -l)" -eq 6 ] || complain "again: files"
stop

# One that fails three times is missed, and the series goes on.
serve steady --fault reset@3+4+5 --background 100
fetch 2 "$url" -n 3 --interval 400ms -o "$work/missed"
has '^seep: snapshot 2 of 3 missed: .*heap: connection reset after' \
    '^seep: 2 of 3 snapshots saved in .*/missed; the last failure: http.*reset'
has_not 'verdict'
[ -f "$work/missed/02.goroutine.pb.gz" ] || complain "missed: not gone on"
stop

# Server errors only: given up after ten, and no directory for nothing.
serve steady --fault 500 --background 100
fetch 2 "$url" -n 30 --interval 20ms -o "$work/ten"
has '^seep: snapshot 10 of 30 missed' \
    '^seep: 0 of 30 snapshots saved; given up after 10 failures in a row'
has_not 'snapshot 11 of'
[ ! -e "$work/ten" ] || complain "ten: left a directory"
stop

# A wrong target is given up at once.
serve steady --fault 404 --background 100
fetch 2 "$url" -n 30 -o "$work/wrong"
[ "$(wc -l <"$work/said")" -eq 1 ] || complain "wrong: $(cat "$work/said")"
stop

# The process ends after its first snapshot: all others are missed.
serve steady --background 100
timeout 20 "$seep" fetch "$url" -n 4 --interval 600ms -o "$work/dies" \
    2>"$work/said" &
fetching=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -f "$work/dies/00.goroutine.pb.gz" ] || break
    sleep 0.05
done
stop
wait "$fetching"
status=$?
[ "$status" -eq 2 ] || complain "dies: exit status $status"
has '^seep: 1 of 4 snapshots saved in .*; the last failure: .*cannot connect'

# What the URL says is done, and what is secret in it is not shown.
serve steady --background 100
fetch 0 "${url}goroutine?debug=2&token=sesame" -o "$work/now"
has '^seep: 1 of 1 snapshot saved in [^;]*$'
has_not 'sesame'
has '^seep: 1 of 1, goroutines [1-9][0-9,]*$'
grep -q '^goroutine 1 \[' "$work/now/00.goroutine.txt" ||
    complain "now: no dump"
fetch 0 "${url}heap?debug=1" -n 2 --interval 100ms -o "$work/texts"
grep -q '^heap profile: ' "$work/texts/01.heap.txt" || complain "texts: no text"
fetch 0 "${url}profile?seconds=1" -n 1 --timeout 500ms -o "$work/cpu"
has_not 'verdict'
fetch 0 "$url" --profile threadcreate -n 2 --interval 50ms -o "$work/threads"
has_not 'verdict|1 stacks'

# No disk: at once, without the URL, and the process is not asked again.
(
    trap '' XFSZ
    ulimit -f 1
    timeout 20 "$seep" fetch "$url" -n 5 --interval 100ms -o "$work/full/of" \
        2>&1
    echo "status $?"
) | cat >"$work/said"
has '^seep: .*/full/of/00.heap.pb.gz: cannot write: File too large$' '^status 2$'
[ "$(wc -l <"$work/said")" -eq 2 ] || complain "full: $(cat "$work/said")"
[ ! -e "$work/full" ] || complain "full: left a directory"

# TLS asked of who does not speak it.
fetch 2 "https://${url#http://}" -n 1 -o "$work/tls"
# A reset may overtake the answer: then only the end is seen.
has 'heap: the server .*TLS.* http://'
stop

# Nobody there; a secret that must not be shown.
"$seep" fetch "http://user:secret@127.0.0.1:1" -n 1 -o "$work/none" \
    2>"$work/said"
grep -q '^seep: http://127.0.0.1:1/debug/pprof/heap: cannot connect: ' \
    "$work/said" || complain "refused: $(cat "$work/said")"
[ ! -e "$work/none" ] || complain "refused: left a directory"

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
grep -q 'of another run; choose another directory, or go on with it: --resume$' "$work/said" ||
    complain "again: $(cat "$work/said")"
stop
grep -q '^seep: stopped after' "$work/server" ||
    complain "no clean end: $(cat "$work/server")"
exit $failed
