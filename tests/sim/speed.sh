#!/bin/bash
# How fast the simulator is, and how speed falls with size: whole clusters with all checks on, then membership
# alone (holdfast-sim crowd) from 5 to 10,000 nodes, one of which dies, then cold starts (SPEED_COLD="10000"
# takes two minutes). One process each, CPU time, so a busy machine hardly matters. Exit status 1 if whole clusters
# make fewer than SPEED_FLOOR events a CPU second, or a crowd is slower than a tenth of real time, or takes more
# than 64 bytes a pair at 10,000 nodes.
#
#   speed.sh BINARY [SEEDS]      a holdfast-sim-bulk
set -uo pipefail

sim=$1
seeds=${2:-200}
floor=${SPEED_FLOOR:-250000}
status=0

TIMEFORMAT='%U %S'
cost=$({ time "$sim" --jobs 1 --seeds "$seeds" --json >/tmp/sim-speed.$$ 2>/dev/null; } 2>&1)
events=$(grep -o '"events":[0-9]*' /tmp/sim-speed.$$ | cut -d: -f2 | awk '{n += $1} END {print n}')
rm -f /tmp/sim-speed.$$
rate=$(awk -v c="$cost" -v e="$events" 'BEGIN {split(c, t, " "); printf "%d", e / (t[1] + t[2])}')
printf 'whole clusters, %d seeds: %d events, %d a CPU second\n\n' "$seeds" "$events" "$rate"
[ "$rate" -ge "$floor" ] || status=1

printf '%6s  %12s  %12s  %12s  %10s  %10s  %10s\n' nodes 'events/CPU s' 'virtual/CPU' 'bytes/pair' \
    'datagrams' 'bytes' 'all know'
for nodes in ${SPEED_NODES:-5 10 30 100 300 1000 3000 10000}; do
    "$sim" crowd --nodes "$nodes" --kill 1 --seconds 60 --json || status=1
done | sed -e 's/[{}"]//g' | awk -F, '
    {
        for (i = 1; i <= NF; i++) {split($i, kv, ":"); v[kv[1]] = kv[2]}
        cpu = v["cpu_ms"] / 1000 + 0.001
        pair = v["bytes_each"] / v["nodes"]
        printf "%6d  %12d  %12.1f  %12.1f  %10.2f  %10d  %8.1f s\n", v["nodes"], v["events"] / cpu,
            v["seconds"] / cpu, pair, v["datagrams"] / v["nodes"] / v["seconds"],
            v["bytes"] / v["nodes"] / v["seconds"], v["dead_last_ms"] / 1000
        if (v["seconds"] / cpu < 0.1 || (v["nodes"] >= 10000 && pair > 64))
            bad = 1
    }
    END {exit bad}' || status=1
printf '\ncold start\n%6s  %12s  %12s  %12s  %12s  %10s  %10s  %10s\n' nodes 'all know' CPU 'events/CPU s' \
    'virtual/CPU' 'bytes/pair' datagrams bytes
for nodes in ${SPEED_COLD:-5 100 1000 3000}; do
    "$sim" crowd --nodes "$nodes" --cold --seconds 0 --json || status=1
done | sed -e 's/[{}"]//g' | awk -F, '
    {
        for (i = 1; i <= NF; i++) {split($i, kv, ":"); v[kv[1]] = kv[2]}
        cpu = v["start_cpu_ms"] / 1000 + 0.001
        pair = v["bytes_each"] / v["nodes"]
        printf "%6d  %10.1f s  %10.1f s  %12d  %12.2f  %10.1f  %10d  %10d\n", v["nodes"], v["start_ms"] / 1000, cpu,
            v["start_events"] / cpu, v["start_ms"] / 1000 / cpu, pair, v["start_datagrams"] / v["nodes"],
            v["start_bytes"] / v["nodes"]
        if (v["start_ms"] / 1000 / cpu < 0.1 || (v["nodes"] >= 10000 && pair > 64))
            bad = 1
    }
    END {exit bad}' || status=1
echo "speed: $((1 - status)) passed, $status failed"
exit "$status"
