# What readline would do: takes each line on standard input apart as bash does
# before it calls a completion function, and prints what that offers. Files,
# which readline finds itself, are <default>, folders <dirnames>.
# usage: completion.bash SCRIPT [COMP_WORDBREAKS]
COMP_WORDBREAKS=${2-$' \t\n"\'@><=;|&(:'}
set -u
# shellcheck source=/dev/null
. "$1"

compopt() {
    [[ $2 == nospace ]] || asked+=" <$2>"
}

# split LINE: COMP_WORDS of words by blanks, and of = and : between them.
split() {
    local rest=$1 piece= breaks=${COMP_WORDBREAKS//[!=:]/}
    COMP_WORDS=()
    while :; do
        rest=${rest#"${rest%%[! ]*}"}
        if [[ -n $breaks && $rest == ["$breaks"]* ]]; then
            piece=${rest%%[!"$breaks"]*}
        else
            piece=${rest%%[ $breaks]*}
        fi
        COMP_WORDS+=("$piece")
        rest=${rest#"$piece"}
        [[ -n $rest ]] || break
    done
}

while IFS= read -r line; do
    COMP_LINE=$line COMP_POINT=${#line} COMP_WORDS=() COMPREPLY=() asked=
    split "$line"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _seep seep "${COMP_WORDS[COMP_CWORD]}" ''
    printf '%s ->%s%s\n' "$line" "${COMPREPLY[*]+ ${COMPREPLY[*]}}" "$asked"
done
