# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that change their host, between two libvirtds: each virtpind recognizes the other's pins, the before-image
comes along, and a slow migration delays no other guest."""
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from private_bus import BusError
from private_libvirtd import LIBVIRTD, Guest, inside_private_host
from two_hosts import Host
from virtpind_daemon import BINARY
from waiting import wait_until

ONLINE = Path("/sys/devices/system/cpu/online").read_text(encoding="ascii").strip()
HOOK = Path(__file__).resolve().parents[2] / "systemd/libvirt/libvirt-hook.in"
LARGER = "synthetic:pack:2 [numa] core:8 pu:2"
ONE_CPU = "synthetic:pack:1 core:1 pu:1"
KEEP = ("--persistent", "--undefinesource")

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs to tell pins apart")


@pytest.fixture
def make_hosts(tmp_path):
    """make_hosts(hook=...) gives hosts a and b; the hook is b's."""
    if not inside_private_host() or not os.path.exists(LIBVIRTD):
        pytest.skip("run through tests/support/private-host, with libvirtd installed")
    made = []

    def make(hook=None):
        tmp_path.chmod(0o755)
        made.append(Host(tmp_path, "a"))
        made.append(Host(tmp_path, "b", hook))
        made[1].skip_ids(4)
        return made

    yield make
    for host in made:
        host.close()


@pytest.fixture
def hosts(make_hosts):
    return make_hosts()


def define(host, name, **options):
    return Guest(host, name, **options).define()


def start(host, guest):
    host.virsh("start", guest.name)
    host.client.wait_for_properties(guest.uuid, lambda is_: True, f"{guest.name} is known")


def pins(text):
    return {int(vcpu): cpus for vcpu, cpus in re.findall(r"<vcpupin vcpu='(\d+)' cpuset='([^']*)'", text)}


def without_traces(host, guest, before):
    """Nothing of us is left, in neither copy, and the definition is what it was, to the byte."""
    assert host.xml(guest, "--inactive") == before
    live = host.xml(guest)
    assert "virtpind" not in live
    wait_until(lambda: not list((host.state_dir / "domains").glob(f"{guest.uuid}*")),
               "its before-image is forgotten")


def test_there_and_back_with_a_reset_at_each_place(hosts):
    a, b = hosts
    for host in hosts:
        host.start_daemon(config='{"housekeeping": ""}')
    guest, other = define(a, "m1", vcpus=1, max_vcpus=2), define(b, "d2", vcpus=1)
    before = a.xml(guest, "--inactive")
    start(a, guest)
    start(b, other)
    b.set_policy(other, "dedicated", cpus="0")
    a.set_policy(guest, "dedicated", cpus="0")
    a.set_policy(guest, "dedicated")
    assert a.affinity(guest) == {0: "0"}

    a.migrate(b, guest, *KEEP)
    b.wait(guest, "pinned")
    assert (b.affinity(guest), b.affinity(other)) == ({0: "1"}, {0: "0"}), "it gives way to who was there"
    b.reset(guest)
    assert b.affinity(guest) == {0: ONLINE}, "its owner had not pinned it"
    assert b.affinity(other) == {0: "0"}, "whom it does not drive away"
    b.wait(guest, "idle")
    without_traces(b, guest, before)

    b.set_policy(guest, "dedicated")
    b.migrate(a, guest, *KEEP)
    a.wait(guest, "pinned")
    a.reset(guest)
    assert a.affinity(guest) == {0: ONLINE}
    without_traces(a, guest, before)


def test_what_the_owner_had_pinned_comes_back_on_the_other_host(hosts):
    a, b = hosts
    for host in hosts:
        host.start_daemon(config='{"housekeeping": ""}')
    guest = define(a, "owned", vcpus=2, cputune="<vcpupin vcpu='0' cpuset='1'/><emulatorpin cpuset='0-1'/>")
    before = a.xml(guest, "--inactive")
    start(a, guest)
    a.wait(guest, "foreign")
    a.set_policy(guest, "dedicated", emulator="vcpus")
    a.migrate(b, guest, *KEEP)
    b.wait(guest, "pinned")
    b.reset(guest)
    assert b.affinity(guest) == {0: "1", 1: ONLINE}
    b.wait(guest, "foreign")
    without_traces(b, guest, before)


def test_policy_by_default_on_both_hosts(hosts):
    a, b = hosts
    a.start_daemon(config='{"housekeeping": "0", "default-policy": "shared"}')
    b.start_daemon(config='{"housekeeping": "1", "default-policy": "shared"}')
    guest = define(a, "fleet", vcpus=1, max_vcpus=2)
    start(a, guest)
    a.wait(guest, "pinned")
    assert a.affinity(guest) == {0: "1"}
    a.migrate(b, guest, *KEEP)
    wait_until(lambda: b.affinity(guest) == {0: "0"}, lambda: f"it floats on b's pool: {b.affinity(guest)}")
    b.wait(guest, "pinned")


