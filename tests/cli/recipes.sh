#!/bin/sh
# A gate that cannot fail is a defect: the shell steps of action.yml and of
# docs/recipes are taken out as they are and run, once on a planted leak, which
# must fail them, once on a healthy program, which must not.
# usage: recipes.sh PROGRAM TESTDATA
seep=$1
testdata=$2
root=$(CDPATH='' cd -- "$testdata/.." && pwd)
recipes=$root/docs/recipes
work=$(mktemp -d) || exit 2
servers=
cleanup() {
    for server in $servers; do kill "$server" 2>/dev/null; done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
failed=0
n=0
fail() {
    echo "recipes: $*"
    failed=1
}
mkdir "$work/bin"
ln -s "$seep" "$work/bin/seep"
export PATH="$work/bin:$PATH" INTERVAL=300ms COUNT=10

# step FILE: the first block that begins with "# judge", up to the first line
# that is indented less, without its indentation.
step() {
    awk '
        !inside && $0 ~ /^ *# judge$/ {
            match($0, /^ */); indent = RLENGTH; inside = 1; next
        }
        inside && /^ *$/ { print ""; next }
        inside {
            match($0, /^ */)
            if (RLENGTH < indent || $0 ~ /^```/) exit
            print substr($0, indent + 1)
        }' "$1"
}

# serve SCENARIO: $url is where a simulated service is. Three seconds of it are a
# quarter of an hour: a leak of some forty samples, far above what can be seen.
serve() {
    : >"$work/server"
    "$seep" sim "$1" --serve 127.0.0.1:0 --speed 300 2>"$work/server" &
    servers="$servers $!"
    for _ in $(seq 600); do
        url=$(sed -n 's,.*\(http://.*\)$,\1,p' "$work/server" | head -n 1)
        [ -z "$url" ] || return 0
        sleep 0.05
    done
    fail "no server for $1"
}

# run WHAT FILE: the step of a recipe in a folder of its own; its exit status.
run() {
    n=$((n + 1))
    mkdir -p "$work/$n"
    step "$2" >"$work/$n.sh"
    [ -s "$work/$n.sh" ] || fail "$1: no step"
    (
        cd "$work/$n" || exit 2
        GITHUB_STEP_SUMMARY=$work/$n/summary GITHUB_OUTPUT=$work/$n/output
        export GITHUB_STEP_SUMMARY GITHUB_OUTPUT
        timeout 100 sh -e "$work/$n.sh"
    ) >"$work/$n.out" 2>&1
    status=$?
    printf '%-44s exit %s\n' "$1" "$status"
}

due() {
    if [ "$status" != "$2" ]; then
        cat "$work/$n.sh" "$work/$n.out"
        fail "$1: $2 was due"
    fi
}

# try WHAT DUE FILE
try() {
    run "$1" "$3"
    due "$1" "$2"
}

# try_healthy WHAT FILE: judges a live service, whose dice no seed decides. One
# in some hundred healthy runs looks like a leak (seep sim --evaluate says how
# many); two in a row do not.
try_healthy() {
    run "$1" "$2"
    [ "$status" != 1 ] || run "$1, once more" "$2"
    due "$1" 0
}

# wrote FILE...: in the folder of the last step.
wrote() {
    for file in "$@"; do
        [ -s "$work/$n/$file" ] || fail "no $file"
    done
}

serve map-cache
leaking=$url
serve steady
healthy=$url

for recipe in github.md gitlab/leaks.yml jenkins.md kubernetes-cronjob.md; do
    TARGET=$leaking SEEP_ARGS='' try "$recipe: a leak" 1 "$recipes/$recipe"
    case $recipe in
    github.md) wrote seep.sarif seep.md summary ;;
    gitlab/*) wrote gl-code-quality.json seep.xml seep.md ;;
    jenkins.md) wrote seep.xml seep.md ;;
    esac
    TARGET=$healthy SEEP_ARGS='' try_healthy "$recipe: healthy" "$recipes/$recipe"
    TARGET=http://127.0.0.1:1 SEEP_ARGS='' try "$recipe: no service" 2 \
        "$recipes/$recipe"
done

# action WHAT DUE NAME=VALUE...: the step of action.yml with these inputs.
action() {
    what=$1
    due=$2
    shift 2
    for name in BASE BASELINE CONFIG TRUSTED REV FAIL_ON ARGS; do
        unset "SEEP_$name"
        export "SEEP_$name="
    done
    export SEEP_ONLY_NEW=false SEEP_SARIF=seep.sarif SEEP_COMMENT=seep.md
    for pair in "$@"; do
        # Left of the first = is a name of this script's own.
        export "SEEP_${pair%%=*}=${pair#*=}"
    done
    try "action.yml: $what" "$due" "$root/action.yml"
}
action "a leak" 1 PROFILES="$testdata/demo"
wrote seep.sarif seep.md summary output
grep -qx status=1 "$work/$n/output" || fail "action.yml: no status"
action "healthy" 0 PROFILES="$testdata/healthy"
grep -qx status=0 "$work/$n/output" || fail "action.yml: no status"
action "too few" 3 PROFILES="$testdata/healthy/00.heap.pb.gz"
action "nothing" 2 PROFILES=/nonexistent
action "no such baseline" 2 PROFILES="$testdata/demo" BASELINE=none.json
action "limits" 0 PROFILES="$testdata/demo" ARGS="--min-goroutines 1000"
action "base and head" 1 BASE="$testdata/demo/00.goroutine.pb.gz" \
    PROFILES="$testdata/demo/09.goroutine.pb.gz"
action "fail-on never" 0 PROFILES="$testdata/demo" FAIL_ON=never

# --- a change that lets itself pass ---

# change: a repository where the next step runs; its base accepts nothing, the
# change accepts whatever there is. $base is the base.
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null \
    GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com \
    GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com
change() {
    mkdir -p "$work/$((n + 1))" "$work/temp"
    (
        cd "$work/$((n + 1))" || exit 2
        git init -q -b main . && echo x >x && git add x && git commit -q -m base
        echo 'fail-on: never' >.seep.yml
        seep leaks "$testdata/demo" --no-config --format json -o leaks.json
        seep baseline save leaks.json -o accepted.json >/dev/null 2>&1
        git add .seep.yml accepted.json && git commit -q -m change
        git remote add origin .
    ) || fail "no repository"
    base=$(git -C "$work/$((n + 1))" rev-parse HEAD^)
}
if command -v git >/dev/null; then
    export RUNNER_TEMP=$work/temp
    change
    action "the change's own .seep.yml" 0 PROFILES="$testdata/demo"
    change
    action "that of the base" 1 PROFILES="$testdata/demo" TRUSTED="$base"
    change
    action "the change's own baseline" 0 PROFILES="$testdata/demo" \
        BASELINE=accepted.json ARGS="--no-config --only-new"
    change
    action "the baseline of the base" 1 PROFILES="$testdata/demo" \
        BASELINE=accepted.json TRUSTED="$base" ARGS=--only-new
    change
    action "no base to trust" 2 PROFILES="$testdata/demo" \
        TRUSTED=0123456789012345678901234567890123456789
    grep -qx status=2 "$work/$n/output" || fail "action.yml: no status"
    unset SEEP_ARGS
    for recipe in github.md gitlab/leaks.yml jenkins.md; do
        change
        TARGET=$leaking SEEP_ARGS='' try "$recipe: the change's own .seep.yml" 0 \
            "$recipes/$recipe"
        change
        TARGET=$leaking SEEP_ARGS='' TRUSTED=$base \
            CI_MERGE_REQUEST_DIFF_BASE_SHA=$base CHANGE_TARGET=$base \
            try "$recipe: that of the base" 1 "$recipes/$recipe"
    done
fi
unset SEEP_ARGS

# --- Go tests ---
name=recipes
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
PATH="$(dirname "$go"):$PATH"
export HOME="${HOME:-$work}"

# package CAPACITY BEFORE: a module with a test, and the recipe's TestMain beside
# it. Without CAPACITY the test leaks a goroutine; BEFORE more wait where it
# does before any test has run.
package() {
    mkdir "$work/$((n + 1))"
    printf 'module acme.dev/shop\n\ngo 1.19\n' >"$work/$((n + 1))/go.mod"
    awk '/^```go$/ { inside = 1; next } /^```$/ { inside = 0 } inside' \
        "$recipes/go-test.md" >"$work/$((n + 1))/main_test.go"
    cat >"$work/$((n + 1))/shop_test.go" <<END
package shop

import "testing"

func order(capacity int) {
	done := make(chan int, capacity)
	go func() { done <- 1 }()
}

func init() {
	for i := 0; i < $2; i++ {
		order(0)
	}
}

func TestOrder(t *testing.T) {
	order($1)
}
END
}
package 0 0
try "go-test.md: a leak of one goroutine" 1 "$recipes/go-test.md"
# By seep, not by a test that failed.
grep -q 'acme.dev/shop.order' "$work/$n.out" || fail "go-test.md: no finding"
package 0 3
try "go-test.md: one more than before" 1 "$recipes/go-test.md"
grep -q 'acme.dev/shop.order' "$work/$n.out" || fail "go-test.md: no finding"
package 1 3
try "go-test.md: as many as before" 0 "$recipes/go-test.md"
package 1 0
try "go-test.md: healthy" 0 "$recipes/go-test.md"
exit $failed
