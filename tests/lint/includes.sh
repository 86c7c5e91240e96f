#!/bin/sh
# Includes go one way: node, sim -> proto -> crypto; client takes crypto/ and proto's decoders. And the
# core includes no header of the system that could do more than compute.
set -eu

status=0

# complain TEXT WHY: each line of TEXT is a finding.
complain() {
    [ -z "$1" ] && return 0
    echo "$1" | sed "s|\$|   <- $2|"
    status=1
}

# may FOLDER PATTERN: every quoted include in FOLDER is of a folder that matches PATTERN.
may() {
    complain "$(grep -rnE '^#[[:space:]]*include[[:space:]]+"' --include='*.[ch]' "$1" |
        grep -vE "\"($2)/[^\"]*\"")" "$1/ may not include this"
}

# system FOLDER NAMES: every <include> in FOLDER is one of NAMES.
system() {
    complain "$(grep -rnE '^#[[:space:]]*include[[:space:]]+<' --include='*.[ch]' "$1" |
        grep -vE "<($2)>")" "this is more than computing"
}

may crypto 'crypto'
may proto 'proto|crypto'
may node 'node|proto|crypto'
may sim 'sim|proto|crypto'
may client 'client|proto|crypto'
system proto 'std(bool|def|int)\.h|string\.h'
system crypto 'std(bool|def|int)\.h|string\.h|sodium\.h'

[ "$status" -eq 0 ] && echo "includes: node, sim -> proto -> crypto; client -> proto, crypto"
exit "$status"
