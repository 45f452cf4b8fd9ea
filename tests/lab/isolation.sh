# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What isolation-checks and isolation-rounds share, on the virtual host: guests, the tasks of others, who runs where.
# $payload is the folder of the package and of checks.sh.
# shellcheck disable=SC2034,SC2154,SC2317
export DEBIAN_FRONTEND=noninteractive
groups=/sys/fs/cgroup

manager() { busctl --timeout=600 call org.virtpind1 /org/virtpind1 org.virtpind1.Manager "$@"; }
path_of() { manager GetDomain s "$1" | cut -d '"' -f 2; }
of_domain() { busctl get-property org.virtpind1 "$(path_of "$1")" org.virtpind1.Domain "$2"; } # NAME PROPERTY
is_known() { manager GetDomain s "$1" >/dev/null 2>&1; }
# An emulated host on a busy machine may take longer than virtpinctl waits: what counts is that it comes.
set_policy() {
	local said
	said=$(virtpinctl set "$@" 2>&1 >/dev/null) && return
	echo "$said"
	grep -q 'did not answer' <<<"$said" && reapply "$1"
}
why() { virtpinctl explain "$1" | grep -i 'not kept off'; }
says() { why "$1" | grep -q "$2" || { virtpinctl explain "$1"; return 1; }; }
isolated() { cat $groups/cpuset.cpus.isolated; }
isolated_are() { [ "$(isolated)" = "$1" ]; }
affinity() { awk '/Cpus_allowed_list/{print $2}' "/proc/$1/status" 2>/dev/null; }
main_of() { systemctl show -P MainPID "$1"; }
qemu_of() { pgrep -f "guest=$1,"; }
scope_of() { sed -n 's/^0:://p' "/proc/$(qemu_of "$1")/cgroup" | sed 's,/libvirt/.*,,;s,.*/,,'; }
reapply() { manager Reapply st "$1" 0 >/dev/null; }
is_satisfied() { [ "$(of_domain "$1" Satisfied)" = "b true" ]; }
first_of() { virtpinctl show "$1" | awk '/^ *isolated/{print $2}' | sed 's/[-,].*//'; }
is_off() { ! of_domain a VcpuPins | grep -q "\"$1\""; } # CPU: no vCPU is on it
define() { # NAME VCPUS MAXIMUM [PINS]
	cat >"/run/$1.xml" <<-XML
		<domain type='qemu'><name>$1</name><memory unit='MiB'>64</memory><vcpu current='$2'>$3</vcpu>${4-}
		<os><type arch='x86_64' machine='q35'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
		<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>
	XML
	virsh -q define "/run/$1.xml" && within 60 is_known "$1"
}
tasks=(system user custom container pinned)
affinities() {
	local task
	for task in "${tasks[@]}"; do printf '%s=%s ' "$task" "$(affinity "$(main_of "$task")")"; done
	echo "init=$(affinity 1) kthreadd=$(affinity 2)"
}

install_and_start() {
	if ls "$payload"/virtpind_*.deb >/dev/null 2>&1; then
		within 120 virsh -q list >/dev/null
		ok "the package is installed by dpkg" dpkg -i "$payload"/virtpind_*.deb
	fi
	systemctl start virtpind-isolate.socket virtpind
	useradd --no-create-home visitor
	ok "the service runs" within 90 systemctl is-active -q virtpind
	ok "and its helper's socket" systemctl is-active -q virtpind-isolate.socket
	is "which is for root and the service alone" "root virtpind 660" "$(stat -c '%U %G %a' /run/virtpind-isolate.sock)"
}
start_tasks() { # of every kind of unit; the last has a mask of its own
	local busy='while :; do sleep 0.02; done'
	systemd-run -q --unit=system --slice=system.slice sh -c "$busy"
	systemd-run -q --unit=user --slice=user.slice sh -c "$busy"
	systemd-run -q --unit=custom --slice=custom.slice sh -c "$busy"
	systemd-run -q --unit=container --slice=machine.slice sh -c "$busy"
	systemd-run -q --unit=pinned --slice=system.slice taskset -c 4-5 sh -c "$busy"
}
