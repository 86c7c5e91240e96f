#!/bin/bash
# Nothing of the planted bugs is in what people run: no symbol and no text of theirs in these files.
#
#   no_mutants.sh FILE...
set -uo pipefail
# What stands inside #ifdef HOLDFAST_MUTANTS is defined nowhere else; its functions are looked for by name.
names=$(awk '/^#ifdef HOLDFAST_MUTANTS/ {inside = 1} /^#(endif|else)/ {inside = 0}
             inside && match($0, /^static .*[ *][a-z_]+\(/) {sub(/\(.*/, ""); sub(/.*[ *]/, ""); print}' \
        proto/*.c | sort -u | paste -sd '|')
status=0
for file in "$@"; do
    found=$(nm -a "$file" 2>/dev/null | grep -E "mutant|[ .]($names)(\$|\\.)"; strings -a "$file" | grep mutant_planted)
    [ -z "$found" ] && continue
    printf '%s has planted bugs:\n%s\n' "$file" "$found"
    status=1
done
[ "$status" -eq 0 ] && echo "no-mutants: $# passed, 0 failed (looked for mutant_planted|$names)"
exit "$status"
