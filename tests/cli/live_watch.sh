#!/bin/sh
# Simulated services, leaky and healthy, watched: verdicts and statuses, what
# is told to machines and commands, evidence that says the same when judged
# again, metrics meanwhile, and how it ends. Loopback only.
# usage: live_watch.sh PROGRAM TESTDATA
seep=$1
lines=$(dirname "$seep")/tests/cli/json_lines
work=$(mktemp -d) || exit 2
cd "$work" || exit 2
servers=
watching=
failed=0

cleanup() {
    for pid in $servers $watching; do
        kill "$pid" 2>/dev/null
    done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

complain() {
    echo "live_watch: $*"
    failed=1
}

# serve ARGS...: starts a server; $url is where it serves.
serve() {
    : >server
    "$seep" sim "$@" --background 100 --serve 127.0.0.1:0 2>server &
    servers="$servers $!"
    for _ in $(seq 600); do
        url=$(sed -n 's,.*\(http://.*\)$,\1,p' server | head -n 1)
        [ -z "$url" ] || return 0
        sleep 0.05
    done
    complain "no server for $*: $(cat server)"
    exit 1
}

# until_said N WORDS STATUS ARGS...: watches until N lines have the words, as
# long as a busy machine may need, and interrupts it then.
until_said() {
    n=$1
    words=$2
    wanted=$3
    shift 3
    : >out
    "$seep" watch "$@" >out 2>err &
    watching=$!
    for _ in $(seq 1200); do
        [ "$(grep -cE -- "$words" out)" -lt "$n" ] || break
        kill -0 "$watching" 2>/dev/null || break
        sleep 0.1
    done
    kill -s INT "$watching"
    wait "$watching"
    status=$?
    watching=
    [ "$status" -eq "$wanted" ] ||
        complain "watch $*: exit status $status; $(tail -n 3 out err)"
}

# watch STATUS ARGS...: into out and err, within two minutes.
watch() {
    wanted=$1
    shift
    timeout 120 "$seep" watch "$@" >out 2>err
    status=$?
    [ "$status" -eq "$wanted" ] ||
        complain "watch $*: exit status $status; $(tail -n 3 out err)"
}

# has FILE WORDS...: it says each.
has() {
    file=$1
    shift
    for words in "$@"; do
        grep -qE -- "$words" "$file" ||
            complain "not '$words' in $file: $(head -n 60 "$file")"
    done
}

serve map-cache --speed 60
leaky=$url
serve steady --speed 5
healthy=$url

# Until the leak is confirmed: the line, the time it took, the status; its
# evidence, a command that is told, events for machines, and metrics.
cat >told.sh <<'EOF'
cat >"$1.json"
echo "told"
EOF
watch 1 "$leaky" --interval 250ms --until-leak --for 100s --evidence kept \
    --on-leak "sh told.sh 'the leak'" --dumps never \
    --format text --format ndjson -o events
has out 'confirmed strong: ' '(settings|users)\.go:[0-9]+' '^LEAK  1 strong' \
    '^note: confirmed after [0-9.]+ s, with [0-9]+ snapshots: main\.' \
    'evidence in kept/' 'ended after [0-9]+ s, a leak was confirmed; LEAK: 1 '
has err '^seep: watching 127\.0\.0\.1:[0-9]+ every 250 ms for 1 min 40 s, until a ' \
    '^told$'
"$lines" schema=seep/event/1 time event target labels profile failure text \
    moment finding data event=start event=added event=confirmed \
    event=evidence event=end <events >counted || complain "$(cat counted)"
has counted '^event=confirmed 1$' '^event=evidence 1$' '^event=end 1$'
"$lines" schema=seep/leak/1 target labels evidence finding.id finding.site.file \
    finding.grade=strong <'the leak.json' >counted ||
    complain "on-leak: $(cat counted)"
# Judged again: the same finding, with the same grade; and pprof opens it.
place=$(echo kept/*-*)
[ -d "$place" ] || complain "evidence: $(ls kept)"
id=${place##*-}
"$seep" leaks "$place" --format json -o again.json
status=$?
[ "$status" -eq 1 ] || complain "again: exit status $status"
tr -d ' \n' <again.json >again.line
tr -d ' \n' <"$place/report.json" >first.line
for file in again.line first.line; do
    has "$file" "\"id\":\"$id\",[^{]*\"grade\":\"strong\""
done
has "$place/report.md" '(settings|users)\.go'
tr -d ' \n' <"$place/manifest.json" >manifest
has manifest '"schema":"seep/evidence/1"' '"position":"first"' \
    '"position":"middle"' '"position":"last"' '"dump":null'
"$seep" pprof -top "$place"/*.heap.pb.gz >top 2>&1 || complain "$(cat top)"

# With a dump: beside the last snapshot, and the verdict stays.
watch 1 "$leaky" --interval 250ms --until-leak --for 100s --evidence dumped \
    --dumps always --quiet
set -- dumped/*/*.goroutine.txt
[ -f "$1" ] || complain "no dump: $(ls dumped/*)"
has "$1" '^goroutine [0-9]+ \['
"$seep" leaks dumped/* >again || [ $? -eq 1 ] || complain "dump: $(cat again)"
has again '^LEAK '

# Nothing leaks: quiet to the end, with the verdict.
serve steady --speed 2
until_said 15 ' snapshot ' 0 "$url" --interval 200ms
has out '^(CLEAN|GROWTH)  '
! grep -qE 'confirmed|strong' out || complain "healthy: $(cat out)"

# A failing target stops nobody, is named once, and is said at the end.
watch 3 "$healthy" 127.0.0.1:1 --interval 200ms --for 4s
has out '  127\.0\.0\.1:1  missed heap: cannot connect' \
    'gave no snapshot: 127\.0\.0\.1:1' '^(CLEAN|GROWTH|INCONCLUSIVE) '
[ "$(grep -c '127.0.0.1:1  missed' out)" -eq 1 ] || complain "said: $(cat out)"

# SIGINT and SIGTERM: a report; the verdict's status without an end of its
# own, else the signal's.
# end SIGNAL STATUS ARGS...
end() {
    signal=$1
    wanted=$2
    shift 2
    "$seep" watch "$healthy" --interval 200ms "$@" >out 2>err &
    watching=$!
    for _ in $(seq 600); do
        [ "$(grep -c ' snapshot ' out)" -lt 8 ] || break
        sleep 0.1
    done
    kill -s "$signal" "$watching"
    wait "$watching"
    status=$?
    watching=
    [ "$status" -eq "$wanted" ] ||
        complain "$signal $*: exit status $status: $(cat out err)"
    has out '^(CLEAN|GROWTH)  ' ' ended after [0-9]+ s, interrupted; [CG]'
}
end INT 0
end TERM 0
end INT 130 --for 1h
end TERM 143 --until-leak

# A report that goes into a file leaves no blank line behind what happened.
timeout 120 "$seep" watch "$healthy" --interval 200ms --for 1s \
    --format text -o report >out 2>err
tail -n 1 out >last
has last ' ended after [0-9]+ s, its time is over; '
has report '^[A-Z]+  '

# A reader that goes away ends it, quietly.
timeout 120 "$seep" watch "$healthy" --interval 200ms 2>err | head -n 12 >out
has out 'snapshot 1, heap .*, goroutines '
[ "$(wc -l <err)" -eq 1 ] || complain "reader gone: $(cat err)"

# A list that changes while it is watched; one that is none changes nothing.
echo "${healthy#http://} app=one" >list
(
    sleep 1
    echo '{"no": "list"' >list.new && mv list.new list
    sleep 1.5
    printf '[{"targets": ["%s"], "labels": {"app": "two"}}]' \
        "$(echo "$leaky" | sed 's,http://\([^/]*\)/.*,\1,')" >list.new &&
        mv list.new list
) &
watch 0 --targets list --interval 200ms --for 8s --fail-on never
wait $!
has out 'the list of targets stays as it was: list: ' 'no longer watched' \
    'watched from now on' 'the list has 1 target now'

# Metrics and health while it runs; only on loopback, only for GET and HEAD.
if command -v curl >/dev/null; then
    : >err
    "$seep" watch "$healthy" --interval 200ms --listen 0 --format ndjson \
        >out 2>err &
    watching=$!
    for _ in $(seq 200); do
        address=$(sed -n 's,.*metrics on \(http://[^ ]*\).*,\1,p' err)
        [ "$(grep -c '"event":"moment"' out)" -lt 3 ] || break
        sleep 0.05
    done
    curl -sS -m 10 "$address" >metrics
    has metrics '^seep_snapshots_total [0-9]' '^# TYPE seep_'
    host=${address%/metrics}
    for path in metrics healthz other; do
        curl -sS -m 10 -o body -w '%{http_code} ' "$host/$path" >>codes
    done
    curl -sS -m 10 -I -o head -w '%{http_code} ' "$host/healthz" >>codes
    curl -sS -m 10 -d x -o body -w '%{http_code}' "$host/metrics" >>codes
    has codes '^200 200 404 200 405$'
    has head '^Content-Length: 3'
    case $host in
    http://127.0.0.1:*) ;;
    *) complain "listens on $host" ;;
    esac
    kill -s INT "$watching"
    wait "$watching"
    watching=
    "$lines" event=end <out >counted || complain "$(cat counted)"
    has counted '^event=end 1$'
fi

# The short watch of seep leaks: as files would be.
serve unclosed-channel --speed 300
timeout 120 "$seep" leaks "$url" --count 12 --interval 200ms >out 2>err
status=$?
[ "$status" -eq 1 ] || complain "leaks URL: exit status $status"
has out '^LEAK  1 strong finding in 1[0-9] snapshots' 'goroutine-chan-receive'
[ ! -s err ] || complain "leaks URL: $(cat err)"
timeout 120 "$seep" leaks "$url" --count 6 --interval 100ms --format json \
    --fail-on never >out 2>err || complain "leaks URL: $(cat out err)"
has out '"target": "127\.0\.0\.1:'

# The same leak in two replicas: one finding, and one command.
serve unclosed-channel --targets 2 --speed 300
echo "${url%/debug/pprof/}/unclosed-channel-1" >replicas
echo "${url%/debug/pprof/}/unclosed-channel-2" >>replicas
until_said 2 'confirmed strong' 1 --targets replicas --interval 250ms \
    --on-leak "sh -c 'cat; echo leak >>told'"
has out '^LEAK  1 strong finding' 'in 2 of 2 replicas'
[ "$(grep -c 'confirmed strong' out)" -eq 2 ] || complain "replicas: $(cat out)"
[ "$(wc -l <told)" -eq 1 ] || complain "replicas: told $(cat told)"

# The store: a second watch is refused, and what was seen is judged again.
watch 1 "$leaky" --interval 250ms --until-leak --for 100s --store seep.db
"$seep" leaks --store seep.db >out
status=$?
[ "$status" -eq 1 ] || complain "store: exit status $status"
has out '(settings|users)\.go:'
watch 1 "$leaky" --interval 250ms --until-leak --for 100s --store seep.db
has out '^note: confirmed '
has err '; going on from [0-9]+ profiles in the store, the last [0-9.]+ m?s old'

# A store that may not grow: said once, the watch goes on to its end and gives
# its verdict, and the status says that not all was written.
full() {
    ulimit -f 500 # of 512 bytes
    until_said 1 ' snapshot 1[2-9], ' 2 "$healthy" --interval 100ms \
        --store full.db
    exit $failed
}
(full) || failed=1
has out 'nothing is stored: full\.db: ' ' snapshot [1-9][0-9], heap' \
    '^(CLEAN|GROWTH|INCONCLUSIVE)  '
[ "$(grep -c 'nothing is stored' out)" -eq 1 ] || complain "full: $(cat out)"
has err '^seep: --store lacks [0-9]+ of [0-9]+ snapshots: full\.db: '
"$seep" leaks --store full.db --fail-on never >out 2>&1
status=$?
[ "$status" -eq 0 ] || [ "$status" -eq 3 ] ||
    complain "full: judged with status $status; $(cat out)"

# Where nobody is, and no port was named.
timeout 60 "$seep" watch 127.0.0.77 --interval 300ms --for 1s >out 2>err
! grep -q 'cannot connect' out || has out 'no port was named, so port 80 was'
exit $failed
