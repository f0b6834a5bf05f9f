#!/bin/sh
# Heap dumps that are meant to hurt: ten million objects in a chain, cycles,
# cut off, damaged, with lengths that no memory has. Each ends with a status
# that is documented, within little memory of its own (the mapped dump apart),
# and in time.
# usage: heap_hostile.sh PROGRAM TESTDATA
seep=$1
testdata=$2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

# run KIB COMMAND...: status, out and err, within so much address space.
run() {
    kib=$1
    shift
    (
        ulimit -v "$kib" || exit 99
        exec "$@"
    ) >out 2>err
    status=$?
}

# expect NAME STATUSES
expect() {
    case " $2 " in
    *" $status "*) ;;
    *)
        echo "$1: exit $status, not one of $2"
        cat err
        failed=1
        ;;
    esac
}

# says NAME FILE WORDS
says() {
    if ! grep -q -- "$3" "$2"; then
        echo "$1: no '$3' in $2:"
        cat "$2"
        failed=1
    fi
}

one_line() {
    if [ "$(wc -l <err)" -ne 1 ]; then
        echo "$1: stderr is not one line:"
        cat err
        failed=1
    fi
}

# A sanitizer keeps terabytes of addresses for itself.
run 400000 "$seep" --version
[ "$status" -eq 0 ] || exit 77

# --- deep and round: 644 MB of chain, 900 MB beside of it ---

"$seep" sim --scale 10000000 --shape chain -o chain >/dev/null 2>err || {
    cat err
    exit 2
}
chain=chain/chain-10000000.heapdump
for view in dominators goroutines stats; do
    run 1550000 "$seep" heap "$chain" --view "$view" --top 3
    expect "chain, $view" "0 1"
    says "chain, $view" out '.'
done
run 1550000 "$seep" heap "$chain" --memory-limit 64MiB
expect "chain, limit" 2
one_line "chain, limit"
says "chain, limit" err 'heap dump needs more than 67108864 bytes of memory'
# Enough for the graph, not for what is made of it.
run 1550000 "$seep" heap "$chain" --memory-limit 220MiB
expect "chain, limit of dominators" 2
one_line "chain, limit of dominators"
says "chain, limit of dominators" err 'dominators need .* of memory'
rm -r chain

"$seep" sim --scale 300000 --shape cycles -o cycles >/dev/null 2>err || exit 2
run 400000 "$seep" heap cycles/cycles-300000.heapdump --view dominators --top 3
expect "cycles" "0 1"

# --- cut off: read as far as it goes, and said ---

end=$testdata/rules/dump-goroutine/leak-go1.26/end.heapdump.zst
"$seep" heap "$end" --view stats >whole 2>err || exit 2
if ! command -v zstd >/dev/null 2>&1; then
    echo "no zstd here: nothing is cut"
else
    zstd -qdc "$end" >dump
    for bytes in 16 17 100 5000 100000 400000 495000; do
        head -c "$bytes" dump >cut
        run 400000 "$seep" heap cut
        if [ "$bytes" -eq 16 ] || [ "$bytes" -eq 17 ]; then
            expect "cut at $bytes" 2
            one_line "cut at $bytes"
            says "cut at $bytes" err 'heap dump without a record'
        else
            expect "cut at $bytes" "0 1 3"
            says "cut at $bytes" out 'the dump has no end'
        fi
    done
    head -c 9 dump >cut
    run 400000 "$seep" heap cut
    expect "cut in its header" 2
    says "cut in its header" err 'cut off in its header'
    # A compressed one that is cut off is no dump at all.
    head -c 20000 "$end" >cut.zst
    run 400000 "$seep" heap cut.zst
    expect "cut zstd" 2
    one_line "cut zstd"
fi

# --- lengths and addresses that cannot be ---

for record in \
    '\001\200\200\200\200\100\377\377\377\377\377\377\377\377\377\001' \
    '\005\001\001\001\377\377\377\377\377\377\377\377\177' \
    '\014\001\377\377\377\377\377\377\377\377\377\001' \
    '\020\001\001\377\377\377\377\377\377\377\377\177' \
    '\003\001\001\377\377\377\377\017' \
    '\377\377\377\377\377\377\377\377\377\377\377\377\377'; do
    # shellcheck disable=SC2059 # the format is the record
    {
        printf 'go1.7 heap dump\n'
        printf '\006\000\010\200\200\200\200\100\200\200\200\200\200\001\005amd64\006go1.23\002'
        printf "$record"
    } >hostile
    run 400000 "$seep" heap hostile
    expect "hostile $record" "0 1 2 3"
    [ "$status" -ne 2 ] || one_line "hostile $record"
    [ "$status" -eq 2 ] || says "hostile $record" out 'the dump has no end'
done

exit "$failed"
