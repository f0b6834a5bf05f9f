#!/bin/sh
# A whole run of the comparison with pprof: what it compares, that it sees a
# difference, and that an interrupted one goes on. The peer is seep itself, and
# lies where it is told to. usage: pprof_whole.sh PROGRAM TESTDATA
seep=$1
testdata=$2
build=$(dirname "$seep")
work=$(mktemp -d) || exit 2
run=
failed=0

cleanup() {
    [ -z "$run" ] || kill "$run" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

complain() {
    echo "pprof_whole: $*"
    cat "$work/out" "$work/err"
    failed=1
}

# said NAME WORDS: in what the last run printed
said() {
    grep -q -- "$2" "$work/out" || complain "$1: not '$2'"
}

# peer SHELL: runs SHELL in front of seep
peer() {
    printf '#!/bin/sh\n%s\nexec "%s" pprof "$@"\n' "$1" "$seep" >"$work/peer"
    chmod +x "$work/peer"
}

# compare OPTION...: of three heap profiles of the demo
compare() {
    "$build/tests/cli/pprof_diff" --journal "$work/journal" \
        "$@" "$seep" "$work/peer" "$work/demo" \
        >"$work/out" 2>"$work/err" &
    run=$!
    if [ -d "$work/slow" ]; then
        # Until it has something to remember.
        for _ in $(seq 600); do
            [ "$(wc -l <"$work/journal")" -lt 2 ] || break
            sleep 0.1
        done
        kill -TERM "$run"
    fi
    wait "$run"
    status=$?
    run=
}

known() {
    sed -n 's/.*, \([0-9]*\) known from .*/\1/p' "$work/out"
}

mkdir "$work/demo"
cp "$testdata"/demo/0[0-2].heap.pb.gz "$work/demo"
profiles=3

# Broad flag sets meet every profile, others a share that grows.
peer ''
compare --flags -comments --depth 1000000
[ "$status" -eq 0 ] || complain "broad: status $status"
said broad "^$profiles profiles (0 large): 1 broad flag sets on each, 2 others"
said broad "^$profiles comparisons: 0 differences"
compare --flags -comments --depth 1
[ "$(known)" = "$profiles" ] || complain "deeper: $(known) known"
# The first profile of a run has no first one to be merged with.
said deeper "^$((3 * profiles - 1)) comparisons: 0 differences"

# A peer that changed is asked everything again; a difference is shown, and
# is no longer believed by the next run.
peer 'case "$*" in *hello*) echo lie; exit 0 ;; esac'
compare --flags -comments --depth 1 --each 1
[ "$status" -eq 1 ] || complain "lie: status $status"
[ -z "$(known)" ] || complain "lie: $(known) known"
said lie '^DIFFERS: -comments -add_comment=hello$'
said lie "^ *$profiles differ: -comments -add_comment=hello$"
said lie "^$((3 * profiles - 1)) comparisons: $((2 * profiles - 1)) differences"
compare --flags -comments --depth 1
[ "$(known)" = "$profiles" ] || complain "after the lie: $(known) known"
said "after the lie" ": $((2 * profiles - 1)) differences"

# Ended early, it tells what it did, and the next run does the rest.
# Three questions are answered, one of them of the peer's age; others wait.
peer "[ ! -d '$work/slow' ] || mkdir '$work/slow/1' || mkdir '$work/slow/2' ||
    mkdir '$work/slow/3' || sleep 60"
mkdir "$work/slow"
: >"$work/journal"
compare --flags -comments --depth 1
[ "$status" -eq 1 ] || complain "interrupted: status $status"
said interrupted '^interrupted: [0-9]* of [0-9]* comparisons were not made'
n_done=$(sed -n 's/^\([0-9]*\) comparisons: 0 differences.*/\1/p' "$work/out")
rm -r "$work/slow"
printf '1 cut off' >>"$work/journal"
compare --flags -comments --depth 1
[ "$status" -eq 0 ] || complain "resumed: status $status"
[ "$(known)" = "$n_done" ] && [ "$n_done" -gt 0 ] ||
    complain "resumed: '$(known)' of '$n_done' known"
said resumed "^$((3 * profiles - 1)) comparisons: 0 differences"
exit $failed
