#!/bin/sh
# The shared library exports what the public headers declare, and they declare
# nothing that does not exist. usage: exports.sh ROOT ARCHIVE SHARED
set -eu
map=$(dirname "$3")/seep.map
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n 's/^    \([a-z][a-z0-9_]*\);$/\1/p' "$map" | LC_ALL=C sort >"$work/map"
nm -D --defined-only "$3" | sed -n 's/.* [TDRBV] \([^@]*\).*/\1/p' |
  grep -v '^SEEP_' | LC_ALL=C sort >"$work/shared"
missing=$(LC_ALL=C comm -23 "$work/map" "$work/shared")
extra=$(LC_ALL=C comm -13 "$work/map" "$work/shared")
[ -z "$missing" ] || echo "declared but not defined:" $missing
[ -z "$extra" ] || echo "exported but not declared:" $extra
[ -s "$work/map" ] && [ -z "$missing" ] && [ -z "$extra" ]
