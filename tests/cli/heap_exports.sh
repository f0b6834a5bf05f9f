#!/bin/sh
# What `seep heap --export` writes, read by the tools it is for: pprof must show
# all live bytes under the names of holders, and dot must draw.
# usage: heap_exports.sh PROGRAM TESTDATA
seep=$1
tests=$2/../tests
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
bad=0
fail() {
    echo "heap_exports: $*"
    bad=1
}

pprof=$(sh "$tests/peer_pprof.sh" "$(dirname "$seep")" 2>/dev/null)
if [ ! -x "$pprof" ]; then
    echo "heap_exports: no pprof to read them: skipped"
    exit 77
fi
cd "$work" || exit 2
"$seep" sim map-cache --heap-dump --go 1.26 --background 0 --snapshots 2 -q \
    -o s || exit 1
dump=s/map-cache/seed-1/end.heapdump
exe=s/map-cache/seed-1/accounts
"$seep" heap $dump --exe $exe -q --export pprof=paths.pb.gz \
    --export pprof-dominators=tree.pb.gz --export pprof-sites=sites.pb.gz \
    --export dot=tree.dot --format json -o all.json || exit 1
live=$("$seep" heap $dump --exe $exe --view stats --format csv | tr -d '\r' |
    awk -F, '$1 == "reachable bytes" { print $3 }')

top() {
    PPROF_TMPDIR=$work "$pprof" -top -cum -unit=B "$1" 2>&1
}
for name in paths tree; do
    top $name.pb.gz >$name.txt || fail "$name: not read"
    grep -q "of ${live}B total" $name.txt || fail "$name: not $live bytes"
    grep -q 'global main.userCache$' $name.txt || fail "$name: no holder"
    grep -q 'map\[int\]\*main.User (buckets)$' $name.txt ||
        fail "$name: names are cut"
done
grep -q '\.settings1 main.Settings$' paths.txt || fail "paths: no field"
top sites.pb.gz >sites.txt || fail "sites: not read"
grep -q 'main.addUser$' sites.txt || fail "sites: no caller"
PPROF_TMPDIR=$work "$pprof" -top -sample_index=inuse_objects sites.pb.gz \
    >/dev/null 2>&1 || fail "sites: no objects"

if command -v dot >/dev/null; then
    dot -Tsvg tree.dot >tree.svg 2>dot.txt || fail "dot: $(cat dot.txt)"
    grep -q 'global main.userCache' tree.svg || fail "dot: no holder"
fi
exit "$bad"
