#!/bin/bash
# The documents say what is there: each file, function and link that they name exists, and their lines are
# at most 120 columns (tables excepted).
set -euo pipefail

status=0
complain() {
    echo "$1"
    status=1
}

words=$(mktemp)
trap 'rm -f "$words"' EXIT
grep -rhoE '\b[a-z_][a-z0-9_]*\(' --include='*.[ch]' proto crypto node client sim tests | sort -u >"$words"

for page in ./*.md docs/*.md; do
    folder=$(dirname "$page")
    while read -r path; do
        compgen -G "$path" >/dev/null || complain "$page: there is no $path"
    done < <(grep -oE "\`(proto|crypto|node|client|sim|tests|packaging|docs)/[A-Za-z0-9_./*-]+\`" "$page" | tr -d '`' | sort -u)
    # shellcheck disable=SC2016 # the backquotes are the page's
    while read -r name; do
        grep -qxF "$name(" "$words" || complain "$page: there is no function $name()"
    done < <(grep -oE '`[a-z][a-z0-9_]*\(\)`' "$page" | tr -d '`()' | sort -u)
    while read -r link; do
        [ -e "$folder/$link" ] || complain "$page: the link to $link leads nowhere"
    done < <(grep -oE '\]\([^)#:]+' "$page" | sed 's/^](//' | sort -u)
    awk -v page="$page" 'length > 120 && !/^\|/ {print page ":" FNR ": " length " columns"; bad = 1}
        END {exit bad}' "$page" || status=1
done

[ $status -eq 0 ] && echo "docs: every file, function and link is there"
exit $status
