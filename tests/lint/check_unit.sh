#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The unit files given are such that systemd understands, and their exposure is at most 0.7 of 10, that of the
# privileged helper at most 1.3.
set -Eeuo pipefail

command -v systemd-analyze >/dev/null || {
	echo "SKIP: systemd-analyze is not installed: apt-get install systemd"
	exit 77
}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

check() { # UNIT: a file
	local unit=$directory/${1##*/} said threshold=7
	[[ $unit != *-isolate@* ]] || threshold=13
	# systemd-analyze wants the programs to exist; ours are not installed yet.
	sed -E 's,^(Exec[A-Za-z]+=)[^ ]*/virtpind(-isolate)?( |$),\1/bin/true\3,' "$1" >"$unit"
	# Some mistakes are only warnings to systemd-analyze: any output is one here.
	said=$(systemd-analyze verify --man=no "${unit/@./@1.}" 2>&1) || true
	if [ -n "$said" ]; then
		echo "$said"
		exit 1
	fi
	# --threshold=7 means 0.7.
	[[ $unit = *.socket ]] ||
		systemd-analyze security --offline=true --threshold=$threshold --no-pager "$unit" | tail -n 1
}

for unit in "$@"; do check "$unit"; done
