# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The host changes under the service: CPUs, SMT, usable CPUs, hugepages, sleep. tests/lab/checks sources this with the
# guests a (bound to CPUs 2-7), b (a device of node 1) and c (bound to CPUs 12-15) running and pinned.
# shellcheck disable=SC2317,SC2154 # functions are called by way of ok() and within()

cpu_state() { echo "$2" >"/sys/devices/system/cpu/cpu$1/online"; } # CPU 0|1
list_cpus() { # LIST: one number a line
	local part
	for part in ${1//,/ }; do seq "${part%-*}" "${part#*-}"; done
}
allowed() { cat /sys/fs/cgroup/machine.slice/cpuset.cpus.effective 2>/dev/null || cat /sys/devices/system/cpu/online; }
is_within() { # LIST LIST: the first in the second
	[ -z "$(comm -13 <(list_cpus "$2" | sort) <(list_cpus "$1" | sort))" ]
}

# Every vCPU runs where it may, and no CPU of one guest's own is another's, nor of two vCPUs of a guest that has what it
# asks for. What the kernel says, not what was asked.
everybody_is_in_order() { # GUEST...
	local guest cpus may taken="" own
	may=$(allowed)
	for guest in "$@"; do
		pin_state_is "$guest" pinned || return
		own=""
		for cpus in $(vcpus "$guest" "$(virsh vcpucount "$guest" --live --active)"); do
			is_within "$cpus" "$may" || return
			case $cpus in
			*[,-]*) ;;
			*)
				! grep -qx "$cpus" <<<"$taken" || return
				! grep -qx "$cpus" <<<"$own" || is_told_of "$guest" || return
				own+=$cpus$'\n'
				;;
			esac
		done
		taken+=$own
	done
}
everybody_is_single() { # GUEST...
	everybody_is_in_order "$@" || return
	local guest
	for guest in "$@"; do ! grep -q '[-,]' <<<"$(vcpus "$guest" 2)" || return; done
}
configure() { # PERIOD: seconds between passes that nobody called for
	[ -e /run/pristine.json ] || cp /etc/virtpind/virtpind.json /run/pristine.json
	sed "s/\"period-seconds\": 60/\"period-seconds\": $1/" /run/pristine.json >/etc/virtpind/virtpind.json
	systemctl reload virtpind
}
jumps_heard() { journalctl -u virtpind -o cat --no-pager | grep -c 'looking at everything again'; }
jumps_heard_are() { [ "$(jumps_heard)" -ge "$1" ]; }
set_clock() { date -s "@$(($(date +%s) + $1))"; } # SECONDS from now
generation() {
	busctl get-property org.virtpind1 /org/virtpind1 org.virtpind1.Manager TopologyGeneration | cut -d ' ' -f 2
}
generation_above() { [ "$(generation)" -gt "$1" ]; }

is_told_of() { has_problem "\"Unsatisfiable\" \"$1: "; } # GUEST: that it has not what it asks for

