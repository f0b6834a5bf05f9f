#!/bin/sh
# Pull requests in a real repository, with profiles of the real program: what a
# reviewer is told, and when the job fails. Leaks are planted by changing one
# line; the same build many times never fails.
# usage: pull_request.sh PROGRAM TESTDATA
name=pull_request
seep=$1
sources=$2/src/shop
# shellcheck source=tests/cli/lib/shop_repository.sh
. "$(dirname "$0")/lib/shop_repository.sh"

# Series that leak are to fail from suspect on: on a busy machine the last
# rounds may take longer, which looks like growth that slows down.
build main
run main 1

# --- base is clean, head leaks ---
buffered='s/make(chan error, 1)/make(chan error)/'
change leak main notify/notify.go "$buffered"
run leak 1 -seed 2
compare "goroutines: head leaks" 1 main.1 leak.1 --rev main...leak
says '^1 new$'
says 'acme.dev/shop/notify.send'
gate "goroutines: the series too" 1 leaks --fail-on suspect \
    "$work/leak.1" --rev main...leak
says 'touched by this change (function): acme.dev/shop/notify.Customer  notify/notify.go:14'
git diff main...leak >"$work/leak.patch"
gate "the same by --patch" 1 leaks --fail-on suspect \
    "$work/leak.1" --patch "$work/leak.patch"
says 'touched by this change (function): acme.dev/shop/notify.Customer  notify/notify.go:14'

ring='s/l.items\[l.next\] = copyOf(item)/l.items = append(l.items, copyOf(item))/'
change hoard main history/history.go "$ring"
run hoard 1 -seed 3
added=$(grep -n 'append(l.items' history/history.go | cut -d : -f 1)
compare "heap: head leaks" 1 main.1 hoard.1 --rev main...hoard
says "touched by this change (line): acme.dev/shop/history.(\*Log).Add  history/history.go:$added\$"
gate "heap: the series too" 1 leaks --fail-on suspect \
    "$work/hoard.1" --rev main...hoard
says "touched by this change (line): acme.dev/shop/history.(\*Log).Add  history/history.go:$added\$"

# --- both leak: existing; more of it: worse; none of it: fixed ---
accepted=$repository/.seep-baseline.json
gate "the leak is accepted" 0 leaks "$work/leak.1" --fail-on never \
    --format json -o "$work/leak.json"
gate "a baseline of it" 0 baseline save "$work/leak.json"
run leak 2 -seed 4
compare "both leak alike: no difference" 0 leak.1 leak.2
gate "both leak: existing" 0 leaks "$work/leak.2" --baseline "$accepted" \
    --only-new
says existing
gate "without --only-new it fails" 1 leaks --fail-on suspect "$work/leak.2" \
    --baseline "$accepted"
change faster leak main.go 's/20\*time.Millisecond/time.Nanosecond/'
run faster 1 -seed 5
gate "growth of an accepted leak: worse" 1 leaks --fail-on suspect \
    "$work/faster.1" \
    --baseline "$accepted" --only-new
says worse
run main 2 -seed 6
gate "the leak is mended: fixed" 0 leaks "$work/main.2" \
    --baseline "$accepted" --only-new
says fixed
compare "mended, by two profiles" 0 leak.1 main.2
says fixed
echo '{"schema": "seep/baseline/1", "id_version": 1, "findings": []}' \
    >"$work/none.json"
compare "mended, with nothing accepted" 0 leak.1 main.2 \
    --baseline "$work/none.json" --only-new
says '1 fixed'
compare "mended, with the leak accepted" 0 leak.1 main.2 \
    --baseline "$accepted" --only-new
says '1 fixed'
# What both sides have is no difference, and not gone.
compare "both leak, with the leak accepted" 0 leak.1 leak.2 \
    --baseline "$accepted" --only-new --format json -o "$work/both.json"
cp "$accepted" "$work/kept.json"
gate "it stays accepted" 0 baseline prune "$work/both.json" \
    --baseline "$work/kept.json"
cmp -s "$accepted" "$work/kept.json" || fail "a comparison took a leak out"
compare "mended, for a baseline" 0 leak.1 main.2 --format json \
    -o "$work/mended.json"
gate "it is taken out" 0 baseline prune "$work/mended.json" \
    --baseline "$work/kept.json"
grep -q '"findings": \[\]' "$work/kept.json" || fail "a mended leak stays"

# --- the same leak under another name or line ---
change moved leak notify/notify.go '1i // A line above.'
run moved 1 -seed 7
gate "moved lines: the same leak" 0 leaks "$work/moved.1" \
    --baseline "$accepted" --only-new
says existing
gate "a baseline of the heap's leak" 0 leaks "$work/hoard.1" --fail-on never \
    --format json -o "$work/hoard.json"
gate "it is accepted" 0 baseline save "$work/hoard.json" \
    --baseline "$work/hoard.baseline"
# Callers are part of an id; the place is found again all the same.
change renamed hoard main.go 's/place(/takeOrder(/'
run renamed 1 -seed 8
gate "renamed caller: moved, not new" 0 leaks "$work/renamed.1" \
    --baseline "$work/hoard.baseline" --only-new
says existing
says 'moved from'
# A place that is called otherwise keeps its fingerprint (renames.sh has more).
change other hoard history/history.go 's/copyOf/clone/'
run other 1 -seed 9
gate "renamed place: the same leak" 0 leaks "$work/other.1" \
    --baseline "$work/hoard.baseline" --only-new --rev hoard...other
says existing
says 'renamed from acme.dev/shop/history.copyOf (by the patch)'
compare "renamed place: no difference" 0 hoard.1 other.1 --rev hoard...other

# --- the same build never fails ---
git checkout -q main
n_runs=10
for i in $(seq 3 2 "$n_runs"); do
    run main "$i" -seed "$((10 + i))" &
    run main "$((i + 1))" -seed "$((11 + i))"
    wait
done
pairs=0
bad=0
for a in $(seq "$n_runs"); do
    for b in $(seq "$n_runs"); do
        [ "$a" = "$b" ] && continue
        pairs=$((pairs + 1))
        # shellcheck disable=SC2046
        timeout 60 "$seep" diff $(sides "main.$a" "main.$b") \
            >"$work/out" 2>"$work/err" || {
            bad=$((bad + 1))
            cat "$work/out" "$work/err"
        }
    done
    timeout 60 "$seep" leaks "$work/main.$a" >"$work/out" 2>"$work/err" || {
        fail "run $a of main is no healthy series"
        cat "$work/out" "$work/err"
    }
done
echo "the same build $n_runs times: $bad of $pairs comparisons fail"
[ "$bad" = 0 ] || failed=1

# --- noise of runs ---
compare "beyond the noise of three runs" 1 main.1 leak.1 --calibrate \
    "$work/main.3" "$work/main.4" "$work/main.5"
# Three are enough, but of so small a program one run may look like another seen
# later: by chance all it allocated is more.
gate "groups: some runs a side" 1 diff \
    --base "$work"/main.[1-6]/09.*.pb.gz \
    --head "$work"/leak.[12]/09.*.pb.gz "$work"/faster.1/09.*.pb.gz \
    "$work"/moved.1/09.*.pb.gz
says strong
exit $failed
