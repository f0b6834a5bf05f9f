#!/bin/sh
# A plug-in file without a row in its table never runs, a row without a file
# does not link: files and rows must be the same names, each once.
# usage: tables_complete.sh ROOT
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# check FOLDER PREFIX TABLE MACRO [DEFINITION]
# Where other files share the prefix, a plug-in is one with the definition.
check() {
  [ -f "$3" ] || { ls "$1/$2"*.c >/dev/null 2>&1 || return 0; }
  for file in "$1/$2"*.c; do
    [ -f "$file" ] || continue
    [ -z "${5:-}" ] || grep -q "$5" "$file" || continue
    name=${file##*/"$2"}
    echo "${name%.c}"
  done | grep -vx template | LC_ALL=C sort >"$work/files" || true
  if [ ! -f "$3" ]; then
    echo "$3 does not exist"
    bad=1
    return 0
  fi
  sed -n "s/^[ \t]*$4(\([a-z0-9_]*\)).*/\1/p" "$3" | LC_ALL=C sort >"$work/rows"
  if ! diff "$work/files" "$work/rows" >"$work/diff"; then
    echo "$3 and $1/$2*.c differ (< file without row, > row without file):"
    grep '^[<>]' "$work/diff"
    bad=1
  fi
}

check src/rules rule_ src/rules/rules.def RULE
check src/report render_ src/report/renderers.def RENDERER
check src/report pprof_ src/report/pprof_reports.def PPROF_REPORT \
  '^const struct pprof_report pprof_report_'
check src/report export_ src/report/export_formats.def EXPORT_FORMAT
check cmd cmd_ cmd/cmds.def CMD
exit "$bad"
