# Sourced by the scripts beside it: packages of node, fetched once into the
# build folder, exact versions. What is missing is named and the test skipped.
# Nothing of it becomes part of seep.

# skip REASON
skip() {
  echo "${0##*/}: $1: skipped"
  exit 77
}

# packages FOLDER NAME@VERSION...: in FOLDER afterwards, all of them there.
packages() {
  folder=$1
  shift
  command -v node >/dev/null || skip "no node"
  command -v npm >/dev/null || skip "no npm"
  mkdir -p "$folder" && cd "$folder" || exit 2
  # The mark is written last, so that half a fetch is done again.
  if [ "$(cat fetched 2>/dev/null)" = "$*" ]; then
    return
  fi
  echo '{"private": true}' >package.json
  timeout 240 npm install --no-audit --no-fund --no-package-lock \
    --ignore-scripts --fetch-retries 0 "$@" >npm.log 2>&1 || skip "npm cannot fetch $*"
  echo "$*" >fetched
}
