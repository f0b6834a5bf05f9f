#!/bin/sh
# The Go package that takes heap dumps, by its own tests.
# usage: heapdump_go.sh PROGRAM TESTDATA
sources=$2/../contrib/heapdump
name=heapdump_go
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$sources" || exit 2
HOME="${HOME:-$work}" TMPDIR=$work "$go" test -count=1 ./...
