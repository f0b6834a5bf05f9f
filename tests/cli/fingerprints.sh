#!/bin/sh
# A leak keeps its id: over moved lines, a renamed file, renumbered closures,
# builds with and without inlining, -trimpath and a vendor folder; and in the
# corpus over versions of Go. usage: fingerprints.sh PROGRAM TESTDATA
seep=$1
sources=$2/src/fingerprint
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0
ran=0

fail() {
    echo "fingerprints: $*"
    failed=1
}

# ids NAME ARGS...: "id loose_id" of each finding, into NAME.ids.
ids() {
    name=$1
    shift
    "$seep" leaks "$@" --no-config --format json -o "$name.json"
    status=$?
    [ "$status" -le 1 ] || [ "$status" -eq 3 ] || fail "$name: exit $status"
    sed -n 's/^   "id": "\([0-9a-f]*\)",$/\1/p
        s/^   "loose_id": "\([0-9a-f]*\)",$/\1/p' "$name.json" | sort \
        >"$name.ids"
}

same() {
    ran=$((ran + 1))
    [ -s "$1.ids" ] || fail "$1: nothing found"
    cmp -s "$1.ids" "$2.ids" || {
        fail "other ids in $2 than in $1:"
        diff "$1.ids" "$2.ids"
    }
}

# --- versions of Go, from the corpus ---

corpus=${SEEP_SHARED:-$2/../../shared}/corpus
for scenario in chanrecv contexts mapcache mutexdead sliceappend ticker; do
    for run in "$corpus/$scenario"/go1.*; do
        [ -d "$run" ] || continue
        # A single finding of a grade that counts: smaller ones come and go.
        ids "$work/$scenario" "$run"
        sed -n '/"grade": "strong"/q;p' "$work/$scenario.json" >"$work/head"
        sed -n 's/^   "id": "\([0-9a-f]*\)",$/\1/p' "$work/head" | tail -n 1 \
            >"$work/$scenario.$(basename "$run").ids"
        if [ -f "$work/$scenario.first.ids" ]; then
            same "$work/$scenario.first" "$work/$scenario.$(basename "$run")"
        else
            cp "$work/$scenario.$(basename "$run").ids" \
                "$work/$scenario.first.ids"
        fi
    done
done

# --- builds of one program ---

name=fingerprints
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"

unset GOFLAGS # one build is of what is vendored
export HOME="${HOME:-$work}"

# build NAME DIR FLAGS...
build() {
    name=$1
    dir=$2
    shift 2
    (cd "$dir" && "$go" build "$@" -o "$work/$name.bin" .) >"$work/log" 2>&1 || {
        cat "$work/log"
        fail "$name: cannot be built"
        exit 1
    }
}

cp -r "$sources/app" "$sources/dep" "$work/"
cp -r "$work/app" "$work/moved"
rm "$work/moved/main.go"
# More lines, more closures in front of those that leak, another file.
awk '
    NR == 1 { for (i = 0; i < 40; i++) print "// moved" }
    /^type service struct/ { print "var early = func() {}\n" }
    { print }
    /^func \(s \*service\) await/ { print "\t_ = func() { println(s) }" }
    /^func nested/ { print "\tearly = func() { println(s) }" }
    /^var shapes/ {
        print "\t\"none\": func(s *service, q *queue[int], i int) { println(i) },"
    }' "$work/app/main.go" >"$work/moved/server.go"
cp -r "$work/app" "$work/vendored"
(cd "$work/vendored" && "$go" mod vendor) || fail "cannot vendor"

build base "$work/app" -mod=mod
build trimpath "$work/app" -mod=mod -trimpath
build noinline "$work/app" -mod=mod -gcflags=-l
build moved "$work/moved" -mod=mod
build vendored "$work/vendored" -mod=vendor -trimpath

for shape in closure value inlined generic nested append filled; do
    # Goroutines hold memory, which may count as one more finding or not.
    case $shape in
    append | filled) kind=heap ;;
    *) kind=goroutine ;;
    esac
    for build in base trimpath noinline moved vendored; do
        out=$work/$shape.$build
        mkdir "$out.d"
        "$work/$build.bin" "$out.d" "$shape" || fail "$out: cannot run"
        # Whose code a replaced module is, its path does not tell.
        ids "$out" "$out.d"/*."$kind".pb.gz --module acme.dev/fingerprint
        same "$work/$shape.base" "$out"
    done
done

# Other leaks have other ids.
n=$(cat "$work"/*.base.ids | sort | uniq -d | wc -l)
[ "$n" -eq 0 ] || fail "$n ids are of several leaks"

[ "$ran" -ge 35 ] || fail "only $ran comparisons"
exit "$failed"
