#!/bin/sh
# Completion scripts have every command, option, choice, rule and scenario that
# help, lists and errors have, and no other; and bash completes lines with its.
# usage: completion.sh PROGRAM TESTDATA
set -eu
seep=$1
lib=$(dirname "$0")/lib
case $seep in /*) ;; *) seep=$PWD/$seep ;; esac
case $lib in /*) ;; *) lib=$PWD/$lib ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# same WHAT: do the words in the files want and got agree, in whatever order?
same() {
    LC_ALL=C sort "$work/want" >"$work/want.sorted"
    LC_ALL=C sort "$work/got" >"$work/got.sorted"
    [ -s "$work/want" ] || { echo "$1: nothing to compare with"; bad=1; }
    if ! diff "$work/want.sorted" "$work/got.sorted" >"$work/diff"; then
        echo "$1 (< missing, > too much):"
        grep '^[<>]' "$work/diff"
        bad=1
    fi
}

mkdir "$work/zsh" "$work/place"
"$seep" completion bash >"$work/seep.bash"
"$seep" completion zsh >"$work/zsh/_seep"
"$seep" completion fish >"$work/seep.fish"
bash -n "$work/seep.bash"

# --- all that the tables have ---

# ask FUNCTION ARGUMENT...: the words that the script for bash has.
ask() {
    bash -c 'set -u; . "$1"; shift; take= offers=(); "$@"
        [ ${#offers[@]} = 0 ] || printf "%s\n" "${offers[@]}"' \
        bash "$work/seep.bash" "$@"
}

options_of_help() {
    sed -n 's/^  \(-[A-Za-z], \)\{0,1\}\(--\{0,1\}[a-z][a-z0-9_-]*\).*/\2/p'
}
options_of_zsh() {
    sed -n '/^_seep_options()/,/^}/p' "$work/zsh/_seep" |
        sed -n "/^    $1) offers=(/,/;;\$/s/^        '\(-[^:]*\):.*/\1/p"
}
options_of_fish() {
    sed -n "s/^complete -c seep -n '__seep_at $1'\( -s .\)\{0,1\} \
-\([lo]\) \([a-z0-9_-]*\) .*/\2 \3/p" "$work/seep.fish" |
        sed 's/^l /--/; s/^o /-/'
}

"$seep" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\)  .*/\1/p' \
    >"$work/commands"
for command in $(cat "$work/commands"); do
    "$seep" "$command" --help | options_of_help >"$work/want"
    ask _seep_options "$command" >"$work/got"
    same "bash: options of $command"
    options_of_zsh "$command" >"$work/got"
    same "zsh: options of $command"
    options_of_fish "$command" >"$work/got"
    same "fish: options of $command"
done

# arguments COMMAND: of its first argument, against the file want.
arguments() {
    ask _seep_argument "$1" 1 >"$work/got"
    same "bash: arguments of '$1'"
    sed -n '/^_seep_argument()/,/^}/p' "$work/zsh/_seep" |
        sed -n "/^    $1:[^)]*) take=[a-z]* offers=(\$/,/;;\$/s/^        '\([^:]*\):.*/\1/p" \
            >"$work/got"
    same "zsh: arguments of '$1'"
    sed -n "s/^complete -c seep -n '__seep_at ${1:-\"\"}\( 1\)\{0,1\}' \
-a \([^ ]*\) .*/\2/p" "$work/seep.fish" >"$work/got"
    same "fish: arguments of '$1'"
}

{ cat "$work/commands" && echo help; } >"$work/want"
arguments ''
"$seep" rules --format json | sed -n 's/^ *"id": "\(.*\)",*$/\1/p' >"$work/want"
arguments rules
{ "$seep" sim --list --format json |
    sed -n 's/^ *"name": "\(.*\)",*$/\1/p' && echo all; } >"$work/want"
arguments sim
printf 'save\ncheck\nprune\n' >"$work/want"
arguments baseline
echo diff >"$work/want"
arguments heap
printf 'bash\nzsh\nfish\n' >"$work/want"
arguments completion

