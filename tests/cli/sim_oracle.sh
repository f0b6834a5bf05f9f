#!/bin/sh
# Go's own pprof as a judge: it must read what `seep sim` writes, for every
# version of Go, and find the names of the model in it.
# usage: sim_oracle.sh PROGRAM TESTDATA
seep=$1

name=sim_oracle
# shellcheck source=tests/cli/lib/go.sh
. "$(dirname "$0")/lib/go.sh"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
HOME=${HOME:-$work}
PPROF_TMPDIR=$work
export HOME PPROF_TMPDIR
# Newer toolchains build it at the first call.
pprof=$("$go" tool -n pprof 2>/dev/null)
if [ ! -x "$pprof" ]; then
    echo "sim_oracle: $go has no pprof: skipped"
    exit 77
fi

failed=0
fail() {
    echo "sim_oracle: $*"
    failed=1
}

# Reads $1 with the option $2 into $work/out.
read_with() {
    if ! "$pprof" "$2" "$1" >"$work/out" 2>"$work/err"; then
        fail "$1: pprof $2 fails: $(cat "$work/err")"
        return 1
    fi
}

# What every heap proto shows: a label with each sample that allocated, none
# with the others; no runtime frame in front of one that is not.
check_heap() {
    awk -v file="$1" '
        /^Locations/ { exit bad }
        /^ *[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+:/ {
            if (want_label) { print file ": sample without label"; bad = 1 }
            want_label = $1 > 0
            next
        }
        /bytes:\[[0-9]+\]/ {
            if (!want_label) { print file ": label of nothing"; bad = 1 }
            want_label = 0
            n++
        }
        END { exit bad || n == 0 }' "$work/out" ||
        fail "$1: labels of samples are wrong"
}

# The period's type by the kind in the file's name.
period_of() {
    case $1 in
    *.heap.pb.gz | *.allocs.pb.gz) echo "space bytes" ;;
    *.goroutine.pb.gz) echo "goroutine count" ;;
    *.goroutineleak.pb.gz) echo "goroutineleak count" ;;
    esac
}

check_raw() {
    read_with "$1" -raw || return
    grep -q "^PeriodType: $(period_of "$1")\$" "$work/out" ||
        fail "$1: $(head -1 "$work/out")"
    grep -Eq '^1: 0x400000/0x[0-9a-f]+/0x0 [^ ]+orders .*\[FN\]' "$work/out" ||
        fail "$1: no mapping of the program"
    case $1 in
    *.heap.pb.gz | *.allocs.pb.gz) check_heap "$1" ;;
    esac
}

for version in 1.19 1.21 1.23 1.24 1.25 1.26 1.27; do
    dir=$work/$version
    "$seep" sim unclosed-channel --snapshots 3 --interval 60s --seed 7 \
        --go $version -o "$dir" >"$work/out" 2>&1 || {
        fail "seep sim --go $version: $(cat "$work/out")"
        continue
    }
    run=$dir/unclosed-channel/seed-7
    protos=$(find "$run" -name '*.pb.gz' | sort)
    for file in $protos; do
        check_raw "$file"
    done
    case $version in
    1.26 | 1.27) expected=12 ;;
    *) expected=9 ;;
    esac
    n=$(echo "$protos" | wc -l)
    [ "$n" -eq "$expected" ] || fail "$version: $n protos, not $expected"

    # The leak leads the goroutines, and its line is the model's.
    last=$(find "$run" -name '*.goroutine.pb.gz' | sort | tail -1)
    read_with "$last" -top &&
        { grep -Eq ' 0 +0% .* main\.worker$' "$work/out" ||
            fail "$last: main.worker is not in pprof -top"; }
    last=$(find "$run" -name '*.heap.pb.gz' | sort | tail -1)
    read_with "$last" -raw &&
        { grep -q 'main\.newOrder /src/orders/order\.go:28[: ]' "$work/out" ||
            fail "$last: main.newOrder order.go:28 is not in pprof -raw"; }
    # pprof reads Go's old text forms as well.
    for file in "$run"/*.heap.debug1.txt "$run"/*.goroutine.debug1.txt; do
        read_with "$file" -raw
    done
done
exit $failed
