#!/bin/sh
# The project speaks for itself: nothing in it names a path of the machine that it was written on, or a
# ticket that a reader cannot look up. (Letters in brackets, so that this file does not find itself.)
set -eu

found=$(git ls-files -co --exclude-standard 2>/dev/null |
    xargs -r grep -nIE '/[w]ork/(main|shared)|/tmp/[b]rief|/[h]ome/[a-z]+/|\b[I]ssue ([0-9]+ of [0-9]+|#[0-9]+)' || true)
if [ -n "$found" ]; then
    echo "$found"
    exit 1
fi
echo "mentions: nothing names a path of one machine"
