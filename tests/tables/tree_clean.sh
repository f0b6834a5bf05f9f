#!/bin/sh
# Sources hold no absolute paths of a machine, no left-over notes, no tabs,
# no trailing blanks; headers begin with a comment that says the idea.
# usage: tree_clean.sh ROOT
set -eu
cd "$1"
bad=0
list=$(find src cmd tests cmake proto docs \( -name '*.[ch]' -o -name '*.def' \
  -o -name '*.cmake' -o -name '*.sh' -o -name '*.md' -o -name '*.proto' \) \
  ! -name tree_clean.sh)

# complain TITLE PATTERN: no line of the sources may match.
complain() {
  found=$(printf '%s\n' "$list" | xargs grep -nE "$2" /dev/null || true)
  if [ -n "$found" ]; then
    echo "$1:"
    printf '%s\n' "$found" | head -n 20
    bad=1
  fi
}

# Console sessions quote what programs print, blanks and all.
all=$list
list=$(printf '%s\n' "$all" | grep -v '^tests/cli/.*\.md$')
complain 'trailing blanks' '[ 	]+$'
list=$all
complain 'left-over notes' '(TODO|FIXME)([^A-Za-z]|$)'
complain 'paths of a machine' '/(work|tmp/team)/'

for file in src/*/*.h cmd/*.h; do
  [ -f "$file" ] || continue
  case $(head -c 2 "$file") in
  '/*') ;;
  *)
    echo "$file: does not begin with a comment"
    bad=1
    ;;
  esac
done
exit "$bad"
