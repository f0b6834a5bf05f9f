# A Go to build real programs with: the first there is, $go. For scripts that
# begin with
#   name=SCRIPT; . go.sh
# and keep what they write in $work. Skips when there is none; what failed
# before that ($failed) stays failed.

for go in "$(command -v go)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
    if [ -x "$go" ]; then
        break
    fi
done
if [ ! -x "$go" ]; then
    echo "$name: no Go in PATH, /usr/local/go/bin or /usr/lib/go-*/bin: skipped"
    [ "${failed:-0}" = 0 ] || exit 1
    exit 77
fi
# Programs need nothing but the standard library, so no network either.
export GOFLAGS=-mod=mod GOWORK=off GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=0

# build_go FOLDER OUTPUT PACKAGES
build_go() {
    if ! (cd "$1" && HOME="${HOME:-$work}" TMPDIR=$work \
        "$go" build -o "$2" "$3") >"$work/build" 2>&1; then
        cat "$work/build"
        echo "$name: $go cannot build $1"
        exit 1
    fi
}
