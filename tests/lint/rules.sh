#!/bin/bash
# Each rule of the design is named where it is kept, where it is checked from outside, and where it is
# tested: prints a table of files by rule and fails if one is missing in one of the three places.
set -euo pipefail

here=$(dirname "$0")

# files NAME FOLDER...: files that name a rule, ranges ("L0 - L3") and lists included.
files() {
    local letter=${1%%[0-9]*} number=${1##*[A-Z]}
    shift
    grep -rnoE "\b${letter}[0-9]+ ?(-|–|to) ?${letter}?[0-9]+\b|\b${letter}[0-9]+\b" \
        --include='*.[ch]' "$@" 2>/dev/null |
        awk -F: -v n="$number" '{
            text = $3; gsub(/[^0-9]+/, " ", text); split(text, edge, " ")
            low = edge[1]; high = edge[2] == "" ? low : edge[2]
            if (n + 0 >= low + 0 && n + 0 <= high + 0) print $1}' | sort -u
}

# cell FILES: the first of them and how many more there are.
cell() {
    if [ -z "$1" ]; then
        echo MISSING
    else
        awk 'NR == 1 {first = $0} END {print first (NR > 1 ? " +" NR - 1 : "")}' <<<"$1"
    fi
}

status=0
printf '%-5s %-30s %-4s %-30s %s\n' rule kept as checked tested
while read -r rule check _; do
    kept=$(files "$rule" proto crypto node)
    tested=$(files "$rule" tests/unit)
    if [ "$check" = - ]; then
        checked='-'
    else
        checked=$(files "$check" sim)
    fi
    for found in "$kept" "$checked" "$tested"; do
        [ -n "$found" ] || status=1
    done
    printf '%-5s %-30s %-4s %-30s %s\n' "$rule" "$(cell "$kept")" "$check" "$(cell "$checked")" "$(cell "$tested")"
done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/rules.txt")
[ $status -eq 0 ] || echo "rules: one that is MISSING is not named where it should be"
exit $status
