# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirtd that is absent, restarts, hangs or dies under a running daemon, and guests that hang; tests/FAULTS.md is
the list.

VIRTPIND_LONG makes it longer: libvirtd restarted fifty times, hung for a minute.
"""
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fault_steps import (BY_CONFIGURATION, LONG, NO_HOUSEKEEPING, known, problems, send_policy, set_policy, state,
                         wait_pinned)
from host_cpus import ALL, FIRST, HAS_TWO, SECOND, TWO_CPUS
from private_bus import BusError
from private_libvirtd import URI, Guest
from waiting import wait_until

pytestmark = pytest.mark.skipif(not HAS_TWO, reason=TWO_CPUS)


def test_libvirtd_is_absent_at_start(make_daemon, make_guest, client, libvirtd):
    guest = make_guest("absent", vcpus=1).start()
    libvirtd.stop()
    make_daemon(config=BY_CONFIGURATION)  # READY all the same
    assert state(client) == "disconnected"
    assert "LibvirtUnavailable" in problems(client)
    with pytest.raises(BusError) as refused:
        set_policy(client, guest)
    assert refused.value.name == "org.virtpind1.Error.LibvirtUnavailable"
    libvirtd.start()
    wait_pinned(client, guest, 60)
    assert problems(client) == {}


def test_libvirtd_restarts_again_and_again(make_daemon, make_guest, client, libvirtd):
    guest = make_guest("storm", vcpus=1).start()
    make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    set_policy(client, guest, cpus=SECOND)
    for number in range(50 if LONG else 6):
        libvirtd.restart(signal.SIGKILL if number % 2 else signal.SIGTERM)
    # Meanwhile somebody moved it, and nothing told so.
    libvirtd.virsh("vcpupin", guest.name, 0, FIRST, "--live")
    wait_until(lambda: guest.affinity()["vcpus"] == {0: SECOND}, "the pin is back", 90)
    wait_until(lambda: state(client) == "ready", "connected again", 60)
    assert wait_pinned(client, guest)["Policy"] == "dedicated"


@pytest.mark.parametrize("call", ["virDomainPinVcpuFlags", "virDomainGetXMLDesc", "virDomainSetMetadata",
                                  "virConnectListAllDomains"])
def test_libvirtd_is_killed_under_a_call(make_daemon, make_guest, client, libvirtd, faults, call):
    guest = make_guest("midway", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.hold(1, call)
    send_policy(client, guest)
    wait_until(lambda: call in faults.calls(), f"{call} is under way")
    libvirtd.restart(signal.SIGKILL)
    faults.release()
    wait_until(lambda: state(client) == "ready", "connected again", 60)
    set_policy(client, guest)  # the caller tries again, as the error said
    wait_pinned(client, guest)
    assert daemon.log_text().count("connected to libvirt at") == 2, "one loss is one loss, however many notice it"
    client.manager("ResetPolicy", "(st)", guest.name, 0)
    assert guest.affinity()["vcpus"] == {0: ALL}


def test_libvirtd_ends_while_it_is_being_connected_to(make_daemon, make_guest, client, libvirtd, faults):
    """Before anybody has asked to be told of that."""
    guest = make_guest("early", vcpus=1).start()
    libvirtd.stop()
    make_daemon(config=BY_CONFIGURATION, environment=faults.environment)
    faults.hold(1, "virConnectRegisterCloseCallback")
    libvirtd.start()
    wait_until(faults.calls, "connected, and not yet registered")
    libvirtd.restart(signal.SIGKILL)
    faults.release()
    wait_pinned(client, guest, 60)


def test_libvirtd_hangs(make_daemon, make_guest, client, libvirtd):
    """Longer than the keepalive: 20 s."""
    guest = make_guest("hung", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    set_policy(client, guest, cpus=SECOND)
    libvirtd.hang()
    began = time.monotonic()
    send_policy(client, guest, "shared")
    answers = 0
    while state(client) != "disconnected" or (LONG and time.monotonic() - began < 60):
        assert json.loads(client.manager("Describe"))["domains"]
        answers += 1
        assert time.monotonic() - began < 100, "the loss is noticed"
    assert answers > 100, "the bus is answered all the time"
    assert daemon.process.poll() is None
    with pytest.raises(BusError) as refused:
        set_policy(client, guest)
    assert refused.value.name == "org.virtpind1.Error.LibvirtUnavailable"
    libvirtd.resume()
    wait_until(lambda: state(client) == "ready", "connected again", 90)
    set_policy(client, guest, cpus=FIRST)
    assert guest.affinity()["vcpus"] == {0: FIRST}


def test_bus_goes_away_while_libvirtd_hangs(make_daemon, make_guest, client, libvirtd, bus):
    """A daemon that libvirt keeps from ending properly still ends, with the status that makes systemd restart it."""
    guest = make_guest("hung", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    libvirtd.hang()
    try:
        send_policy(client, guest, "shared")
        bus.stop()
        assert daemon.process.wait(30) == 1
        assert "libvirt does not respond; exiting" in daemon.log_text()
    finally:
        libvirtd.resume()
        bus.start()


@pytest.mark.skipif(not LONG, reason="half a minute each: meson test -C BUILD --setup long test_faults_long")
@pytest.mark.parametrize("call", ["virConnectOpen", "virConnectListAllDomains", "virDomainPin"])
def test_restore_ends_when_libvirtd_hangs(make_daemon, make_guest, client, libvirtd, faults, call):
    guest = make_guest("hung", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    set_policy(client, guest)
    daemon.stop()
    faults.hold(1, call)
    restoring = daemon.start_restore("--all", environment=faults.environment)
    wait_until(lambda: call in " ".join(faults.calls()), f"{call} is under way")
    libvirtd.hang()
    faults.release()
    try:
        assert restoring.wait(60) == 1
    finally:
        libvirtd.resume()
    assert "libvirt" in restoring.stderr.read()
    assert daemon.start_restore("--all").wait(30) == 0
    assert guest.affinity()["vcpus"] == {0: ALL}


def test_restore_keeps_what_it_knows_of_a_domain_that_it_cannot_read(make_daemon, make_guest, client, faults):
    guest = make_guest("unread", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    set_policy(client, guest, cpus=SECOND)
    daemon.stop()
    faults.plan("fail", 1, 1, "virDomainGetXMLDesc")
    restoring = daemon.start_restore("--all", environment=faults.environment)
    _, said = restoring.communicate(timeout=60)
    assert restoring.returncode == 1 and "run this command again" in said
    assert guest.affinity()["vcpus"] == {0: SECOND}
    assert daemon.start_restore("--all").wait(30) == 0
    assert guest.affinity()["vcpus"] == {0: ALL}


def test_a_guest_that_cannot_be_read_back_keeps_its_cpus(make_daemon, libvirtd, client, faults):
    guest = Guest(libvirtd, "unreadback", vcpus=1)
    libvirtd.virsh("create", "/dev/stdin", stdin=guest.definition)
    try:
        make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
        known(client, guest)
        faults.plan("fail", 2, 1, "virDomainGetXMLDesc")  # the first one is the look's
        with pytest.raises(BusError) as refused:
            set_policy(client, guest, flags=1, cpus=SECOND)  # not stored: one pass, which no event precedes
        assert "PartiallyApplied" in refused.value.name and "no pin of its own" not in refused.value.text
        faults.clear()
        wait_pinned(client, guest)
        assert guest.affinity()["vcpus"] == {0: SECOND}
    finally:
        guest.destroy()


def test_a_guest_that_is_being_started_delays_nobody_else(make_daemon, make_guest, client, libvirtd, tmp_path):
    """libvirt waits for a hook before it lets the guest go; each call for it would wait for 30 s."""
    starting, other = make_guest("starting", vcpus=1), make_guest("other", vcpus=1).start()
    go_on = tmp_path / "go-on"
    os.mkfifo(go_on)
    hook = Path("/etc/libvirt/hooks/qemu")
    hook.parent.mkdir()
    hook.write_text(f'#!/bin/sh\n[ "$1 $2" != "{starting.name} started" ] || read -r _ <{go_on}\n')
    hook.chmod(0o755)
    try:
        libvirtd.restart()
        make_daemon(config=NO_HOUSEKEEPING)
        for guest in (starting, other):
            known(client, guest)
        set_policy(client, starting, cpus=FIRST)
        start = subprocess.Popen(["virsh", "-q", "-c", URI, "start", starting.name])
        wait_until(lambda: "paused" in libvirtd.virsh("domstate", starting.name).stdout, "it is being started")
        began = time.monotonic()
        set_policy(client, other, cpus=SECOND)
        assert other.affinity()["vcpus"] == {0: SECOND}
        with pytest.raises(BusError) as refused:
            set_policy(client, starting, cpus=SECOND)
        assert "is being started" in refused.value.text
        assert time.monotonic() - began < 10
        go_on.write_text("go\n")
        assert start.wait(60) == 0
        wait_pinned(client, starting)
        assert starting.affinity()["vcpus"] == {0: FIRST}
    finally:
        hook.unlink()
        hook.parent.rmdir()


def test_a_guest_that_hangs_delays_nobody_else(make_daemon, make_guest, client, libvirtd):
    """Its QEMU stands still with a call to it outstanding: each further call would wait for 30 s."""
    stuck, other = make_guest("stuck", vcpus=1).start(), make_guest("other", vcpus=1).start()
    make_daemon(config=NO_HOUSEKEEPING)
    for guest in (stuck, other):
        known(client, guest)
    os.kill(stuck.qemu_pid(), signal.SIGSTOP)
    outstanding = subprocess.Popen(["virsh", "-q", "-c", URI, "qemu-monitor-command", stuck.name, "--hmp",
                                    "info status"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def is_waiting():
            told = libvirtd.virsh("domcontrol", stuck.name).stdout
            return re.fullmatch(r"occupied \((.*)s\)", told.strip()) and float(told.split("(")[1].split("s")[0]) > 3

        wait_until(is_waiting, lambda: f"it has been waited for: {libvirtd.virsh('domcontrol', stuck.name).stdout}")
        began = time.monotonic()
        send_policy(client, stuck)
        set_policy(client, other, cpus=SECOND)
        assert other.affinity()["vcpus"] == {0: SECOND}
        with pytest.raises(BusError) as refused:
            set_policy(client, stuck)
        assert "does not answer libvirt" in refused.value.text
        assert time.monotonic() - began < 10
    finally:
        os.kill(stuck.qemu_pid(), signal.SIGCONT)
        outstanding.wait(30)
    set_policy(client, stuck, cpus=FIRST)
    wait_pinned(client, stuck)
