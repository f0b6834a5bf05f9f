#!/bin/sh
# A watch of a service that leaks, and of one for each fault that there is:
# every fault is named, the leak is found as if the others were not there, no
# snapshot is half-saved, and memory stays bounded. Prints a table.
# usage: watch_faults.sh PROGRAM TESTDATA
seep=$1
work=$(mktemp -d) || exit 2
servers=
failed=0
cleanup() {
    for process in $servers; do
        kill "$process" 2>/dev/null
    done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
    echo "watch_faults: $*"
    failed=1
}

# serve NAME ARGS...: $address is where it serves.
serve() {
    log=$work/$1.log
    : >"$log"
    shift
    "$seep" sim "$@" --speed 60 --serve 127.0.0.1:0 2>"$log" &
    servers="$servers $!"
    for _ in $(seq 400); do
        address=$(sed -n 's,.*http://\([0-9.:]*\).*,\1,p' "$log" | head -n 1)
        [ -z "$address" ] || return 0
        sleep 0.05
    done
    cat "$log"
    fail "no server for $*"
    exit 1
}

# Fault, and what the watch must say of it.
cat >"$work/table" <<'END'
slow "failure":"timeout"|"event":"moment"
drip "failure":"timeout"
reset "failure":"broken"
truncate "failure":"broken"
500 "failure":"server-error"
404 "failure":"refused"
401 "failure":"refused"
redirect "failure":"redirect"
html "failure":"not-a-profile"
bomb "failure":"too-large"
length "failure":"broken"
restart "event":"restart"
hang "failure":"timeout"
END

serve well map-cache
well=$address
echo "$well" >"$work/targets"
while read -r fault _; do
    serve "$fault" steady --fault "$fault"
    echo "$address fault=$fault" >>"$work/targets"
done <"$work/table"

# is_seen: the leak is confirmed, and each fault named.
is_seen() {
    grep '"event":"confirmed"' "$work/events" | grep -q "\"$well\"" ||
        return 1
    while read -r fault expected; do
        grep "\"fault\":\"$fault\"" "$work/events" |
            grep -qE "$expected" || return 1
    done <"$work/table"
}

# Thirty seconds, and on a busy machine as long as it takes, within reason.
"$seep" watch --targets "$work/targets" --interval 2s --timeout 8s \
    --format ndjson --store "$work/store" >"$work/events" 2>"$work/err" &
watch=$!
memory=
for half in $(seq 480); do
    now=$(awk '/^VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$watch/status" \
        2>/dev/null)
    memory=${now:-$memory}
    kill -0 "$watch" 2>/dev/null || break
    [ "$half" -lt 60 ] || [ $((half % 10)) -ne 0 ] || ! is_seen || break
    sleep 0.5
done
kill -s INT "$watch"
wait "$watch"
status=$?
[ "$status" -eq 1 ] || {
    cat "$work/err"
    fail "status $status where one service leaks"
}
grep '"event":"confirmed"' "$work/events" | grep -q "\"$well\"" || {
    grep "\"$well\"" "$work/events" | cut -c 1-300 | tail -n 8
    fail "the leak of the sound service is not found"
}
[ "${memory:-999}" -lt 250 ] || fail "$memory MB of memory"
while read -r fault expected; do
    said=$(grep "\"fault\":\"$fault\"" "$work/events" |
        grep -E -o -m 1 "$expected" | head -n 1)
    n=$(grep "\"fault\":\"$fault\"" "$work/events" |
        grep -c '"event":"missed"')
    [ -n "$said" ] || {
        grep "\"fault\":\"$fault\"" "$work/events" | head -n 5
        fail "$fault: not named"
    }
    printf '%-10s %2s missed  %s\n' "$fault" "$n" "$said"
done <"$work/table"
echo "14 targets, at most $memory MB"

# Nothing half-saved: what is in the store is read and judged.
"$seep" leaks --store "$work/store" --target "$well" >"$work/judged"
[ $? -eq 1 ] || {
    cat "$work/judged"
    fail "the store does not give the leak"
}
[ "$failed" -eq 0 ] || exit 1
