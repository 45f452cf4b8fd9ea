# SPDX-License-Identifier: LGPL-2.1-or-later
"""What may go wrong around a running daemon, with a real libvirtd and QEMU; tests/FAULTS.md is the list.

VIRTPIND_LONG makes it longer: libvirtd restarted fifty times, hung for a minute.
"""
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from gi.repository import GLib

from host_cpus import ALL, FIRST, HAS_TWO, SECOND, TWO_CPUS
from private_bus import MANAGER, NAME, ROOT, BusError
from private_libvirtd import URI, Guest
from waiting import wait_until

LONG = bool(os.environ.get("VIRTPIND_LONG"))
NO_HOUSEKEEPING = '{"housekeeping": "", "period-seconds": 5}'
BY_CONFIGURATION = '{"housekeeping": "", "default-policy": "dedicated"}'

pytestmark = pytest.mark.skipif(not HAS_TWO, reason=TWO_CPUS)


def state(client):
    return client.properties(ROOT, MANAGER)["State"]


def problems(client):
    return dict(client.properties(ROOT, MANAGER)["Problems"])


def variants(options):
    return {key.replace("_", "-"): GLib.Variant("s" if isinstance(value, str) else "u", value)
            for key, value in options.items()}


def set_policy(client, guest, policy="dedicated", flags=0, **options):
    return client.manager("SetPolicy", "(ssa{sv}t)", guest.name, policy, variants(options), flags)


def send_policy(client, guest, policy="dedicated", **options):
    """Sends the call and does not wait: what comes of it, comes."""
    client.connection.call(NAME, ROOT, MANAGER, "SetPolicy",
                           GLib.Variant("(ssa{sv}t)", (guest.name, policy, variants(options), 0)), None, 0, -1,
                           None, None)
    client.connection.flush_sync(None)


def wait_pinned(client, guest, deadline_s=30):
    """What the daemon says and what the kernel does."""
    def is_pinned():
        with contextlib.suppress(BusError, FileNotFoundError, ProcessLookupError):
            seen = client.domain_properties(guest.uuid)
            kernel = guest.affinity()["vcpus"]
            shown = {v: c for v, c in seen["VcpuPins"] if v in kernel}
            return seen["PinState"] == "pinned" and kernel == shown and seen
        return None

    return wait_until(is_pinned, lambda: f"{guest.name} is pinned: {client.domain_properties(guest.uuid)}", deadline_s)


def have_own_cpus(pins, count):
    return len(pins) == len(set(pins.values())) == count and all(mask.isdigit() for mask in pins.values())


def known(client, guest):
    client.wait_for_properties(guest.uuid, lambda is_: True, f"{guest.name} is known")
    return guest


# ---- libvirtd -----------------------------------------------------------------------------------

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


# ---- the domain, in the middle of an apply ------------------------------------------------------------

@pytest.fixture
def midway(make_daemon, make_guest, client, faults):
    """A guest, and the daemon in its second pin call, until that is released."""
    def begin(**options):
        guest = make_guest("mid", vcpus=1, max_vcpus=2, iothreads=1, **options).start()
        daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
        known(client, guest)
        faults.hold(2, "virDomainPin")
        send_policy(client, guest)
        wait_until(lambda: len(faults.calls()) >= 2, "in the second pin call")
        return guest, daemon

    return begin


def complaints(daemon):
    return re.findall(r"^\S+ \S+ (?:error|critical|warning) .*", daemon.log_text(), re.M)


def test_domain_ends_midway(midway, client, faults):
    guest, daemon = midway()
    guest.destroy()
    faults.release()
    client.wait_for_properties(guest.uuid, lambda is_: is_["RunState"] == "shutoff" and is_["PinState"] == "idle",
                               "idle")
    assert not complaints(daemon)


def test_domain_is_undefined_midway(midway, client, faults):
    guest, daemon = midway()
    guest.remove()
    faults.release()

    def is_gone():
        with contextlib.suppress(BusError):
            client.domain_properties(guest.uuid)
            return False
        return True

    wait_until(is_gone, "its object is gone")
    assert not complaints(daemon)
    wait_until(lambda: not list((daemon.directory / "state").rglob("*.json")), "its before-image is forgotten")


