#!/bin/bash
# What people meet at the command line of `run` and `shrink`: help, exit codes, what is said of a wrong file, a
# roster and a configuration of their own, JSON. Needs the `holdfast` command for the roster.
#
#   cli.sh PROGRAM HOLDFAST
set -euo pipefail

program=$1 holdfast=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# expect CODE PATTERN ARGUMENT...: runs the program; its output has the pattern.
expect() {
    local code=$1 pattern=$2 status=0 said
    shift 2
    said=$("$program" "$@" 2>&1) || status=$?
    if [ "$status" = "$code" ] && grep -qE -- "$pattern" <<<"$said"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s\nexit %s, not %s with "%s": %s\n' "$*" "$status" "$code" "$pattern" "${said:0:1000}"
    fi
}

cat >"$work/good.hf" <<END
# A lock changes hands
until 20s
at 8s hv1 locks x
at 12s hv1 releases x
at 12s hv2 waits for x
expect lock x passes within 2s
END
sed 's/within 2s/within 1ms/' "$work/good.hf" >"$work/unmet.hf"
sed 's/hv2 waits/hv2 weights/' "$work/good.hf" >"$work/bad.hf"

expect 0 'x is granted to hv2' run "$work/good.hf"
expect 0 'all expectations are met' run "$work/good.hf" --quiet --seed 99
expect 11 '1 of 1 expectations are not met' run "$work/unmet.hf" --quiet
expect 11 '^NOT MET +lock x passes within 1ms' run "$work/unmet.hf"
expect 64 'bad.hf:5: "weights": a node "locks"' run "$work/bad.hf"
expect 64 'no-such.hf: No such file' run "$work/no-such.hf"
expect 64 'usage' run
expect 64 'usage' run "$work/good.hf" "$work/good.hf"
expect 64 'usage' run "$work/good.hf" --seed nine
expect 64 'no line marked' run "$work/good.hf" --variant
expect 1 'does not fail' shrink --seed 1 --profile calm
expect 64 'usage' shrink
for command in run shrink crowd; do
    expect 0 "holdfast-sim $command " --help
    expect 0 "^usage: holdfast-sim $command " "$command" --help
done

"$program" run "$work/good.hf" --json >"$work/run.json"
if python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
assert r["code"] == 0 and r["expectations"][0]["met"] and r["grants"] == 2, r
assert any("granted to hv2" in e["text"] for e in r["timeline"])' "$work/run.json"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi

# The same run twice is the same run.
"$program" run "$work/good.hf" --json >"$work/again.json"
if cmp -s "$work/run.json" "$work/again.json"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi

if [ -x "$holdfast" ]; then
    "$holdfast" keygen --operator -d "$work" >/dev/null
    for i in 1 2 3; do
        head -c16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$work/id$i"
        "$holdfast" keygen --name "db$i" --address "127.0.0.$i:7654" -d "$work/db$i" --state "$work/db$i" \
            --machine-id "$work/id$i" >/dev/null
    done
    "$holdfast" roster make -o "$work/roster" --detect 2000 --operator "$work/operator.pub" "$work"/db?/card.json >/dev/null
    "$holdfast" roster sign -k "$work/operator.key" "$work/roster" >/dev/null
    printf 'until 40s\nat 8s db1 locks x\nat 9s db2 waits for x\nat 10s isolate db1\n' >"$work/own.hf"
    printf 'expect lost lock on db1 within 4s\n' >>"$work/own.hf"
    printf 'roster = /etc/holdfast/roster\non_isolation = continue\n' >"$work/go-on.conf"
    expect 0 'detection target|all expectations are met' run "$work/own.hf" --roster "$work/roster" --quiet
    expect 11 'not met' run "$work/own.hf" --roster "$work/roster" --config "$work/go-on.conf" --quiet
    printf 'on_isolation = perhaps\n' >"$work/bad.conf"
    expect 64 'bad.conf:1: on_isolation' run "$work/own.hf" --roster "$work/roster" --config "$work/bad.conf"
    expect 64 'own.hf: ' run "$work/own.hf" --roster "$work/own.hf"
    expect 64 'own.hf:2: "db1"' run "$work/own.hf"
else
    echo "command line: no $holdfast: rosters are skipped"
fi

echo "command line: $passed passed, $failed failed"
[ "$failed" = 0 ]
