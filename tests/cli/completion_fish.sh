#!/bin/sh
# Lines that fish completes with its script, skipped where there is no fish.
# usage: completion_fish.sh PROGRAM TESTDATA
set -eu
seep=$1
lib=$(dirname "$0")/lib
command -v fish >/dev/null 2>&1 || { echo 'skipped: there is no fish'; exit 77; }
case $seep in /*) ;; *) seep=$PWD/$seep ;; esac
case $lib in /*) ;; *) lib=$PWD/$lib ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/place" "$work/fish" "$work/place/folder"
"$seep" completion fish >"$work/fish/seep.fish"
cd "$work/place"
: >file.json

fish -n "$work/fish/seep.fish"
cat >"$work/want" <<'END'
seep conv -> convert
seep leaks --fa -> --fail-on
seep leaks --fail-on s -> strong suspect
seep leaks --fail-on=s -> --fail-on=strong --fail-on=suspect
seep --color never ru -> rules
seep --vers -> --version
seep leaks --vers ->
seep help rul -> rules
seep rules goroutine-sl -> goroutine-sleep
seep rules goroutine-sleep  ->
seep sim map-cache liste -> listeners
seep sim --explain nil -> nil-channel
seep leaks  -> file.json folder/
seep leaks -o  -> file.json folder/
seep leaks --repo  -> folder/
seep leaks --repo=f -> --repo=folder/
seep diff --base a b --fo -> --force --format
seep heap  -> diff file.json folder/
seep heap --export dot=fi -> dot=file.json
seep heap --export=dot=fi -> --export=dot=file.json
seep fetch --profile heap,thr -> heap,threadcreate
seep fetch --profile=heap,thr -> --profile=heap,threadcreate
seep fetch -o  -> folder/
seep baseline  -> check prune save
seep baseline --fail-on strong pr -> prune
seep baseline save  -> file.json folder/
seep pprof -cu -> -cum
seep pprof -format j -> json
seep pprof -output fi -> file.json
seep completion  -> bash fish zsh
seep nonsense --x ->
END
mkdir "$work/home"
sed 's/ ->.*//' "$work/want" |
    HOME=$work/home fish "$lib/completion.fish" "$work/fish/seep.fish" \
        >"$work/got" || true
diff "$work/want" "$work/got"
