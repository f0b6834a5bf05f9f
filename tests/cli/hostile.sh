#!/bin/sh
# What the world does to a program: every case must end with its documented
# status, say one line, and leave nothing half-written.
# usage: hostile.sh PROGRAM TESTDATA
seep=$1
testdata=$2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

# expect NAME STATUS: compares $status and prints what stderr said.
expect() {
    if [ "$status" -ne "$2" ]; then
        echo "$1: exit $status, not $2"
        cat err
        failed=1
    fi
}

# one_line NAME WORDS: stderr is one line with these words.
one_line() {
    if [ "$(wc -l <err)" -ne 1 ] || ! grep -q -- "$2" err; then
        echo "$1: stderr is not one line with '$2':"
        cat err
        failed=1
    fi
    case $(cat err) in
    "seep: "*) ;;
    *)
        echo "$1: no 'seep: ' in front"
        failed=1
        ;;
    esac
}

# only NAME FILES...: the directory `out` holds these files and nothing else.
only() {
    name=$1
    shift
    if [ "$(ls -A out | tr '\n' ' ')" != "$*" ]; then
        echo "$name: left behind: $(ls -A out)"
        failed=1
    fi
}

demo=$testdata/demo
mkdir out

# A closed pipe ends quietly, with the verdict's status.
{
    "$seep" leaks "$demo" 2>err
    echo $? >status
} | true
status=$(cat status)
expect "closed pipe" 1
[ -s err ] && { echo "closed pipe: said something"; cat err; failed=1; }

# What a profile names is no command of GitHub's runner.
planted() {
    printf 'goroutine profile: total %s\n%s @ 0x1 0x2\n' "$1" "$1"
    printf '#\t0x1\t::error::x.f+0x1\t/a/##[error]b.go:3\n'
    printf '#\t0x2\tacme.dev/shop.serve+0x1\t/a/main.go:3\n\n'
}
planted 1 >base.txt
planted 500 >head.txt
for format in text markdown; do
    GITHUB_ACTIONS=true "$seep" diff base.txt head.txt -v --format $format \
        >told 2>err
    if ! grep -q 'error::x' told || grep -q '^[[:blank:]]*::' told ||
        grep -q '##\[' told; then
        echo "a workflow's command in $format:"
        grep -n '::\|##' told
        failed=1
    fi
done
env -u GITHUB_ACTIONS "$seep" diff base.txt head.txt >told 2>err
grep -q '^ *::error::x' told || { echo "a name was changed elsewhere"; failed=1; }
GITHUB_ACTIONS=true "$seep" leaks '##[error]x' >told 2>err
status=$?
expect "a workflow's command on stderr" 2
one_line "a workflow's command on stderr" 'seep: ?#\[error]x'
rm -f base.txt head.txt told

# A full disk, on stdout and for a file.
if [ -w /dev/full ]; then
    "$seep" leaks "$demo" >/dev/full 2>err
    status=$?
    expect "stdout full" 2
    one_line "stdout full" "No space left"
    "$seep" rules -o /dev/full 2>err
    status=$?
    expect "file full" 2
    one_line "file full" "/dev/full: cannot write"
fi

# stdout closed altogether.
"$seep" leaks "$demo" >&- 2>err
status=$?
expect "no stdout" 2
one_line "no stdout" "cannot write the output"

# Unreadable inputs: a directory inside, a loop of links, nothing at all.
ln -s loop.pb.gz loop.pb.gz
"$seep" leaks loop.pb.gz >out.txt 2>err
status=$?
expect "loop of links" 2
one_line "loop of links" "loop.pb.gz"
"$seep" leaks "$demo" missing.pb.gz >out.txt 2>err
status=$?
expect "missing file" 2
one_line "missing file" "missing.pb.gz"
[ -s out.txt ] && { echo "missing file: stdout is not empty"; failed=1; }

# Output where nothing can be created; no second format is written either.
"$seep" leaks "$demo" --format json -o none/x.json 2>err
status=$?
expect "missing directory" 2
one_line "missing directory" "none/x.json"

# An existing file stays whole when it cannot be replaced.
mkdir out/taken
"$seep" leaks "$demo" -o out/taken 2>err
status=$?
expect "output is a directory" 2
rmdir out/taken
only "output is a directory"

# A file is replaced as a whole, keeps its mode, and nothing is left beside.
echo old >out/report.txt
chmod 600 out/report.txt
"$seep" leaks "$demo" -o out/report.txt 2>err
status=$?
expect "replace" 1
only "replace" "report.txt "
grep -q old out/report.txt && { echo "replace: the old text"; failed=1; }
[ "$(stat -c %a out/report.txt)" = 600 ] || { echo "replace: mode"; failed=1; }
rm out/report.txt

# Ctrl-C and termination while reading: a pipe that never ends. The program
# is started by itself: a shell's background jobs ignore SIGINT.
mkfifo slow.pb.gz
for pair in INT:130 TERM:143; do
    sleep 5 >slow.pb.gz &
    writer=$!
    timeout --preserve-status -s "${pair%:*}" 0.5 \
        "$seep" leaks slow.pb.gz -o out/report.txt >out.txt 2>err
    status=$?
    expect "SIG${pair%:*}" "${pair#*:}"
    only "SIG${pair%:*}"
    kill "$writer" 2>/dev/null
    wait "$writer" 2>/dev/null
done

# Out of memory: one line, exit 2. Sanitizers need all the address space.
if ! grep -q __asan_init "$seep"; then
    for limit in 16000 20000 24000; do
        (
            ulimit -v "$limit" || exit 77
            exec "$seep" leaks "$demo" >out.txt 2>err
        )
        status=$?
        if [ "$status" -eq 2 ]; then
            one_line "memory $limit" "memory"
        elif [ "$status" -ne 1 ] && [ "$status" -ne 127 ]; then
            echo "memory $limit: exit $status"
            failed=1
        fi
    done
fi

exit $failed
