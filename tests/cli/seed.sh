#!/bin/sh
# The eight programs of the guide to leaks that seep started from, as real Go
# programs: each is built, takes twelve snapshots of itself, and must be found
# with its function, and so must a pool of grown buffers; the mended one and
# other healthy ones must not.
# usage: seed.sh PROGRAM TESTDATA
seep=$1
testdata=$2

name=seed
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
work=$(mktemp -d) || exit 2
running=
stop() {
    for pid in $running; do
        kill "$pid" 2>/dev/null
    done
    wait
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

mkdir "$work/bin"
build_go "$testdata/src/seed" "$work/bin/" ./...

# Program, the function that must be named, rules that are right for it (the
# buckets of a growing map are a large object too).
cat >"$work/table" <<'END'
unclosed-channel main.worker goroutine-chan-receive
map-cache main.addUser heap-map-held|heap-growth|heap-large-object
slice-structs main.newContainer heap-large-object
context-never-cancelled main.open heap-context
sync-pool-misuse main.newPage heap-pool
listeners main.subscribe heap-listener
global-slice main.process heap-large-object
closure-capture main.printer heap-large-object|heap-closure
pool-grown-buffers main.(*Scratch).render heap-growth|heap-pool
healthy - -
healthy-workers - -
healthy-buffers - -
healthy-keepalive - -
END

while read -r name function rules; do
    mkdir "$work/$name"
    "$work/bin/$name" -dir "$work/$name" >"$work/$name.log" 2>&1 &
    running="$running $!"
done <"$work/table"
for pid in $running; do
    wait "$pid" || {
        echo "seed: a program ended with an error"
        cat "$work"/*.log
        exit 1
    }
done
running=

# "GRADE RULE FUNCTION" of each finding worth a look: its headline begins with
# number and grade, its next line that ends in a rule's id with the function.
findings() {
    awk '/^ *[0-9]+ (proven|strong|suspect) / { grade = $2 }
        grade != "" && $NF ~ /^(goroutine|heap|memstats)-/ {
            print grade, $NF, $1
            grade = ""
        }' "$work/report"
}

failed=0
while read -r name function rules; do
    "$seep" leaks "$work/$name" >"$work/report" 2>&1
    found=$(findings)
    case $name in
    healthy*) expected='^$' ;;
    *) expected="^[a-z]* ($rules) $(echo "$function" | sed 's/[.()*]/\\&/g')\$" ;;
    esac
    echo "$name: ${found:-quiet}"
    if [ "$(echo "$found" | grep -cE "$expected")" -ne 1 ]; then
        echo "$name: expected ${rules} at ${function}, but:"
        cat "$work/report"
        failed=1
    fi
done <"$work/table"
exit $failed
