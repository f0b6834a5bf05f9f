#!/bin/sh
# Evaluations that are stopped and go on: the result file always holds whole
# lines, none is run twice, and the figures do not depend on what was resumed
# or on the number of processes.
# usage: evaluate_resume.sh PROGRAM TESTDATA
seep=$1
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

fail() {
    echo "$*"
    failed=1
}

run() {
    "$seep" sim --evaluate unclosed-channel map-cache steady --seeds 2 "$@"
}

run --jobs 1 >whole || fail "one process: exit $?"
run --jobs 3 --results results >same || fail "three processes: exit $?"
cmp whole same || fail "the number of processes changes the figures"
[ "$(wc -l <results)" -eq 6 ] || fail "not six results"

# Cut in the middle of a line: five are left, one is run again.
head -c -20 results >cut
head -n 2 cut >kept
cp cut results
run --results results >same || fail "resumed: exit $?"
cmp whole same || fail "resuming changes the figures"
[ "$(wc -l <results)" -eq 6 ] || fail "the cut line was not run again"
head -n 2 results | cmp - kept || fail "results were written anew"

# Nothing left to do.
cp results before
run --results results >same || fail "all there: exit $?"
cmp whole same || fail "old results change the figures"
cmp results before || fail "results were run again"

# Another program's results are left alone; a file that holds other things is
# not touched at all.
sed 's/seep [^"]*"/seep other"/' before >results
run --results results >same || fail "other results: exit $?"
cmp whole same || fail "results of another program were used"
[ "$(wc -l <results)" -eq 12 ] || fail "lines were lost"
printf 'my notes, no newline' >notes
cp notes notes.before
run --results notes >out 2>err && fail "results went into somebody's notes"
cmp notes notes.before || fail "somebody's notes were changed"

# A signal in the middle leaves whole lines.
rm results
run --seeds 400 --jobs 2 --results results >out 2>err &
pid=$!
n=0
while [ "$(cat results 2>/dev/null | wc -l)" -lt 4 ] && [ $n -lt 600 ]; do
    sleep 0.1
    n=$((n + 1))
done
kill -TERM $pid
wait $pid
status=$?
[ $status -eq 143 ] || fail "ended by a signal: exit $status"
[ -z "$(tail -c 1 results | tr -d '\n')" ] || fail "a half line was written"
[ -s out ] && fail "a report of a part was printed"

# Where nothing can be written.
run --results /nowhere/results >out 2>err
[ $? -eq 2 ] || fail "no place for results"
grep -q '/nowhere/results' err || fail "the place is not named"

exit $failed
