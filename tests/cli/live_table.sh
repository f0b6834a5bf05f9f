#!/bin/sh
# The live table on a terminal that changes its size, is stopped and goes on:
# never wider or higher than it, and as it was at the end.
# usage: live_table.sh PROGRAM TESTDATA
seep=$1
testdata=$2
terminal=$(dirname "$seep")/tests/cli/on_terminal
work=$(mktemp -d) || exit 2
cd "$work" || exit 2
server=
failed=0

cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

complain() {
    echo "live_table: $*"
    failed=1
}

"$seep" sim map-cache steady unclosed-channel --speed 60 --background 100 \
    --serve 127.0.0.1:0 2>server &
server=$!
for _ in $(seq 600); do
    url=$(sed -n 's,.*\(http://.*\)$,\1,p' server | head -n 1)
    [ -z "$url" ] || break
    sleep 0.05
done
port=$(echo "$url" | sed 's,.*:\([0-9]*\)/.*,\1,')
for name in map-cache steady unclosed-channel; do
    echo "127.0.0.1:$port/$name/debug/pprof/ app=$name"
done >list
echo '127.0.0.1:1' >>list

TERM=xterm-256color
LC_ALL=C.UTF-8
export TERM LC_ALL
unset COLUMNS NO_COLOR

# has FILE WORDS...
has() {
    file=$1
    shift
    for words in "$@"; do
        grep -qE -- "$words" "$file" ||
            complain "not '$words' in $file: $(cat "$file")"
    done
}
has_not() {
    ! grep -qE -- "$2" "$1" || complain "'$2' in $1: $(cat "$1")"
}

# on SIZE ACTS... -- ARGS...: the watch on a terminal, into `shown`.
on() {
    timeout 90 "$terminal" "$@" >shown || complain "$*: $(cat shown)"
}

# picture SIZE: the last picture of this size.
picture() {
    sed -n "/^== $1\$/,/^== /p" shown | grep -v '^== ' >picture
}

on 110x30 8000:60x12 9500:30x5 11000:110x30 12500:INT -- \
    "$seep" watch --targets list --interval 300ms
picture 110x30
has picture '^seep watch  4 targets every 300 ms' \
    '^target .* last .* heap .* growth .* goroutines .* growth .* grade .* trend' \
    '^127.0.0.1:1  .*  failing' 'missed heap: cannot connect' '[▁▂▃▄▅▆▇█]{5}'
# The worst comes first.
sed -n 5p picture >first
has first 'map-cache|unclosed-channel'
picture 60x12
has picture '^target .* grade' '^seep watch'
has_not picture ' trend'
picture 30x5
[ "$(wc -l <picture)" -le 6 ] || complain "30x5: $(cat picture)"
has shown '^== plain' 'LEAK' '^== exit 1 after [0-9]+ pictures'

# Without UTF-8, without colour; ended at once by two signals.
LC_ALL=C NO_COLOR=1 on 100x20 3000:TERM -- \
    "$seep" watch --targets list --interval 300ms --for 1h
has shown '^== exit 143 after'
has_not shown '[▁▂▃▄▅▆▇█…]'

# Stopped and continued: the picture comes back.
on 100x20 1500:TSTP 2500:CONT 4500:INT -- \
    "$seep" watch --targets list --interval 300ms
has shown '^== exit [013] after'

# A terminal that moves no cursor gets lines.
TERM=dumb on 100x20 -- "$seep" watch --targets list --interval 300ms --for 1s
has shown 'missed heap: cannot connect' '^== exit [013] after 0 pictures'

# Nor does it take a line back, as progress does elsewhere.
on 100x20 -- "$seep" leaks "$testdata/demo"
has shown 'reading 1 of '
TERM=dumb on 100x20 -- "$seep" leaks "$testdata/demo"
has shown '^LEAK'
has_not shown "$(printf '\033')"
exit $failed
