#!/bin/sh
# Pull requests that rename what leaks: a function, its receiver, its package, a
# function around a closure. The leak stays the same one for the gate and for
# the forge, with the patch and without; and a new leak beside one that was
# deleted is never taken for it.
# usage: renames.sh PROGRAM TESTDATA
name=renames
seep=$1
sources=$2/src/shop
# shellcheck source=tests/cli/lib/shop_repository.sh
. "$(dirname "$0")/lib/shop_repository.sh"

gofmt=$(dirname "$go")/gofmt
[ -x "$gofmt" ] || gofmt=true

# branch NAME FROM: what follows changes it; close NAME builds and runs it.
branch() {
    git checkout -q -b "$1" "$2" || fail "branch $1"
}
close() {
    [ -z "$("$gofmt" -l .)" ] || fail "$1: not as gofmt writes it"
    commit "$1"
    build "$1"
    run "$1" 1 -seed "$2"
}

# accept NAME: its leak becomes the baseline $work/NAME.baseline.
accept() {
    gate "$1: accepted" 0 leaks "$work/$1.1" --fail-on never \
        --format json -o "$work/$1.json"
    gate "$1: a baseline" 0 baseline save "$work/$1.json" \
        --baseline "$work/$1.baseline"
}

# id_of JSON FUNCTION: fingerprint of the first finding at a function.
id_of() {
    tr -d '\n' <"$1" | grep -o '"id": "[0-9a-f]*"[^}]*"function": "[^"]*'"$2" |
        head -n 1 | cut -d '"' -f 4
}

# same_id OLD-JSON FUNCTION FUNCTION: the ids of a document and of the last one.
same_id() {
    before=$(id_of "$1" "$2")
    after=$(id_of "$work/now.json" "$3")
    if [ -z "$before" ] || [ "$before" != "$after" ]; then
        fail "$what: id '$after' where '$before' was due"
    fi
}

# renamed NAME OF BY TEXT FUNCTION FUNCTION ARGUMENTS...: NAME is a branch with
# the leak of OF under another name.
renamed() {
    head=$1
    base=$2
    by=$3
    text=$4
    from=$5
    to=$6
    shift 6
    gate "$head: the same leak, by the $by" 0 leaks "$work/$head.1" \
        --baseline "$work/$base.baseline" --only-new "$@" \
        --format text --format json -o "$work/now.json"
    says existing
    says "renamed from $text (by the $by)"
    same_id "$work/$base.json" "$from" "$to"
    if [ "$by" = patch ]; then
        compare "$head: no difference, by the patch" 0 "$base.1" "$head.1" \
            --only-new "$@"
        says 'renamed, by the patch'
    else
        # seep baseline knows what seep leaks knows.
        gate "$head: the same for seep baseline" 0 baseline check \
            "$work/$head.1" --baseline "$work/$base.baseline"
        says existing
        cp "$work/$base.baseline" "$work/now.baseline"
        for verb in prune save; do
            gate "$head: kept by $verb" 0 baseline "$verb" "$work/$head.1" \
                --baseline "$work/now.baseline"
            grep -q "$(id_of "$work/$base.json" "$from")" \
                "$work/now.baseline" || fail "$head: lost by $verb"
        done
        # Stacks alone are not enough to let a gate pass.
        compare "$head: new without the patch" 1 "$base.1" "$head.1" --only-new
        says 'perhaps renamed'
    fi
}

# is_new NAME OF ARGUMENTS...: NAME has another leak than OF.
is_new() {
    head=$1
    base=$2
    shift 2
    gate "$head: new for the baseline $*" 1 leaks --fail-on suspect \
        "$work/$head.1" --baseline "$work/$base.baseline" --only-new "$@"
    says '1 new'
    compare "$head: new for the base $*" 1 "$base.1" "$head.1" --only-new "$@"
    says '1 new'
}

echo '{"schema": "seep/baseline/1", "id_version": 1, "findings": []}' \
    >"$work/none.json"
build main
run main 1

# Goroutines that wait for nobody; and a ring that forgets nothing.
branch leak main
sed -i 's/make(chan error, 1)/make(chan error)/' notify/notify.go
close leak 2
accept leak
branch hoard main
sed -i 's/l.items\[l.next\] = copyOf(item)/l.items = append(l.items, copyOf(item))/
    s/l.next = .*/l.next++/' history/history.go
close hoard 3
accept hoard

# --- the function of the site ---
branch deliver leak
sed -i 's/\bsend(/deliver(/
    1i // A line above.' notify/notify.go
close deliver 4
renamed deliver leak source acme.dev/shop/notify.send notify.send notify.deliver
renamed deliver leak patch acme.dev/shop/notify.send notify.send \
    notify.deliver --rev leak...deliver
git diff leak...deliver >"$work/deliver.patch"
renamed deliver leak patch acme.dev/shop/notify.send notify.send \
    notify.deliver --patch "$work/deliver.patch"
# Once saved, both names are known; after the merge no patch says so.
gate "deliver: saved again" 0 leaks "$work/deliver.1" \
    --baseline "$work/leak.baseline" --rev leak...deliver --fail-on never \
    --format json -o "$work/deliver.json"
cp "$work/leak.baseline" "$work/both.baseline"
gate "deliver: into the baseline" 0 baseline save "$work/deliver.json" \
    --baseline "$work/both.baseline"
gate "deliver: known by the baseline" 0 leaks "$work/deliver.1" \
    --baseline "$work/both.baseline" --only-new
says 'renamed (by the baseline)'
gate "deliver: nothing is fixed" 0 baseline prune "$work/deliver.json" \
    --baseline "$work/both.baseline"
