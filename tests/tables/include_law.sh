#!/bin/sh
# The law of includes: a folder of src/ includes base/ and, of the folders left
# of it, only their front headers. usage: include_law.sh ROOT
set -eu
cd "$1"

# Rank of a folder; those of equal rank do not include each other.
rank() {
  case $1 in
  base) echo 0 ;;
  fetch | profile | heap) echo 1 ;;
  input | series | graph | sim) echo 2 ;;
  rules) echo 3 ;;
  review) echo 4 ;;
  report | store) echo 5 ;;
  watch) echo 6 ;;
  cmd) echo 7 ;;
  *) echo none ;;
  esac
}

bad=0
complain() {
  echo "$1"
  bad=1
}

check_file() {
  file=$1
  room=$2
  mine=$(rank "$room")
  [ "$mine" != none ] || complain "$file: folder $room is not in the law"
  for name in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file"); do
    case $name in
    profile.pb-c.h)
      [ "$room" = profile ] || complain "$file: includes generated $name"
      continue
      ;;
    ../* | */../*)
      complain "$file: includes $name by a relative path"
      continue
      ;;
    */*) other=${name%%/*} ;;
    *)
      # Only cmd/ has headers without a folder in front.
      [ "$room" = cmd ] || complain "$file: includes $name without its folder"
      continue
      ;;
    esac
    [ "$other" != "$room" ] && [ "$other" != base ] || continue
    theirs=$(rank "$other")
    if [ "$theirs" = none ]; then
      complain "$file: includes $name of an unknown folder"
    elif [ "$theirs" -ge "$mine" ]; then
      complain "$file: includes $name, which lies to the right of $room"
    elif [ "$name" != "$other/$other.h" ]; then
      complain "$file: includes $name instead of $other/$other.h"
    fi
  done
}

n=0
for file in src/*/*.[ch] src/*/*.def cmd/*.[ch] cmd/*.def; do
  [ -f "$file" ] || continue
  room=${file%/*}
  check_file "$file" "${room#src/}"
  n=$((n + 1))
done
[ "$n" -gt 0 ] || complain "no sources found"
for file in src/*.[ch] src/*/*/*.[ch]; do
  [ ! -f "$file" ] || complain "$file: sources lie in src/<folder>/"
done
exit "$bad"
