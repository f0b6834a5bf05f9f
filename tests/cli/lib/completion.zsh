# A zsh on a terminal that completes: each line on standard input is typed, a
# tab behind it, and the words of the command that it then is are printed.
# usage: zsh -f completion.zsh FOLDER, which has the script as _seep
zmodload zsh/zpty || exit 77
export ZDOTDIR=$1 TERM=dumb COLUMNS=500
cat >"$1/.zshrc" <<'END'
PS1= PS2= RPS1= PROMPT_EOL_MARK= LISTMAX=10000
unset zle_bracketed_paste
setopt noautomenu nobeep nopromptsp
fpath=("$ZDOTDIR" $fpath)
autoload -Uz compinit
compinit -u -D
seep() { print -r -- "<<${(j:|:)@}>>" }
print ready
END
zpty shell zsh -d -i

# until PATTERN: reads into answer, for ten seconds at most.
until_seen() {
    local piece= i=0
    answer=
    for i in {1..200}; do
        while zpty -r -t shell piece; do
            answer+=$piece
        done
        [[ $answer == $~1 ]] && return 0
        sleep 0.05
    done
    print -r -- "no answer: ${(V)answer}"
    exit 1
}

answer=
until_seen '*ready*'
while IFS= read -r line; do
    zpty -w shell "$line"$'\t'
    until_seen '*<<*>>*'
    answer=${answer##*<<}
    print -r -- "$line -> ${answer%%>>*}"
done
zpty -d shell
