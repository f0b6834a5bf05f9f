#!/bin/sh
# Real Go services, watched until they leak: those of testdata/src/seed that do
# must be named at their marked line, the others must stay quiet. All at once,
# as a fleet of different programs would be.
# usage: watch_go.sh PROGRAM TESTDATA
seep=$1
sources=$2/src/seed

name=watch_go
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
work=$(mktemp -d) || exit 2
services=
watches=
failed=0
cleanup() {
    for process in $watches $services; do
        kill "$process" 2>/dev/null
    done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
    echo "watch_go: $*"
    failed=1
}

mkdir "$work/bin"
build_go "$sources" "$work/bin/" ./...

# start NAME: $url is where it serves, $service its process.
start() {
    "$work/bin/$1" -addr 127.0.0.1:0 -life 80s >"$work/$1.url" &
    service=$!
    services="$services $service"
    for _ in $(seq 200); do
        url=$(head -n 1 "$work/$1.url")
        [ -z "$url" ] || return 0
        sleep 0.05
    done
    fail "$1 did not start"
    return 1
}

# watch NAME OPTIONS...: in the background; its status goes to NAME.status. The
# service leaks for as long as it may be watched and ends with its watch: on a
# busy machine it may have to catch up first, and growth that slows down is not
# yet a leak.
watch() {
    name=$1
    shift
    (
        timeout 90 "$seep" watch "$@" --interval 1s \
            >"$work/$name.out" 2>"$work/$name.err"
        echo $? >"$work/$name.status"
        kill "$service"
    ) &
    watches="$watches $!"
}

programs=$(ls "$work/bin")
for name in $programs; do
    start "$name" || continue
    case $name in
    healthy*) watch "$name" "$url" --for 20s ;;
    *) watch "$name" "$url" --for 60s --until-leak ;;
    esac
done
for watch in $watches; do
    wait "$watch"
done
watches=

# expect NAME STATUS
expect() {
    status=$(cat "$work/$1.status" 2>/dev/null)
    [ "$status" = "$2" ] && return 0
    cat "$work/$1.out" "$work/$1.err"
    fail "$1: status ${status:-none} where $2 was due"
    return 1
}

for name in $programs; do
    case $name in
    healthy*)
        expect "$name" 0 && printf '%-24s quiet\n' "$name"
        continue
        ;;
    esac
    line=$(grep -n '// leaks$' "$sources/$name/main.go" | cut -d: -f1)
    expect "$name" 1 || continue
    if grep -q "main\.go:$line\b" "$work/$name.out"; then
        took=$(cat "$work/$name.out" "$work/$name.err" |
            grep -o -m 1 'confirmed after [0-9a-z. ]*')
        printf '%-24s main.go:%-3s %s\n' "$name" "$line" "$took"
    else
        cat "$work/$name.out"
        fail "$name: main.go:$line is not named"
    fi
done
[ "$failed" -eq 0 ] || exit 1
