#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The unit file given is one that systemd understands, and its exposure is at most 0.7 of 10.
set -Eeuo pipefail

command -v systemd-analyze >/dev/null || {
	echo "SKIP: systemd-analyze is not installed: apt-get install systemd"
	exit 77
}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
unit=$directory/$(basename "$1")
# systemd-analyze wants the program to exist; ours is not installed yet.
sed -E 's,^(Exec[A-Za-z]+=)[^ ]*/virtpind( |$),\1/bin/true\2,' "$1" >"$unit"

# Some mistakes are only warnings to systemd-analyze: any output is one here.
said=$(systemd-analyze verify --man=no "$unit" 2>&1) || true
if [ -n "$said" ]; then
	echo "$said"
	exit 1
fi
# --threshold=7 means 0.7.
systemd-analyze security --offline=true --threshold=7 --no-pager "$unit" | tail -n 1
