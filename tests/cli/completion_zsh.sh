#!/bin/sh
# Lines that zsh completes on a terminal with its script, skipped where there is
# no zsh. usage: completion_zsh.sh PROGRAM TESTDATA
set -eu
seep=$1
lib=$(dirname "$0")/lib
command -v zsh >/dev/null 2>&1 || { echo 'skipped: there is no zsh'; exit 77; }
case $seep in /*) ;; *) seep=$PWD/$seep ;; esac
case $lib in /*) ;; *) lib=$PWD/$lib ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/place" "$work/zsh" "$work/place/folder"
"$seep" completion zsh >"$work/zsh/_seep"
cd "$work/place"
: >file.json

zsh -n "$work/zsh/_seep"
cat >"$work/want" <<'END'
seep conv -> convert
seep leaks --fail-on pro -> leaks|--fail-on|proven
seep leaks --fail-on=pro -> leaks|--fail-on=proven
seep --color never ru -> --color|never|rules
seep --vers -> --version
seep help ru -> help|rules
seep rules goroutine-sl -> rules|goroutine-sleep
seep sim map-cache liste -> sim|map-cache|listeners
seep leaks fi -> leaks|file.json
seep leaks -o fi -> leaks|-o|file.json
seep leaks --repo f -> leaks|--repo|folder
seep leaks --repo=f -> leaks|--repo=folder
seep diff --base a fi -> diff|--base|a|file.json
seep heap di -> heap|diff
seep heap --export dot -> heap|--export|dot=
seep heap --export dot=fi -> heap|--export|dot=file.json
seep fetch --profile heap,thr -> fetch|--profile|heap,threadcreate
seep fetch --profile=heap,thr -> fetch|--profile=heap,threadcreate
seep baseline --fail-on strong pr -> baseline|--fail-on|strong|prune
seep baseline save fi -> baseline|save|file.json
seep pprof -cu -> pprof|-cum
seep pprof --cu -> pprof|--cum
seep pprof -format js -> pprof|-format|json
seep pprof --format=js -> pprof|--format=json
seep pprof x.pb.gz fi -> pprof|x.pb.gz|file.json
seep completion fi -> completion|fish
END
sed 's/ ->.*//' "$work/want" |
    zsh -f "$lib/completion.zsh" "$work/zsh" >"$work/got" || true
diff "$work/want" "$work/got"
