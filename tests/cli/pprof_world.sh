#!/bin/sh
# seep pprof and the world around it: pipes that close, full disks, terminals,
# Graphviz, live processes, binaries, and a home directory that stays empty.
# usage: pprof_world.sh PROGRAM TESTDATA
seep=$1
testdata=$2
demo=$testdata/demo
heap=$demo/00.heap.pb.gz
work=$(mktemp -d) || exit 2
server=
failed=0
export TZ=UTC
unset PPROF_BINARY_PATH PPROF_TMPDIR

cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2
mkdir home
export HOME=$work/home

complain() {
    echo "pprof: $*"
    failed=1
}

# expect NAME STATUS: of the last command, in $status
expect() {
    [ "$status" -eq "$2" ] || complain "$1: status $status, not $2: $(cat err)"
}

# last NAME WORDS: the last line on stderr has them
last() {
    tail -n 1 err | grep -q -- "$2" || complain "$1: not '$2': $(cat err)"
}

# --- ends that break off ---

{
    "$seep" pprof -traces "$heap" 2>err
    echo $? >status
} | true
status=$(cat status)
expect "closed pipe" 0
[ -s err ] && complain "closed pipe: $(cat err)"

if [ -w /dev/full ]; then
    for format in top proto raw; do
        "$seep" pprof -$format "$heap" >/dev/full 2>err
        status=$?
        expect "full, -$format" 2
        last "full, -$format" "No space left"
    done
    "$seep" pprof -top -output /dev/full "$heap" 2>err
    status=$?
    expect "full file" 2
    last "full file" "/dev/full: cannot write"
    "$seep" convert "$heap" --to csv >/dev/full 2>err
    status=$?
    expect "full, convert" 2
fi
"$seep" pprof -top "$heap" >&- 2>err
status=$?
expect "no stdout" 2
last "no stdout" "cannot write the output"

# A lost source counts even when the report is fine, and is said last.
"$seep" pprof -proto "$heap" lost.pb.gz -output x >sum.pb.gz 2>err
status=$?
expect "lost" 3
last "lost" "^seep: lost 3 of 4 sources: lost.pb.gz, -output, x$"
"$seep" pprof -top lost.pb.gz "$heap" 2>err >lost.txt
"$seep" pprof -top "$heap" >found.txt
cmp -s lost.txt found.txt || complain "lost: another report"
# A report that fails is worse than a source that is lost.
"$seep" pprof -peek=nothing "$heap" lost.pb.gz >out.txt 2>err
status=$?
expect "lost and no match" 2
grep -q 'no matches found' err || complain "lost and no match: $(cat err)"
[ -s out.txt ] && complain "lost and no match: stdout is not empty"

# --- files ---

mkdir out
echo old >out/top.txt
chmod 600 out/top.txt
"$seep" pprof -top -output=out/top.txt "$heap" 2>err
status=$?
expect "output" 0
last "output" "^seep: Generating report in out/top.txt$"
cmp -s out/top.txt found.txt || complain "output: another report"
"$seep" pprof -peek=nothing -output=out/none.txt "$heap" 2>err
[ "$(ls -A out)" = top.txt ] || complain "output: left behind $(ls -A out)"
"$seep" pprof -top -output=none/x "$heap" 2>err
status=$?
expect "output nowhere" 2
cat "$heap" | "$seep" pprof -top - 2>err | cmp -s - found.txt ||
    complain "stdin: another report"

