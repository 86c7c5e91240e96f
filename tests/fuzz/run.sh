#!/bin/bash
# Runs fuzz targets for a bounded time, two at a time, and says for each how many inputs it ran and what
# it found. Exits 1 if one found anything; the inputs that did it stay in build/fuzz/findings.
#
#   run.sh SECONDS PROGRAM...
set -euo pipefail

seconds=$1
shift
if [ $# -eq 0 ]; then
    echo "fuzz: there is no target"
    exit 1
fi
root=build/fuzz
mkdir -p $root/corpus $root/findings $root/log

for seed in "$root"/seed_*; do
    case $seed in *.*) continue ;; esac
    "$seed" $root/corpus
done

# one SECONDS PROGRAM: prints one line; status 1 if it found something.
one() {
    local name=${2##*/fuzz_} log runs
    log=build/fuzz/log/$name
    mkdir -p "build/fuzz/corpus/$name"
    local status=0
    "$2" -max_total_time="$1" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="build/fuzz/findings/$name-" "build/fuzz/corpus/$name" >"$log" 2>&1 || status=1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ $status -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
        printf 'fuzz: %-10s %10d runs, %5d inputs kept, no finding\n' "$name" "$runs" \
            "$(find "build/fuzz/corpus/$name" -type f | wc -l)"
        return 0
    fi
    printf 'fuzz: %-10s FINDING: %s\n' "$name" \
        "$(grep -m1 -E 'ERROR|SUMMARY|runtime error|must\(' "$log" || tail -1 "$log")"
    sed -n 's/.*Test unit written to /      reproduce: build\/fuzz\/fuzz_'"$name"' /p' "$log"
    return 1
}
export -f one

printf '%s\n' "$@" | xargs -P2 -I{} bash -c "one $seconds {}" || exit 1
