#!/bin/sh
# Prints the path of a pprof to compare with: SEEP_PEER_PPROF of the
# environment, the one that came with an installed Go, or one built from it,
# once, into BUILD_DIR. Nothing, and status 1, when there is none.
# usage: peer_pprof.sh BUILD_DIR
if [ -n "${SEEP_PEER_PPROF:-}" ]; then
  [ -x "$SEEP_PEER_PPROF" ] && echo "$SEEP_PEER_PPROF"
  exit
fi
built=$1/peer-pprof
if [ -x "$built" ]; then
  echo "$built"
  exit
fi
GOTOOLCHAIN=local
GOPROXY=off
GOFLAGS=
export GOTOOLCHAIN GOPROXY GOFLAGS
[ -n "${HOME:-}" ] || { GOCACHE=$1/go-cache && export GOCACHE; }
for go in "$(command -v go)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
  [ -n "$go" ] && [ -x "$go" ] || continue
  for tool in "$("$go" env GOROOT)"/pkg/tool/*/pprof; do
    if [ -x "$tool" ]; then
      echo "$tool"
      exit
    fi
  done
  # Newer Go has no more than its source.
  if (cd / && "$go" build -o "$built" cmd/pprof) >&2 && [ -x "$built" ]; then
    echo "$built"
    exit
  fi
done
exit 1
