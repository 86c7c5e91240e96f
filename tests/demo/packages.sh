#!/bin/sh
# Installs the packages of packaging/packages.txt that are missing, or says what to run.
# Without dpkg this is no Debian: then the compiler says what is missing.
set -eu
cd "$(dirname "$0")/../.."
command -v dpkg-query >/dev/null || exit 0

missing=
while read -r package; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done <packaging/packages.txt
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing. Run this, then make demo again:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of packages
apt-get install -q -y --no-install-recommends $missing
