#!/bin/bash
# Plays each scenario as it is, which must be met, and with its variant, which must fail.
#
#   stories.sh PROGRAM FILE...
set -euo pipefail

program=$1
shift
passed=0 failed=0
for story in "$@"; do
    for variant in "" --variant; do
        if said=$("$program" run "$story" --quiet ${variant:+"$variant"} 2>&1); then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "$story ${variant:-as it is}: failed: $said"
            "$program" run "$story" ${variant:+"$variant"} || true
        fi
    done
done
echo "stories: $passed passed, $failed failed"
[ "$failed" = 0 ]
