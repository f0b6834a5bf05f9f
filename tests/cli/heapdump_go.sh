#!/bin/sh
# The Go package that takes heap dumps, by its own tests.
# usage: heapdump_go.sh PROGRAM TESTDATA
sources=$2/../contrib/heapdump
for go in "$(command -v go)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
    if [ -x "$go" ]; then
        break
    fi
done
if [ ! -x "$go" ]; then
    echo "heapdump_go: no Go in PATH, /usr/local/go/bin or /usr/lib/go-*/bin:" \
        "skipped"
    exit 77
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$sources" || exit 2
GOFLAGS=-mod=mod GOWORK=off GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=0 \
    HOME="${HOME:-$work}" TMPDIR=$work "$go" test -count=1 ./...