# A terminal gets no bytes that it cannot show.
if script -qec true /dev/null >/dev/null 2>&1; then
    for format in proto:pb.gz callgrind:callgraph.out; do
        for number in 001 002; do
            script -qec "'$seep' pprof -${format%%:*} '$heap'" /dev/null >said
            name=profile$number.${format##*:}
            grep -q "^seep: Generating report in $name" said ||
                complain "terminal: $(cat said)"
            [ -s "$name" ] || complain "terminal: no $name"
        done
    done
    script -qec "'$seep' pprof -top '$heap'" /dev/null | grep -q '^File: ' ||
        complain "terminal: no text"
    # Names are hostile: what a terminal would act on is not shown.
    bell=$(printf '\007\302\233')
    script -qec "'$seep' pprof -comments -add_comment='a${bell}b' '$heap'" \
        /dev/null | tr -d '\r' >said
    printf 'a???b\n' | cmp -s - said || complain "terminal: $(cat -v said)"
    script -qec "'$seep' pprof -top -format=csv '$heap'" /dev/null >said
    grep -q '?' said && complain "terminal: $(cat -v said)"
    "$seep" pprof -comments -add_comment="a${bell}b" "$heap" >said
    printf 'a%sb\n' "$bell" | cmp -s - said || complain "pipe: $(cat -v said)"
    "$seep" pprof -top profile001.pb.gz | cmp -s - found.txt ||
        complain "terminal: another profile"
    script -qec "'$seep' convert '$heap' --to pprof" /dev/null >said
    grep -q 'is not for a terminal' said || complain "convert: $(cat said)"
fi

# --- Graphviz ---

mkdir bin
ln -s "$seep" bin/seep
(PATH=$work/bin && seep pprof -png "$heap") >out.txt 2>err
status=$?
expect "no dot" 2
last "no dot" "-png needs dot of Graphviz, which is not installed"
printf '#!/bin/sh\necho nothing; exit 3\n' >bin/dot
chmod +x bin/dot
(PATH=$work/bin:$PATH && seep pprof -png "$heap") >out.txt 2>err
status=$?
expect "failing dot" 2
last "failing dot" "dot failed with status 3"
[ -s out.txt ] && complain "failing dot: stdout is not empty"
# It gets the graph, all of it, and its output is passed on.
printf '#!/bin/sh\nread -r first; echo "$1 $first"; exec wc -c\n' >bin/dot
(PATH=$work/bin:$PATH && seep pprof -pdf "$heap") >out.txt 2>err
"$seep" pprof -dot "$heap" >graph.dot
grep -q '^-Tpdf digraph ' out.txt || complain "dot: $(head -n 1 out.txt)"
bytes=$(($(wc -c <graph.dot) - $(head -n 1 graph.dot | wc -c)))
[ "$(tail -n 1 out.txt | tr -d ' ')" = "$bytes" ] ||
    complain "dot: $(tail -n 1 out.txt) of $bytes bytes"
if command -v dot >/dev/null 2>&1; then
    "$seep" pprof -svg "$heap" >out.svg 2>err
    status=$?
    expect "svg" 0
    grep -q '</svg>' out.svg || complain "svg: no picture"
fi

# --- programs ---

# The first of several arguments may be one; found ones are named.
cp "$seep" orders-test
"$seep" pprof -top ./orders-test "$heap" 2>err | head -n 1 >out.txt
grep -q '^File: orders-test$' out.txt || complain "program: $(cat out.txt)"
"$seep" pprof -top ./orders-test 2>err
status=$?
expect "program alone" 2
printf 'main.main;main.work 3\n' >own.folded
"$seep" convert own.folded --to pprof -o own.pb.gz
# A mapping without a build id is looked for by name.
"$seep" pprof -proto ./orders-test own.pb.gz >named.pb.gz 2>err
mkdir -p binaries/usr/lib/debug
cp "$seep" binaries/usr/lib/debug/orders-test.debug
PPROF_BINARY_PATH=/nonexistent:$work/binaries "$seep" pprof -raw named.pb.gz |
    grep -q " $work/binaries/usr/lib/debug/orders-test.debug " ||
    complain "binaries: not found"
PPROF_BINARY_PATH=$work/binaries "$seep" pprof -raw -buildid=abc named.pb.gz |
    grep -q 'orders-test.debug abc' || complain "binaries: no build id"
"$seep" pprof -comments -buildid=abc own.pb.gz >out.txt 2>err
status=$?
expect "build id" 0
"$seep" pprof -top -buildid=abc own.pb.gz | grep -q '^Build ID: abc$' ||
    complain "build id: not there"

# --- live processes ---

"$seep" sim map-cache --serve 127.0.0.1:0 2>server &
server=$!
url=
for _ in $(seq 600); do
    url=$(sed -n 's,.*\(http://.*\)$,\1,p' server | head -n 1)
    [ -z "$url" ] || break
    sleep 0.05
done
[ -n "$url" ] || complain "no server: $(cat server)"
"$seep" pprof -top "${url}heap" >out.txt 2>err
status=$?
expect "live" 0
grep -q '^Type: inuse_space$' out.txt || complain "live: $(cat out.txt)"
last "live" "^seep: fetching the profile from ${url}heap$"
# Without a path it is the CPU profile, and the host may stand alone.
host=${url#http://}
"$seep" pprof -top -seconds 1 "${host%%/*}" >out.txt 2>err
status=$?
expect "live, CPU" 0
grep -q '^Type: cpu$' out.txt || complain "live, CPU: $(cat out.txt)"
grep -q '^Duration: 1s' out.txt || complain "live, CPU: $(cat out.txt)"
"$seep" pprof -top "${url}heap" "${url}nothing?token=sesame" >out.txt 2>err
status=$?
expect "live, lost" 3
last "live, lost" "^seep: lost 1 of 2 sources: ${url}nothing$"
grep -q sesame err && complain "live: a secret in $(cat err)"
"$seep" pprof -top -base "${url}heap" "${url}heap" >out.txt 2>err
status=$?
expect "live base" 0
# Nobody asks a proxy for this machine, and others only through it.
http_proxy=http://127.0.0.1:1 "$seep" pprof -top -quiet "${url}heap" \
    >out.txt 2>err
status=$?
expect "proxy" 0
for host in seep.invalid localhost.invalid 127.invalid; do
    http_proxy=http://127.0.0.1:1 "$seep" pprof -top -quiet \
        "http://$host/heap" >out.txt 2>err
    status=$?
    expect "proxy alone" 2
    last "proxy alone" "cannot connect: Connection refused"
done
kill "$server"
wait "$server"
server=
"$seep" pprof -top -timeout 5 "${url}heap" >out.txt 2>err
status=$?
expect "nobody there" 2

[ -z "$(ls -A home)" ] || complain "in the home directory: $(ls -A home)"
exit $failed
