#!/bin/sh
# Runs clang-tidy on one file, unless just this text under just these checks has passed before: the stamp
# is named by a hash of the preprocessed text, the flags and the configuration.
#
#   tidy.sh STAMPS FILE FLAGS...
set -eu

stamps=$1 file=$2
shift 2
hash=$({ "${CLANG:-clang}" "$@" -E -CC "$file"; cat .clang-tidy ./*/.clang-tidy; echo "$@"; } |
    sha256sum | cut -c1-32)
[ -e "$stamps/$hash" ] && exit 0
"${CLANG_TIDY:-clang-tidy}" --quiet "$file" -- "$@" 2>&1 | grep -v '^[0-9]* warnings\? generated' >"$stamps/$hash.out" || true
if grep -qE '(warning|error):' "$stamps/$hash.out"; then
    cat "$stamps/$hash.out"
    rm -f "$stamps/$hash.out"
    exit 1
fi
mv "$stamps/$hash.out" "$stamps/$hash"
