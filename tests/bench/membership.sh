#!/bin/bash
# Membership in the simulator, Holdfast's beside memberlist with Lifeguard and plain SWIM: one row a figure, with median, 99th
# percentile and maximum over the seeds. Virtual time: the figures do not depend on the machine, only the wait does.
#
#   membership.sh BINARY      a holdfast-sim-bulk
#
# MEMBERSHIP_SEEDS (20) worlds at 100 nodes, a tenth of that at 1,000; MEMBERSHIP_LARGE=1 adds 10,000 nodes (16 GB);
# MEMBERSHIP_MODES says which modes.
set -uo pipefail

sim=$1
seeds=${MEMBERSHIP_SEEDS:-20}
few=$(((seeds + 9) / 10))
modes=${MEMBERSHIP_MODES:-holdfast memberlist}
status=0

# Arguments of `members`; the header is printed once.
header=1
row() {
    local out code
    out=$("$sim" members "$@")
    code=$?
    # 11: something did not end in time, which is a figure, too.
    [ "$code" = 0 ] || [ "$code" = 11 ] || status=1
    if [ "$header" = 1 ]; then
        printf '%s\n' "$out"
        header=0
    else
        printf '%s\n' "$out" | tail -n +2
    fi
}

for mode in $modes; do
    for nodes in 5 16 40 100; do
        row --mode "$mode" --experiment crash --nodes "$nodes" --seeds "$seeds"
    done
    row --mode "$mode" --experiment crash --nodes 1000 --seeds "$few"
    for nodes in 50 100 200 1000; do
        row --mode "$mode" --experiment bytes --nodes "$nodes" --seeds 1
    done
    for nodes in 50 200; do
        row --mode "$mode" --experiment starved --nodes "$nodes" --seeds "$few"
    done
    for part in 50 40 1; do
        row --mode "$mode" --experiment split --nodes 100 --part "$part" --seeds "$few"
    done
    for storm in crashes one-way loss; do
        row --mode "$mode" --experiment storm --storm "$storm" --nodes 1000 --seeds "$few"
    done
    for nodes in 1000 2000; do
        row --mode "$mode" --experiment start --nodes "$nodes" --seeds 1
    done
    if [ -n "${MEMBERSHIP_LARGE:-}" ]; then
        for experiment in crash bytes start; do
            row --mode "$mode" --experiment "$experiment" --nodes 10000 --seeds 1
        done
    fi
done
# Lifeguard's interval test: false deaths beside those of plain SWIM.
for mode in swim $modes; do
    row --mode "$mode" --experiment interval --nodes 128 --loss 0 --seeds 1
done
exit $status