def test_transient_guest(hosts):
    a, b = hosts
    for host in hosts:
        host.start_daemon(config='{"housekeeping": ""}')
    guest = Guest(a, "passing", vcpus=1)
    a.virsh("create", "/dev/stdin", stdin=guest.definition)
    a.client.wait_for_properties(guest.uuid, lambda is_: True, "it is known")
    a.set_policy(guest, "dedicated", cpus="1")
    a.migrate(b, guest)
    b.wait(guest, "pinned")
    assert b.affinity(guest) == {0: "1"}
    b.reset(guest)
    assert b.affinity(guest) == {0: ONLINE}
    assert "virtpind" not in b.xml(guest)


def test_offline_to_a_smaller_host_and_back(hosts):
    a, b = hosts
    a.start_daemon(topology=LARGER, config='{"housekeeping": "0"}')
    b.start_daemon(config='{"housekeeping": ""}')
    guest = define(a, "cold", vcpus=2)
    before = a.xml(guest, "--inactive")
    a.client.wait_for_properties(guest.uuid, lambda is_: True, "it is known")
    a.set_policy(guest, "dedicated")
    there = pins(a.xml(guest, "--inactive"))
    assert not set(there.values()) <= {"0", "1"}, "CPUs that b does not have"

    move = ("--offline", *KEEP)
    assert subprocess.run(a.migration_to(b, guest, *move), check=False, timeout=60).returncode == 0
    wait_until(lambda: sorted(pins(b.xml(guest, "--inactive")).values()) == ["0", "1"],
               lambda: f"b gives it CPUs of its own: {pins(b.xml(guest, '--inactive'))}\n{b.daemon.log_text()}")
    start(b, guest)
    b.wait(guest, "pinned")
    b.virsh("destroy", guest.name)
    assert subprocess.run(b.migration_to(a, guest, *move), check=False, timeout=60).returncode == 0
    a.client.wait_for_properties(guest.uuid, lambda is_: True, "it is known again")
    a.reset(guest)
    without_traces(a, guest, before)


def test_saved_and_restored_where_the_state_directory_was_lost(hosts, tmp_path):
    a, _ = hosts
    a.start_daemon(config='{"housekeeping": ""}')
    guest = define(a, "saved", vcpus=1)
    before = a.xml(guest, "--inactive")
    start(a, guest)
    a.set_policy(guest, "dedicated", cpus="1")
    a.virsh("save", guest.name, tmp_path / "saved")
    a.stop_daemon()
    images = list((a.state_dir / "domains").iterdir())
    assert images
    for image in images:
        image.unlink()
    a.virsh("restore", tmp_path / "saved")
    a.start_daemon(config='{"housekeeping": ""}')
    a.wait(guest, "pinned")
    a.reset(guest)
    assert a.affinity(guest) == {0: ONLINE}
    without_traces(a, guest, before)


@pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed: tests/install-deps")
def test_snapshot_of_a_pinned_guest_is_reverted_to_after_a_reset(hosts, tmp_path):
    """What is ours, and what was before, comes back with the definition; the file of it has gone meanwhile."""
    a, _ = hosts
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "disk", "16M"], check=True)
    disk = (f"<disk type='file'><driver name='qemu' type='qcow2'/><source file='{tmp_path}/disk'/>"
            "<target dev='vda' bus='virtio'/></disk>")
    a.start_daemon(config='{"housekeeping": ""}')
    guest = Guest(a, "snap", vcpus=1, cputune="<vcpupin vcpu='0' cpuset='0-1'/><emulatorpin cpuset='0'/>")
    guest.definition = guest.definition.replace("</devices>", disk + "</devices>")
    guest.define()
    before = a.xml(guest, "--inactive")
    start(a, guest)
    a.set_policy(guest, "dedicated", cpus="1")
    a.virsh("snapshot-create-as", guest.name, "pinned")
    a.reset(guest)
    assert a.affinity(guest) == {0: "0-1"}
    a.wait(guest, "idle")
    without_traces(a, guest, before)

    a.virsh("snapshot-revert", guest.name, "pinned")
    a.wait(guest, "pinned")
    assert a.affinity(guest) == {0: "1"}
    a.reset(guest)
    assert a.affinity(guest) == {0: "0-1"}, "its owner's, not those of the snapshot"
    without_traces(a, guest, before)
    a.virsh("snapshot-delete", guest.name, "pinned")