grep -q "$(id_of "$work/leak.json" notify.send)" "$work/both.baseline" ||
    fail "a renamed leak was pruned"

# More than before is worse, under the id it had.
branch faster deliver
sed -i 's/20\*time.Millisecond/time.Nanosecond/' main.go
close faster 5
gate "faster: worse" 1 leaks --fail-on suspect "$work/faster.1" \
    --baseline "$work/leak.baseline" --only-new --rev leak...faster \
    --format text --format json -o "$work/now.json"
says worse
same_id "$work/leak.json" notify.send notify.deliver
compare "faster: worse than base" 1 leak.1 faster.1 --only-new \
    --rev leak...faster --format text --format json -o "$work/now.json"
says '1 worse'
same_id "$work/leak.json" notify.send notify.deliver
for format in sarif gitlab; do
    compare "faster: for $format" 1 leak.1 faster.1 --only-new \
        --rev leak...faster --format "$format" -o "$work/now.$format"
    grep -q "$(id_of "$work/leak.json" notify.send)" "$work/now.$format" ||
        fail "$format has another fingerprint"
done

branch clone hoard
sed -i 's/copyOf/clone/' history/history.go
close clone 6
renamed clone hoard source acme.dev/shop/history.copyOf history.copyOf \
    history.clone
renamed clone hoard patch acme.dev/shop/history.copyOf history.copyOf \
    history.clone --rev hoard...clone

# --- the receiver, the package, what is around a closure ---
branch journal hoard
sed -i 's/\bLog\b/Journal/' history/history.go
sed -i 's/return append(\[\]byte(nil), item...)/return nil/
    s/copyOf(item)/append([]byte(nil), item...)/' history/history.go
close journal 7
accept journal
branch ring journal
sed -i 's/\bJournal\b/Ring/' history/history.go
close ring 8
renamed ring journal source 'acme.dev/shop/history.(\*Journal).Add' \
    'Journal).Add' 'Ring).Add'
renamed ring journal patch 'acme.dev/shop/history.(\*Journal).Add' \
    'Journal).Add' 'Ring).Add' --rev journal...ring

branch past hoard
git mv history past
git mv past/history.go past/past.go
sed -i 's/package history/package past/; s/Package history/Package past/' \
    past/past.go
sed -i 's/history/past/' main.go
"$gofmt" -w main.go
close past 9
renamed past hoard source acme.dev/shop/history.copyOf history.copyOf \
    past.copyOf
renamed past hoard patch acme.dev/shop/history.copyOf history.copyOf \
    past.copyOf --rev hoard...past

branch inside leak
sed -i 's/go send(takes, done)/go func() { send(takes, done) }()/
    s/^func send.*/func send(takes time.Duration, done chan<- error) {}/
    /^func send/,$ { /^func send/!d }' notify/notify.go
sed -i 's/go func() { send(takes, done) }()/go func() {\n\t\ttime.Sleep(takes)\n\t\tdone <- nil\n\t}()/' \
    notify/notify.go
close inside 10
accept inside
branch client inside
sed -i 's/\bCustomer\b/Client/' notify/notify.go main.go
close client 11
renamed client inside source 'acme.dev/shop/notify.Customer.func\*' \
    'Customer.func1' 'Client.func1'
renamed client inside patch 'acme.dev/shop/notify.Customer.func\*' \
    'Customer.func1' 'Client.func1' --rev inside...client

# --- a new leak beside one that is gone ---
# The same caller, another function with another text.
branch other hoard
sed -i 's/copyOf/whole/
    s/return append(\[\]byte(nil), item...)/out := make([]byte, 0, len(item))\n\tfor _, one := range item {\n\t\tout = append(out, one)\n\t}\n\treturn out/' \
    history/history.go
close other 12
is_new other hoard
is_new other hoard --rev hoard...other

# Much more than the old one held.
branch large hoard
sed -i 's/copyOf/large/
    s/append(\[\]byte(nil), item...)/append(make([]byte, 4*len(item)), item...)/' \
    history/history.go
close large 13
is_new large hoard
# Another kind of leak.
branch wait hoard
sed -i 's/l.items = append(l.items, copyOf(item))/go wait(item)/
    s/func copyOf(item \[\]byte) \[\]byte/func wait(item []byte)/
    s/return append(\[\]byte(nil), item...)/<-make(chan []byte)/' \
    history/history.go
close wait 14
is_new wait hoard
is_new wait hoard --rev hoard...wait

# Two that could be it.
branch two hoard
sed -i 's/l.items = append(l.items, copyOf(item))/keep := first\n\tif l.next%2 == 0 {\n\t\tkeep = second\n\t}\n\tl.items = append(l.items, keep(item))/
    s/^func copyOf/func first/' history/history.go
cat >>history/history.go <<'END'

func second(item []byte) []byte {
	return append([]byte(nil), item...)
}
END
close two 15
gate "two: new for the baseline" 1 leaks --fail-on suspect "$work/two.1" \
    --baseline "$work/hoard.baseline" --only-new
says '1 new'
compare "two: new for the base" 1 hoard.1 two.1 --only-new --rev hoard...two
says '2 new'

# The old one is still there, and leaks no more.
branch both hoard
sed -i 's/l.items = append(l.items, copyOf(item))/l.items = append(l.items, clone(item))\n\tl.items[0] = copyOf(item)/' \
    history/history.go
cat >>history/history.go <<'END'

func clone(item []byte) []byte {
	return append([]byte(nil), item...)
}
END
close both 16
is_new both hoard
is_new both hoard --rev hoard...both
exit $failed
