# What fish offers for each line on standard input.
# usage: fish completion.fish SCRIPT
source $argv[1]
while read -l line
    set -l words (complete -C"$line" | string replace -r '\t.*' '')
    echo "$line ->"(string join '' -- " $words" | string replace -r '^ $' '')
end
