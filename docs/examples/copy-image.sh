#!/bin/sh
# Copies an image out of a cache that others write and age out, without a lock if it can:
#
#     copy-image.sh LOCK SOURCE TARGET
#
# Nobody waits for such a copy, and nothing is written to any disk for it. If somebody writes the
# image meanwhile, or does already, it is copied again under the read lock, which keeps writers off.
# If the last one who wrote it died in the midst, there is no good copy to be had here: code 1.
#
# shellcheck disable=SC2016 # what stands in quotes is for the shell under the lock
set -eu
lock=$1 source=$2 target=$3

if stamp=$(holdfast stamp "$lock" 2>/dev/null) &&
    cp -- "$source" "$target.part" 2>/dev/null &&
    holdfast validate "$lock" "$stamp" 2>/dev/null; then
    echo "copied without a lock"
elif holdfast lock -q -s "$lock" -- sh -c '
    case ${HOLDFAST_UNCLEAN:-} in *" exclusive "* | *" PW "* | *" CW "*) exit 1 ;; esac
    exec cp -- "$1" "$2"' copy "$source" "$target.part"; then
    echo "copied under the read lock"
else
    rm -f -- "$target.part"
    echo "no good copy here: fetch it from the image service" >&2
    exit 1
fi
mv -- "$target.part" "$target"
