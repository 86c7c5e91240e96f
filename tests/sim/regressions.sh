#!/bin/bash
# Plays the scenarios that seeds which failed were shrunk to: none may fail any more. Those that a
# planted bug made say so in their second comment ("with planted bug N"): where the program has planted
# bugs, they must fail with it, by the check that their first line names. Lines marked `variant:` must make
# them fail, as in the ready ones.
#
#   regressions.sh PROGRAM FILE...
set -euo pipefail

program=$1
shift
passed=0 failed=0
has_bugs=yes status=0
"$program" --mutant 1 --seeds 1 >/dev/null 2>&1 || status=$?
[ "$status" = 64 ] && has_bugs=no # a wrong option there; whether one seed catches it is another matter

note() {
    if [ "$1" = yes ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$2"
    fi
}

for story in "$@"; do
    ok=yes
    said=$("$program" run "$story" --quiet 2>&1) || ok=no
    note $ok "$story: $said"
    if grep -q '^variant:' "$story"; then
        ok=yes
        said=$("$program" run "$story" --variant --quiet 2>&1) || ok=no
        note $ok "$story: its variant did not fail: $said"
    fi
    bug=$(sed -n 's/^# .*with planted bug \([0-9]*\).*/\1/p' "$story")
    if [ -n "$bug" ] && [ $has_bugs = yes ]; then
        check=$(sed -n '1s/^# \([A-Za-z0-9]*\):.*/\1/p' "$story")
        said=$("$program" run "$story" --mutant "$bug" --quiet 2>&1) && ok=no || ok=yes
        case $said in *"$check is broken"*) ;; *) ok=no ;; esac
        note $ok "$story: planted bug $bug is not caught by $check: $said"
    fi
done
echo "regressions: $passed passed, $failed failed"
[ "$failed" = 0 ]
