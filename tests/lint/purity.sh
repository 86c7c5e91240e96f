#!/bin/sh
# The core is arithmetic: proto/ and crypto/, joined into one object, ask the outside for nothing but what
# allowed-undefined.txt lists, keep no variable of their own, and know no floating point.
#
#   purity.sh OBJECT...      the release objects of proto/ and crypto/
set -eu

here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

ar rcs "$work/core.a" "$@"
ld -r --whole-archive -o "$work/core.o" "$work/core.a"

sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/allowed-undefined.txt" | sort -u >"$work/allowed"
nm -u "$work/core.o" | awk '{print $NF}' | sort -u >"$work/wanted"
for symbol in $(comm -23 "$work/wanted" "$work/allowed"); do
    nm -u -A "$@" | awk -v s="$symbol" '$NF == s {sub(/:.*/, "", $1); print $1 ": asks for " s}'
    status=1
done

# Writable data; tables of constant pointers are in .data.rel.ro and written by the loader alone.
objdump -t "$work/core.o" | awk '
    NF > 3 &&
    ($(NF-2) ~ /^\.(data|bss|tbss|tdata)/ && $(NF-2) !~ /^\.data\.rel\.ro/ || $(NF-2) == "*COM*") &&
    $NF !~ /^\./ {print "core: the variable " $NF " is state outside the peer"; bad = 1}
    END {exit bad}' || status=1

# Equal seeds must give equal histories on every compiler. Comments are taken out before the look.
for source in proto/*.[ch] crypto/*.[ch]; do
    if ${CC:-cc} -fpreprocessed -dD -E -P -x c "$source" 2>/dev/null |
        grep -nwE 'float|double' >"$work/float"; then
        sed "s|^|$source: floating point: |" "$work/float"
        status=1
    fi
done

[ "$status" -eq 0 ] && echo "purity: $# objects ask for $(wc -l <"$work/wanted") symbols, all allowed"
exit "$status"
