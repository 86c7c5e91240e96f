#!/bin/bash
# Runs the layers of the tests one after the other, shows their output, and closes with one line alone:
#
#     N passed, N failed
#
# The numbers are taken from what each layer prints itself. Exit status 1 if anything failed, if a layer
# ended badly without saying what failed, or if it ran nothing.
#
#   summary.sh TARGET...      targets of make
set -uo pipefail

passed=0 failed=0
report=()
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# count: reads a layer's output, prints "passed failed".
count() {
    awk '
        # Check: "98%: Checks: 250, Failures: 4, Errors: 1"
        match($0, /Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/) {
            split(substr($0, RSTART, RLENGTH), n, /[^0-9]+/)
            bad += n[3] + n[4]; good += n[2] - n[3] - n[4]
        }
        # The simulator: "2000 seeds, 66.7 simulated hours, 123456 events, 0 failures, hash 0123"
        match($0, /^[0-9]+ seeds,.* [0-9]+ failures/) {
            split($0, n, " "); match($0, /[0-9]+ failures/)
            f = substr($0, RSTART, RLENGTH) + 0
            bad += f; good += n[1] - f
        }
        # A planted bug: "mutant 2 caught by S4 at seed 17 after 18 seeds"
        /^mutant [0-9]+ caught/ {good++}
        /^mutant [0-9]+ (was )?not caught/ {bad++}
        # Runners of ours: "system: 40 passed, 0 failed, 2 skipped"
        match($0, /^[a-z][a-z-]*: [0-9]+ passed, [0-9]+ failed/) {
            split(substr($0, RSTART, RLENGTH), n, /[^0-9]+/)
            good += n[2]; bad += n[3]
        }
        END {print good + 0, bad + 0}' "$1"
}

for layer in "$@"; do
    echo "== $layer"
    ${MAKE:-make} --no-print-directory "$layer" 2>&1 | tee "$out"
    status=${PIPESTATUS[0]}
    read -r good bad <<<"$(count "$out")"
    note=
    if [ $((good + bad)) -eq 0 ]; then
        bad=1 note=' (ran nothing)'
    elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1 note=" (ended with status $status)"
    fi
    passed=$((passed + good)) failed=$((failed + bad))
    report+=("$(printf '%-14s %6d passed %4d failed%s' "$layer" "$good" "$bad" "$note")")
done

echo
printf '%s\n' "${report[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
