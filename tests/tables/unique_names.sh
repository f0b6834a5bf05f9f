#!/bin/sh
# A file is found by its name: no two sources or headers share one. A test is
# named after the file it tests. usage: unique_names.sh ROOT
set -eu
cd "$1"
bad=0
twice=$(find src cmd tests \( -name '*.c' -o -name '*.h' -o -name '*.def' \) |
  sed 's|.*/||' | LC_ALL=C sort | uniq -d)
if [ -n "$twice" ]; then
  echo "more than one file is called:"
  echo "$twice"
  bad=1
fi
exit "$bad"