def test_xml_for_a_smaller_host(hosts, tmp_path):
    a, b = hosts
    a.start_daemon(config='{"housekeeping": ""}')
    guest = define(a, "web", vcpus=1)
    before = a.xml(guest, "--inactive")
    start(a, guest)
    a.set_policy(guest, "dedicated", cpus="1")
    for flag, file in ((), "web.xml"), (("--persistent",), "persistent.xml"):
        made = a.run(BINARY, "migrate-xml", *flag, "--topology", ONE_CPU, guest.name)
        assert made.returncode == 0, made.stderr
        assert "<vcpupin" not in made.stdout and "<virtpind:policy" in made.stdout
        (tmp_path / file).write_text(made.stdout)
    a.migrate(b, guest, *KEEP, "--xml", tmp_path / "web.xml", "--persistent-xml", tmp_path / "persistent.xml")
    assert b.affinity(guest) == {0: ONLINE}, "b has no virtpind yet"
    assert pins(b.xml(guest, "--inactive")) == {}
    b.start_daemon(config='{"housekeeping": ""}')
    b.wait(guest, "pinned")
    assert b.affinity(guest) == {0: "1"}
    b.reset(guest)
    assert b.affinity(guest) == {0: ONLINE}
    without_traces(b, guest, before)


def test_hook_of_the_destination(make_hosts):
    hook = HOOK.read_text().replace("@bindir@/virtpind migrate-xml", f"{BINARY} migrate-xml --topology '{ONE_CPU}'")
    assert BINARY in hook
    a, b = make_hosts(hook)
    a.start_daemon(config='{"housekeeping": ""}')
    guest = define(a, "hooked", vcpus=1)
    start(a, guest)
    a.set_policy(guest, "dedicated", cpus="1")
    a.migrate(b, guest, *KEEP)
    assert b.affinity(guest) == {0: ONLINE}
    assert "<virtpind-undo:part" in b.xml(guest), "the note came along"


def test_migration_that_stands_still_holds_nobody_up(hosts):
    a, b = hosts
    a.start_daemon(config='{"housekeeping": ""}')
    guest, other = define(a, "m1", vcpus=1), define(a, "o1", vcpus=1)
    start(a, guest)
    start(a, other)
    a.set_policy(guest, "dedicated", cpus="1")
    with subprocess.Popen(a.migration_to(b, guest, *a.live(guest), *KEEP), stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as migration:
        qemu = wait_until(lambda: b.qemu_pid(guest), "QEMU of the destination runs")
        os.kill(qemu, signal.SIGSTOP)
        try:
            wait_until(lambda: "Outgoing" in a.virsh("domjobinfo", guest.name, check=False).stdout
                       or migration.poll() is not None, "libvirt migrates it")
            assert migration.poll() is None, "it stands still"
            began = time.monotonic()
            with pytest.raises(BusError) as refused:
                a.set_policy(guest, "dedicated", cpus="0")
            assert "is being migrated" in refused.value.text
            refused_s = time.monotonic() - began
            began = time.monotonic()
            a.set_policy(other, "shared")
            other_s = time.monotonic() - began
            print(f"refused after {refused_s:.3f} s, the other guest's policy set after {other_s:.3f} s")
            assert refused_s < 15 and other_s < 15, "neither waits for the half minute of a call to libvirt"
            a.virsh("domjobabort", guest.name, check=False)
        finally:
            os.kill(qemu, signal.SIGCONT)
        migration.wait(60)
    home = a if guest.name in a.virsh("list", "--name").stdout else b
    if home is b:
        return  # it was too late to stop it
    wait_until(lambda: "Outgoing" not in a.virsh("domjobinfo", guest.name, check=False).stdout, "the job has ended")
    a.set_policy(guest, "dedicated", cpus="0")
    assert a.affinity(guest) == {0: "0"}


@pytest.mark.skipif(not os.environ.get("VIRTPIND_MEASURE"), reason="a measurement: VIRTPIND_MEASURE=1")
def test_measure_how_soon_an_arrival_is_planned(hosts):
    a, b = hosts
    a.start_daemon(config='{"housekeeping": "0", "default-policy": "shared"}')
    b.start_daemon(config='{"housekeeping": "1", "default-policy": "shared"}')
    guest = define(a, "fleet", vcpus=1)
    start(a, guest)
    a.wait(guest, "pinned")
    for source, target in [(a, b), (b, a)] * 3:
        source.migrate(target, guest, *KEEP)
        target.wait(guest, "pinned")
        log = [line for line in target.daemon.log_text().splitlines()
               if guest.uuid in line or guest.name in line]
        print("\n".join(log[-8:]))
