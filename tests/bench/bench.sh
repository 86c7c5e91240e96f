#!/bin/sh
# One table of figures in one run: the disk's fdatasync, then lock + unlock with 1 and 64 clients on three and
# five agents (medians of REPEAT runs), datagrams and syncs per pair, and what an idle agent costs.
#     bench.sh BUILD BENCH_DIR       REPEAT=5 PAIRS_1=2000 PAIRS_64=20000
set -eu
build=$1
bench=$2
repeat=${REPEAT:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-bench.XXXXXX")
stop() {
    "$build/holdfast" lab stop -d "$work/lab" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

# The median of the values of field $1 over the lines of file $2.
median() {
    awk -v key="$1" '{for (i = 1; i < NF; i++) if ($i == key) print $(i + 1)}' "$2" | sort -n |
        awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}
# The sum of a counter over all agents.
total() {
    for socket in "$work"/lab/hv*/holdfast.sock; do
        "$build/holdfast" --socket "$socket" --json status
    done | grep -o "\"$1\":[0-9]*" | awk -F: '{n += $2} END {print n}'
}
ticks() {
    for pid in $pids; do awk '{print $14 + $15}' "/proc/$pid/stat"; done | awk '{n += $1} END {print n}'
}

: >"$work/fsync"
for _ in $(seq "$repeat"); do "$bench/bench_fdatasync" "$work" >>"$work/fsync"; done
printf 'fdatasync in this folder: p50 %s us, p99 %s us\n\n' "$(median fdatasync_p50_us "$work/fsync")" \
    "$(median fdatasync_p99_us "$work/fsync")"
printf '%-7s %-8s %9s %9s %9s %11s %11s %11s %11s %10s %9s\n' agents clients pairs/s lock-p50 lock-p99 \
    unlock-p50 unlock-p99 pair-p50 pair-p99 dgrams syncs
# What is under way, for whoever waits at a terminal.
progress() {
    if [ -t 2 ]; then printf '\r%s\033[K' "$*" >&2; fi
}
for agents in 3 5; do
    "$build/holdfast" lab start -n "$agents" -d "$work/lab" >/dev/null
    for clients in 1 64; do
        pairs=${PAIRS_1:-2000}
        [ "$clients" = 1 ] || pairs=${PAIRS_64:-20000}
        : >"$work/runs"
        "$bench/bench_lock" "$clients" "$((pairs / 10 + clients))" "$work"/lab/hv*/holdfast.sock >/dev/null
        datagrams=$(total datagrams_out)
        syncs=$(total syncs)
        done_pairs=0
        for run in $(seq "$repeat"); do
            progress "$agents agents, $clients clients: run $run of $repeat"
            "$bench/bench_lock" "$clients" "$pairs" "$work"/lab/hv*/holdfast.sock >>"$work/runs"
            done_pairs=$((done_pairs + pairs / clients * clients))
        done
        progress
        datagrams=$(($(total datagrams_out) - datagrams))
        syncs=$(($(total syncs) - syncs))
        printf '%-7s %-8s %9s %6s us %6s us %8s us %8s us %8s us %8s us %10s %9s\n' "$agents" "$clients" \
            "$(median pairs_per_s "$work/runs")" "$(median lock_p50_us "$work/runs")" \
            "$(median lock_p99_us "$work/runs")" "$(median unlock_p50_us "$work/runs")" \
            "$(median unlock_p99_us "$work/runs")" "$(median pair_p50_us "$work/runs")" \
            "$(median pair_p99_us "$work/runs")" \
            "$(awk "BEGIN {printf \"%.1f\", $datagrams / $done_pairs}")" \
            "$(awk "BEGIN {printf \"%.2f\", $syncs / $done_pairs}")"
    done
    pids=
    for socket in "$work"/lab/hv*/holdfast.sock; do
        pids="$pids $("$build/holdfast" --socket "$socket" --json status | grep -o '"pid":[0-9]*' | cut -d: -f2)"
    done
    before=$(ticks)
    progress "$agents agents, idle for 10 s"
    sleep 10
    progress
    after=$(ticks)
    printf 'idle, %s agents: %s%% of a core each, %s KiB resident each\n\n' "$agents" \
        "$(awk "BEGIN {printf \"%.2f\", ($after - $before) / $(getconf CLK_TCK) / 10 / $agents * 100}")" \
        "$(for pid in $pids; do awk '/VmRSS/ {print $2}' "/proc/$pid/status"; done | sort -n | tail -1)"
    "$build/holdfast" lab stop -d "$work/lab" >/dev/null
done
echo "dgrams, syncs: per pair, all agents together"