@pytest.mark.parametrize("max_vcpus", [2, 12], ids=["pin by pin", "defined anew"])
def test_running_domain_is_undefined_midway(make_daemon, make_guest, client, libvirtd, faults, max_vcpus):
    """It runs on, and nothing brings its definition back."""
    guest = make_guest("mid", vcpus=1, max_vcpus=max_vcpus).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.hold(2, "virDomainPin")
    send_policy(client, guest)
    wait_until(lambda: len(faults.calls()) >= 2, "in the second pin call")
    libvirtd.virsh("undefine", guest.name)
    faults.release()
    wait_pinned(client, guest)
    client.manager("Reapply", "(st)", guest.name, 0)
    assert "Persistent:     no" in libvirtd.virsh("dominfo", guest.name).stdout
    assert not complaints(daemon)


def test_domain_is_restarted_midway(midway, client, faults):
    guest, daemon = midway()
    guest.destroy()
    guest.start()
    faults.release()
    wait_pinned(client, guest)
    assert not complaints(daemon)
    guest.destroy()
    guest.start()
    wait_pinned(client, guest)


def test_domain_is_redefined_midway(midway, client, libvirtd, faults):
    guest, _ = midway()
    fresh = guest.xml("--inactive").replace("<vcpu placement='static' current='1'>2",
                                            "<vcpu placement='static' current='2'>3")
    assert "current='2'" in fresh
    libvirtd.virsh("define", "/dev/stdin", stdin=fresh)
    faults.release()
    wait_pinned(client, guest)
    client.manager("Reapply", "(st)", guest.name, 0)
    now = guest.xml("--inactive")
    assert "current='2'>3</vcpu>" in now, "what somebody else wrote stays"
    assert "vcpupin vcpu='0'" in now and "emulatorpin" in now, "and the pins are there"
    client.manager("ResetPolicy", "(st)", guest.name, 0)
    assert "vcpupin" not in guest.xml("--inactive") and "current='2'>3" in guest.xml("--inactive")


def test_domain_is_renamed_midway(make_daemon, make_guest, client, libvirtd, faults):
    guest = make_guest("rename", vcpus=1)  # only one that is shut off can be
    daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.hold(1, "virDomainPin")
    send_policy(client, guest)
    wait_until(faults.calls, "in a pin call")
    libvirtd.virsh("domrename", guest.name, guest.name + "-new")
    faults.release()
    guest.name += "-new"
    client.wait_for_properties(guest.uuid, lambda is_: is_["Name"] == guest.name, "has its new name")
    guest.start()
    wait_pinned(client, guest)
    assert not complaints(daemon)


def test_vcpu_is_plugged_midway(midway, libvirtd, faults):
    guest, _ = midway()
    libvirtd.virsh("setvcpus", guest.name, 2, "--live")
    faults.release()
    wait_until(lambda: have_own_cpus(guest.affinity()["vcpus"], 2),
               lambda: f"each vCPU has a CPU of its own: {guest.affinity()}")


def test_libvirtd_is_killed_under_an_unplug(make_daemon, make_guest, client, libvirtd, faults):
    """The connection refused, not the guest: it is asked again."""
    guest = make_guest("mid", vcpus=1, max_vcpus=2).start()
    make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    set_policy(client, guest, vcpus=2)
    faults.hold(1, "virDomainSetVcpu")
    send_policy(client, guest, vcpus=1)
    wait_until(faults.calls, "the unplug is under way")
    libvirtd.restart(signal.SIGKILL)
    faults.plan("delay", 1, 0, "virDomainSetVcpu", 1)  # ends the call that is held, and writes down those that follow
    wait_until(faults.calls, "the guest is asked again", 60)
    client.wait_for_properties(guest.uuid, lambda is_: "did not give back vCPUs 1" in is_["LastError"][1],
                               "and refuses")


# ---- calls that fail ------------------------------------------------------------------------------------

def test_one_pin_of_many_fails_and_is_tried_again(make_daemon, make_guest, client, faults):
    guest = make_guest("one", vcpus=2, iothreads=1).start()
    make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.plan("fail", 2, 1, "virDomainPinVcpu")
    with pytest.raises(BusError) as refused:
        set_policy(client, guest, flags=1)  # not stored: one pass, which no event precedes
    assert refused.value.name == "org.virtpind1.Error.PartiallyApplied"
    assert "vCPU 1" in refused.value.text
    wait_pinned(client, guest)
    assert client.domain_properties(guest.uuid)["LastError"] == ("", "")


