#!/bin/sh
# A real Go program that holds memory in ways which look like another: what is
# in use or waits for reuse is not called a part that keeps a large array.
# usage: heap_held.sh PROGRAM TESTDATA
case $1 in
/*) seep=$1 ;;
*) seep=$PWD/$1 ;;
esac
name=heap_held
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -r "$2/src/held" "$work/src" || exit 2
build_go "$work/src" ../held .
cd "$work" || exit 2
failed=0

# dump WAY: findings in $work/found, what is not needed in $work/waste.
dump() {
    way=$1
    timeout 60 ./held "$way" dump 2>said || { cat said; exit 1; }
    timeout 60 "$seep" heap dump --exe held --min-bytes 1MB --format csv \
        --verbose >found
    timeout 60 "$seep" heap dump --exe held --view waste --format csv >waste
}

has() { # FILE PATTERN
    grep -q "$2" "$1" && return
    echo "heap_held: $way: no line of '$1' has '$2'"
    cat "$1"
    failed=1
}

lacks() { # FILE PATTERN
    grep -q "$2" "$1" || return
    echo "heap_held: $way: '$1' has '$2'"
    cat "$1"
    failed=1
}

dump inline
lacks found dump-substring
# Strings of the environment may be what they like.
lacks waste 'pinned.*main\.'
# The runtime allocates a timer in something larger of its own.
lacks waste 'rounding,.*time.Ti'

dump idle
has found 'dump-substring,info,'
lacks found 'dump-substring,suspect,'
has waste 'kept for reuse,.*uint8'

dump pool
has found 'dump-substring,info,'
lacks found 'dump-substring,suspect,'
has waste 'kept for reuse,.*uint8'

dump part
has found 'dump-substring,suspect,'
lacks waste 'kept for reuse'

exit "$failed"
