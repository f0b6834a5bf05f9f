#!/bin/sh
# What `go f(x)` starts is called f in all of what seep says of a dump, as
# profiles call it: also where f was inlined into what the compiler made for
# the statement.
# usage: heap_started.sh PROGRAM TESTDATA
case $1 in
/*) seep=$1 ;;
*) seep=$PWD/$1 ;;
esac
name=heap_started
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -r "$2/src/started" "$work/src" || exit 2
# What earlier ones make for the statement is called as a function literal is.
version=$("$go" env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
if [ "${version:-0}" -lt 22 ]; then
    echo "heap_started: Go 1.22 or later marks such functions: skipped"
    exit 77
fi
build_go "$work/src" ../started .
cd "$work" || exit 2
timeout 60 ./started dump || exit 1
failed=0

# shows WORDS...: what heap says with them, without wrappers.
shows() {
    if ! timeout 60 "$seep" heap dump --exe started "$@" >said ||
        grep -q 'gowrap\|dwrap' said || ! grep -q "$want" said; then
        echo "heap_started: '$*' has a wrapper, or no '$want'"
        cat said
        failed=1
    fi
}

for want in main.called main.inlined; do
    shows --view goroutines
    shows --view holders
    shows --view dominators
done
want=time.Sleep
shows --view goroutines
want=main.called
shows --paths-to main.request
exit "$failed"