def test_failing_again_and_again_is_tried_less_and_less(make_daemon, make_guest, client, faults):
    guest = make_guest("never", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.plan("fail", 1, 0, "virDomainPinVcpu")
    with pytest.raises(BusError):
        set_policy(client, guest)
    wait_until(lambda: "(attempt 3, next in 4 s)" in daemon.log_text(), "a third attempt")
    assert "(attempt 1, next in 1 s)" in daemon.log_text() and "(attempt 2, next in 2 s)" in daemon.log_text()
    attempts = [re.search(r"\(attempt (\d+), next", said).group(1) for said in complaints(daemon)]
    assert attempts == [str(number + 1) for number in range(len(attempts))], "each failure is said once"
    assert guest.affinity()["vcpus"] == {0: ALL}
    faults.clear()
    wait_pinned(client, guest)


# ---- callers ---------------------------------------------------------------------------------------------

def test_writers_at_once(make_daemon, make_guest, bus, client):
    guest = make_guest("writers", vcpus=1).start()
    make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    generations = {FIRST: [], SECOND: [], "reset": []}

    def write(cpus):
        writer = bus.connect()
        for _ in range(15):
            generations[cpus].append(writer.manager("ResetPolicy", "(st)", guest.name, 0) if cpus == "reset"
                                     else set_policy(writer, guest, cpus=cpus))
        writer.close()

    writers = [threading.Thread(target=write, args=(cpus,)) for cpus in generations]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    told = sum(generations.values(), [])
    assert len(set(told)) == len(told) == 45, "each has its own generation"
    last = max(generations, key=lambda cpus: max(generations[cpus]))
    seen = client.wait_for_properties(guest.uuid, lambda is_: is_["PinState"] in ("pinned", "idle"), "it is over")
    assert seen["Generation"] == max(told)
    if last == "reset":
        assert guest.affinity()["vcpus"] == {0: ALL}
        assert "vcpupin" not in guest.xml("--inactive") and "virtpind" not in guest.xml("--inactive")
    else:
        assert guest.affinity()["vcpus"] == {0: last} == dict(seen["VcpuPins"])
        assert f"<vcpupin vcpu='0' cpuset='{last}'/>" in guest.xml("--inactive")


# ---- disk and configuration ------------------------------------------------------------------------------

@pytest.fixture
def small_disk(tmp_path):
    """A state directory that can be full or read-only."""
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def fill(disk):
    with contextlib.suppress(OSError), open(disk / "ballast", "wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    return lambda: (disk / "ballast").unlink()


def make_read_only(disk):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    return lambda: subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


@pytest.mark.parametrize("spoil", [fill, make_read_only])
def test_disk_is_full_or_read_only(make_daemon, make_guest, client, small_disk, spoil):
    guest = make_guest("disk", vcpus=1).start()
    definition = guest.xml("--inactive")
    make_daemon(config=NO_HOUSEKEEPING, state_dir=small_disk)
    known(client, guest)
    mend = spoil(small_disk)
    with pytest.raises(BusError) as refused:
        set_policy(client, guest, flags=1)
    assert refused.value.name == "org.virtpind1.Error.NotPersisted"
    assert guest.affinity()["vcpus"] == {0: ALL} and guest.xml("--inactive") == definition, "nothing is touched"
    mend()
    wait_pinned(client, guest, 90)
    # With the before-image there, the running guest gets its pins; its definition waits, since what
    # is written there could not be told from somebody else's words later.
    mend = spoil(small_disk)
    tuned = guest.xml("--inactive")
    with pytest.raises(BusError) as refused:
        set_policy(client, guest, flags=1, cpus=SECOND)
    assert refused.value.name == "org.virtpind1.Error.PartiallyApplied"
    assert guest.affinity()["vcpus"] == {0: SECOND} and guest.xml("--inactive") == tuned
    mend()
    wait_pinned(client, guest, 90)
    client.manager("ResetPolicy", "(st)", guest.name, 0)
    assert guest.affinity()["vcpus"] == {0: ALL} and guest.xml("--inactive") == definition


@pytest.mark.parametrize("garbage",
                         [b"", b"{", b"\xff\xfe garbage", b'{"version": 999}', b"[" * 100000, b"x" * (2 << 20)],
                         ids=["empty", "cut", "binary", "future", "deep", "huge"])
def test_state_is_corrupt(make_daemon, make_guest, client, garbage):
    guest = make_guest("corrupt", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    set_policy(client, guest)
    (image,) = (daemon.directory / "state").rglob("*.json")
    daemon.stop()
    image.write_bytes(garbage)
    daemon.start()
    wait_pinned(client, guest)
    assert image.name in problems(client)["StateFile"]
    assert image.with_name(image.name + ".corrupt").read_bytes() == garbage, "set aside for a person to look at"


@pytest.mark.parametrize("garbage",
                         ["", "garbage {", "[1]", '{"housekeeping": "0-99999"}', '{"polices": {}}', "\0", "[" * 5000],
                         ids=["empty", "text", "list", "no-such-cpu", "unknown-key", "nul", "deep"])
def test_configuration_becomes_garbage(make_daemon, make_guest, client, garbage):
    guest = make_guest("config", vcpus=1).start()
    daemon = make_daemon(config=BY_CONFIGURATION)
    pins = wait_pinned(client, guest)["VcpuPins"]
    path = daemon.directory / "virtpind.json"
    path.write_text(garbage)
    daemon.reload()
    wait_until(lambda: "InvalidConfig" in problems(client), "it is said")
    client.manager("Reapply", "(st)", "", 0)
    assert wait_pinned(client, guest)["VcpuPins"] == pins, "the configuration is still the former one"
    path.write_text(BY_CONFIGURATION)
    daemon.reload()
    wait_until(lambda: problems(client) == {}, "it is good again")


def test_only_what_outlives_the_boot_waits_for_the_disk(make_daemon, make_guest, client, libvirtd, faults):
    guest = make_guest("durable", vcpus=1).start()
    make_daemon(config=BY_CONFIGURATION.replace("dedicated", "none"), environment=faults.environment)
    known(client, guest)
    faults.plan("delay", 1, 0, "fsync")
    set_policy(client, guest)
    assert len(faults.calls()) == 4, "the file and its directory: what was there, then what is written"
    guest.destroy()
    libvirtd.virsh("undefine", guest.name)
    libvirtd.virsh("create", "/dev/stdin", stdin=guest.definition)  # transient
    known(client, guest)
    faults.plan("delay", 1, 0, "fsync,rename")
    set_policy(client, guest)
    assert faults.calls() == ["rename"]


# ---- time ---------------------------------------------------------------------------------------------------

def move_unseen(guest, cpu):
    """Moves the thread of vCPU 0, past libvirt: within the control group that libvirt keeps it in."""
    task = next(task for task in Path(f"/proc/{guest.qemu_pid()}/task").iterdir()
                if (task / "comm").read_text().startswith("CPU 0/"))
    groups = dict(line.split(":", 2)[1:] for line in (task / "cgroup").read_text().splitlines())
    group = Path("/sys/fs/cgroup") / ("cpuset" if "cpuset" in groups else "") \
        / groups.get("cpuset", groups.get("", "")).lstrip("/")
    if (group / "cpuset.cpus").exists():
        (group / "cpuset.cpus").write_text(ALL)
    os.sched_setaffinity(int(task.name), {int(cpu)})
    assert guest.affinity()["vcpus"] == {0: str(cpu)}


@pytest.mark.parametrize("days", [-400, 400])
def test_wall_clock_jumps(make_daemon, make_guest, client, faults, days):
    """The kernel cancels a timer then; the period is an hour away, so that this alone can be what is heard."""
    guest = make_guest("clock", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING.replace("5", "3600"), environment=faults.environment)
    known(client, guest)
    set_policy(client, guest, cpus=SECOND)
    before = client.domain_properties(guest.uuid)["LastAppliedUSec"]
    for jumps in (1, 2):  # heard again only if the timer was set again
        move_unseen(guest, FIRST)
        faults.plan("jump", milliseconds=jumps * days * 86400 * 1000)
        wait_until(lambda: client.manager("Describe") and guest.affinity()["vcpus"] == {0: SECOND},
                   "the thread is back")
        assert daemon.log_text().count("the clock jumped or the machine resumed") == jumps
        client.wait_for_properties(
            guest.uuid, lambda is_, jumps=jumps: abs((is_["LastAppliedUSec"] - before) / 86400e6 - jumps * days) < 1,
            "the clock did jump")
    set_policy(client, guest, cpus=FIRST)
    assert guest.affinity()["vcpus"] == {0: FIRST}
    # The one thing to say is that somebody else moved the thread.
    assert all("was pinned" in said or "by somebody else" in said for said in complaints(daemon)), complaints(daemon)
