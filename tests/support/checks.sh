# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# For scripts that check a system from within: a line per check, and the sum at the end.
passed=0 failed=0 skipped=0

good() { passed=$((passed + 1)); echo "ok $((passed + failed + skipped)) - $1"; }
bad() { failed=$((failed + 1)); echo "not ok $((passed + failed + skipped)) - $1"; }
skip() { skipped=$((skipped + 1)); echo "ok $((passed + failed + skipped)) - $1 # SKIP $2"; }

# What is checked, then a command that must succeed; what it says is shown when it does not.
ok() {
	local said
	if said=$("${@:2}" 2>&1); then good "$1"; else
		bad "$1"
		tail -n 8 <<<"$said" | sed 's/^/#   /'
	fi
}

# What is checked, what is wanted, what is there.
is() {
	if [ "$2" = "$3" ]; then good "$1"; else bad "$1: want '$2', got '$3'"; fi
}

# Until the command succeeds, for at most so many seconds.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || { "$@"; return; }
		sleep 0.1 # between two looks; the condition decides
	done
}

# What a package must not leave behind. Not looked at: the package manager's own records, caches, logs, what libvirt
# and systemd keep for themselves, what the daily timers of others write (logrotate, apt, dpkg's backups), and the
# group libvirt, which is libvirt's.
traces() {
	find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /mnt -o -path /root \
		-o -path /var/log -o -path /var/cache -o -path /var/tmp -o -path /var/lib/dpkg -o -path /var/lib/systemd \
		-o -path /var/lib/libvirt -o -path /var/lib/logrotate -o -path /var/lib/apt -o -path /var/backups \
		-o -path '/etc/*-' -o -path /package -o -path /checks \) -prune -o -print
	sed 's/^/user /' /etc/passwd
	grep -v '^libvirt:' /etc/group | sed 's/^/group /'
}

sum_up() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}