# values COMMAND OPTION ARGUMENT...: those that an error lists.
n_values=0
values() {
    command=$1
    option=$2
    shift 2
    (cd "$work/place" && "$seep" "$command" "$option" 9no "$@") \
        >"$work/error" 2>&1 </dev/null || true
    sed -n 's/.*\(is not one of\|there is\): *//p' "$work/error" |
        sed 's/;.*//' | tr ', ' '\n\n' | sed '/^$/d' >"$work/want"
    ask _seep_value "$command" "$option" >"$work/got"
    same "values of $command $option"
    # The other two scripts have their lists from the same rows.
    while read -r word; do
        grep -q -e "$command:$option[|)].*'$word[':]" "$work/zsh/_seep" ||
            grep -q -e "\*:$option).*'$word[':]" "$work/zsh/_seep" ||
            { echo "zsh: $command $option: no $word"; bad=1; }
        grep -q -e "'__seep_at $command'.* -l ${option#--} .*\b$word\b" \
            "$work/seep.fish" ||
            { echo "fish: $command $option: no $word"; bad=1; }
    done <"$work/want"
    n_values=$((n_values + 1))
}
for command in leaks diff heap watch baseline; do
    values "$command" --fail-on
done
values leaks --format x
values diff --format x y
values heap --format x
values watch --format x:1
values watch --profile x:1
values watch --dumps
values heap --view
values convert --to x
values rules --format
values rules --color
values sim --go
values sim --load
values sim --layout
values sim --format --list
values sim --fault --serve 127.0.0.1:0 steady

# --- lines ---

cd "$work/place"
mkdir folder
: >file.json

# expect WHAT: the lines "LINE -> WORDS" in the file want are what came.
expect() {
    if ! diff "$work/want" "$work/got" >"$work/diff"; then
        echo "$1:"
        cat "$work/diff"
        bad=1
    fi
}

cat >"$work/want" <<'END'
seep conv -> convert
seep leaks --fa -> --fail-on
seep leaks --fail-on s -> strong suspect
seep leaks --fail-on=s -> strong suspect
seep leaks --fail-on= -> proven strong suspect growth never
seep --color  -> auto always never
seep --color never ru -> rules
seep --vers -> --version
seep leaks --vers ->
seep help ru -> rules
seep rules goroutine-sl -> goroutine-sleep
seep rules goroutine-sleep  ->
seep sim map-cache liste -> listeners
seep sim --explain nil -> nil-channel
seep leaks  -> <default>
seep leaks -o  -> <default>
seep leaks --output= -> <default>
seep leaks --repo  -> <dirnames>
seep leaks --repo=f -> <dirnames>
seep leaks --calibrate a b -> <dirnames>
seep leaks -- --ver -> <default>
seep diff --base a b --fo -> --force --format
seep heap di -> diff <filenames>
seep heap x -> <default>
seep heap --export d -> dot=
seep heap --export dot=f -> <default>
seep heap --export=dot=f -> <default>
seep fetch --profile heap,thr -> heap,threadcreate
seep fetch --profile=heap,thr -> heap,threadcreate
seep fetch -o  -> <dirnames>
seep fetch http://localhost:6060 --no -> --no-gc
seep baseline  -> save check prune
seep baseline --fail-on strong pr -> prune
seep baseline save  -> <default>
seep pprof -cu -> -cum
seep pprof --cu -> --cum
seep pprof -format j -> json
seep pprof --format=j -> json
seep pprof -output=f -> <default>
seep pprof x.pb.gz -cu -> <default>
seep completion  -> bash zsh fish
seep nonsense --x ->
seep "a'$(touch odd)` -- ->
seep rules $(touch odd) ->
seep rules `touch odd` ->
END
sed 's/ ->.*//' "$work/want" |
    bash "$lib/completion.bash" "$work/seep.bash" >"$work/got"
expect 'bash'

# Where = takes no word apart, the whole word comes back, files too.
cat >"$work/want" <<'END'
seep leaks --fail-on=s -> --fail-on=strong --fail-on=suspect
seep leaks --output=fi -> --output=file.json <filenames>
seep leaks --repo=f -> --repo=folder <filenames>
seep heap --export dot=fi -> dot=file.json <filenames>
END
sed 's/ ->.*//' "$work/want" |
    bash "$lib/completion.bash" "$work/seep.bash" ' 	' >"$work/got"
expect 'bash without COMP_WORDBREAKS'

[ ! -e odd ] || { echo 'a word on the command line was run'; bad=1; }
[ "$n_values" -ge 20 ] || bad=1
exit "$bad"