host_changes() {
	local before pid_before placed seconds
	pid_before=$(unit MainPID)
	# Only the kernel's events can be what it hears: the next pass of its own is an hour away.
	configure 3600

	before=$(generation)
	for cpu in 4 5 6 7; do cpu_state $cpu 0; done
	ok "a whole L3 goes offline: it is noticed" within 30 generation_above "$before"
	ok "its guest moves, and nobody is on a CPU that is not there" within 60 everybody_is_in_order a b c
	for cpu in 4 5 6 7; do cpu_state $cpu 1; done
	ok "it comes back, and all are in order" within 60 everybody_is_single a b c

	if [ "$(cat /sys/devices/system/cpu/smt/control)" = on ]; then
		before=$(generation)
		echo off >/sys/devices/system/cpu/smt/control
		ok "SMT is switched off: it is noticed" within 30 generation_above "$before"
		ok "nobody is on a CPU that is not there, nor on another's" within 60 everybody_is_in_order a b c
		ok "who asks for five of the three CPUs left to it is told of" within 60 is_told_of a
		before=$(generation)
		echo on >/sys/devices/system/cpu/smt/control
		ok "SMT is switched on again: it is noticed" within 30 generation_above "$before"
		ok "and all are in order" within 60 everybody_is_single a b c
	else
		skip "SMT is switched off and on" "this kernel says $(cat /sys/devices/system/cpu/smt/control)"
	fi

	# The second jump is heard only if the watch for the first was set up again.
	placed=$(vcpus a 5)
	for seconds in 7200 -7200; do
		before=$(jumps_heard)
		let_float a >/dev/null
		is "a vCPU was moved and nobody was told" 0-15 "$(vcpus a 1)"
		set_clock $seconds >/dev/null
		ok "the clock jumps by $seconds s: the journal has it" within 60 jumps_heard_are $((before + 1))
		ok "and the vCPU is back" within 60 vcpus_are a 5 "$placed"
	done

	# No event tells of control groups and hugepages: the periodic look does.
	configure 5
	systemctl set-property --runtime machine.slice AllowedCPUs=0-11
	ok "guests may use CPUs 0-11 only: all keep to them" within 60 everybody_is_in_order a b c
	ok "who is bound to others is told of" within 60 is_told_of c
	# An empty value would leave the control group as it is; see the systemd issue tracker.
	systemctl set-property --runtime machine.slice AllowedCPUs=0-15
	ok "they may use all again, and all are in order" within 60 everybody_is_single a b c

	echo 64 >/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages
	begin h 2 2 "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>"
	fits_node_0() { manager Plan 'ssa{sv}' h dedicated 1 fallback s fail | grep -q 'nodeset\\*": *\\*"0'; }
	does_not_fit() { manager Plan 'ssa{sv}' h dedicated 1 fallback s fail 2>&1 | grep -q 'missing-now'; }
	ok "hugepages appear: a guest that wants them is planned there" within 60 fits_node_0
	echo 0 >/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages
	ok "they are gone: the plan says that there are none" within 60 does_not_fit
	ok "and all others are in order" within 60 everybody_is_single a b c
	virsh -q undefine h

	is "the service has lived through it all" "$pid_before 0" "$(unit MainPID) $(unit NRestarts)"

	# Without the kernel's events there is the period.
	mkdir -p /run/systemd/system/virtpind.service.d
	printf '[Service]\nRestrictAddressFamilies=\nRestrictAddressFamilies=AF_UNIX\n' \
		>/run/systemd/system/virtpind.service.d/deaf.conf
	systemctl daemon-reload
	systemctl restart virtpind
	ok "a service that may not hear the kernel starts" within 90 pin_state_is b pinned
	ok "and says so" grep -q 'failed to listen to kernel uevents' \
		<<<"$(journalctl -o cat --no-pager _PID="$(unit MainPID)")"
	first=$(vcpus b 1)
	cpu_state "$first" 0
	ok "a CPU goes offline: its vCPU is moved to another single CPU" within 60 gone
	ok "and nobody is on a CPU that is not there" within 60 everybody_is_in_order a b c
	cpu_state "$first" 1
	ok "it comes back, which is seen" within 60 online_are 0-15
	ok "and all are in order" within 60 everybody_is_single a b c
	rm -r /run/systemd/system/virtpind.service.d
	systemctl daemon-reload
	cp /run/pristine.json /etc/virtpind/virtpind.json
	systemctl restart virtpind
	ok "with the kernel's events again, all is as before" within 90 pin_state_is b pinned
}

# Suspend to RAM: all CPUs but one go and come back without events; the clock jumps. An emulated machine may then lose
# timers of its CPUs, so this is the last check.
sleep_and_wake() { # with guest s, which has a CPU of its own
	local pid_before placed before
	if grep -qs mem /sys/power/state; then
		rm -f /run/pristine.json
		configure 3600
		pid_before=$(unit MainPID)
		placed=$(vcpus s 1)
		before=$(jumps_heard)
		let_float s >/dev/null
		is "its vCPU was moved and nobody was told" 0-15 "$(vcpus s 1)"
		ok "the machine sleeps and wakes by its clock" timeout 120 rtcwake -m mem -s 5
		ok "the service has noticed" within 60 jumps_heard_are $((before + 1))
		ok "it is ready" within 60 state_is ready
		ok "and has the vCPU where it was" within 60 vcpus_are s 1 "$placed"
		ok "its guest is in order" within 60 everybody_is_in_order s
		is "all that in the same process" "$pid_before 0" "$(unit MainPID) $(unit NRestarts)"
	else
		skip "the machine sleeps and wakes" "this kernel cannot be put to sleep"
	fi
}
