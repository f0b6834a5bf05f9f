#!/bin/sh
# Reports of every size against the schemas of those who read them.
#   sarif      the schema of SARIF 2.1.0, and what GitHub takes of it
#   multitool  SARIF's own validator with its rules for code scanning
#   gitlab     what GitLab documents of code quality reports
#   junit      what readers of JUnit XML agree on
# usage: validate.sh KIND MAKE_REPORT WORK
kind=$1
make_report=$2
work=$3
here=$(cd "$(dirname "$0")" && pwd) || exit 2
. "$here/packages.sh"

# make FORMAT KIND...: names of the files that it made in $files.
make() {
  format=$1
  shift
  mkdir -p "$work" || exit 2
  files=
  for content in "$@"; do
    file=$work/$kind.$content.$format
    "$make_report" "$format" "$content" >"$file" || exit 2
    files="$files $file"
  done
}

# refuses MESSAGE COMMAND...: what is broken must be refused for what is wrong
# with it, else a green check means nothing.
refuses() {
  message=$1
  shift
  if "$@" >"$work/$kind.refused" 2>&1 ||
    ! grep -q "$message" "$work/$kind.refused"; then
    echo "validate.sh: $kind: takes what is broken"
    head "$work/$kind.refused"
    exit 1
  fi
}

all="0 1 200 10000 reviewed hostile tables inconclusive plain"
case $kind in
sarif | gitlab)
  make "$kind" $all
  packages "$work/ajv" ajv@8.20.0 ajv-draft-04@1.0.0 ajv-formats@3.0.1 \
    @microsoft/jest-sarif@1.0.0-beta.0
  echo '[{"version": "2.1.0"}]' >"$work/$kind.broken"
  refuses 'broken: {' node "$here/validate.mjs" "$kind" "$work/$kind.broken"
  exec node "$here/validate.mjs" "$kind" $files
  ;;
multitool)
  make sarif 0 reviewed hostile plain
  packages "$work/multitool" @microsoft/sarif-multitool@5.7.0
  tool=$work/multitool/node_modules/@microsoft/sarif-multitool-linux
  tool=$tool/Sarif.Multitool
  chmod u+x "$tool" 2>/dev/null || skip "no multitool for this machine"
  DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
  export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT
  # Its status does not say whether there were errors.
  check() {
    "$tool" validate "$@" --rule-kind 'Sarif;Ghas' --level Error \
      >"$work/multitool.log" 2>&1
    grep -E ': error|[Ee]xception' "$work/multitool.log" && return 1
    grep 'files scanned' "$work/multitool.log" &&
      grep -q 'Analysis completed successfully' "$work/multitool.log"
  }
  printf '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"a"}},%s]}' \
    '"results":[{"message":{"text":"b"}}]}' >"$work/broken.sarif"
  refuses 'error GH' check "$work/broken.sarif"
  check $files
  exit
  ;;
junit)
  command -v xmllint >/dev/null || skip "no xmllint"
  make junit $all
  echo '<testsuites tests="0" failures="0"/>' >"$work/junit.broken"
  refuses "attribute 'errors' is required" xmllint --nonet --noout --schema \
    "$here/junit.xsd" "$work/junit.broken"
  exec xmllint --nonet --noout --schema "$here/junit.xsd" $files
  ;;
*)
  echo "usage: validate.sh sarif|multitool|gitlab|junit MAKE_REPORT WORK"
  exit 2
  ;;
esac
