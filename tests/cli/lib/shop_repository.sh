# A repository with the program of testdata/src/shop, and what a job does with
# it: builds of branches, runs, the gate. For scripts that begin with
#   name=SCRIPT seep=PROGRAM sources=FOLDER; . shop_repository.sh
# and end with `exit $failed`; skips when Go or git is not there.

# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
if ! command -v git >/dev/null; then
    echo "$name: no git: skipped"
    exit 77
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0
fail() {
    echo "$name: $*"
    failed=1
}

export HOME="${HOME:-$work}" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null \
    COLUMNS=160
repository=$work/shop
cp -r "$sources" "$repository"
cd "$repository" || exit 2
git init -q -b main .
git config user.email test@example.com
git config user.name test
git config commit.gpgsign false
printf '.seep-baseline.json\n' >.gitignore

commit() {
    git add -A && git commit -q -m "$1" ||
        fail "commit of $1"
}
commit base

# build NAME: what is checked out.
build() {
    "$go" build -o "$work/bin.$1/shop" . >"$work/build" 2>&1 || {
        cat "$work/build"
        fail "build of $1"
    }
}

# run NAME RUN OPTIONS...: profiles of a run in $work/NAME.RUN.
run() {
    build=$1
    dir=$work/$1.$2
    shift 2
    mkdir "$dir"
    timeout 60 "$work/bin.$build/shop" -o "$dir" "$@" || fail "run of $build"
}

# gate WHAT STATUS ARGUMENTS...: of seep; the output is in $work/out.
gate() {
    what=$1
    due=$2
    shift 2
    timeout 60 "$seep" "$@" >"$work/out" 2>"$work/err"
    status=$?
    if [ "$status" != "$due" ]; then
        cat "$work/out" "$work/err"
        fail "$what: status $status where $due was due"
    else
        printf '%-52s exit %s\n' "$what" "$status"
    fi
}

# says TEXT: in what the last gate printed.
says() {
    grep -q -- "$1" "$work/out" || {
        cat "$work/out"
        fail "$what: does not say '$1'"
    }
}

# change BRANCH FROM FILE SED: a pull request that changes a file.
change() {
    git checkout -q -b "$1" "$2" || fail "branch $1"
    sed -i "$4" "$3"
    commit "$1"
    build "$1"
}

# diff of the last moments of two runs, main's first one before.
last="09.heap.pb.gz 09.goroutine.pb.gz"
sides() {
    echo --base
    for file in $last; do echo "$work/$1/$file"; done
    echo --head
    for file in $last; do echo "$work/$2/$file"; done
}

# A temporary folder has no blanks in its name; sides are split at them.
# shellcheck disable=SC2046
compare() {
    what=$1
    due=$2
    base=$3
    head=$4
    shift 4
    gate "$what" "$due" diff $(sides "$base" "$head") "$@"
}

