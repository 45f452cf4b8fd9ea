# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job on real QEMU guests: every statement is checked in /proc or in the definition.

Two CPUs are enough, so guests are small: with no housekeeping a guest of two vCPUs owns both, two guests of one vCPU
own one each. Where a machine has more, policies name these two.
"""
import os
import re
import signal
import subprocess

import pytest

from host_cpus import ALL, BOTH, FIRST, HAS_TWO, SECOND, TWO_CPUS
from private_bus import BusError
from waiting import wait_until

pytestmark = pytest.mark.skipif(not HAS_TWO, reason=TWO_CPUS)


def vcpu_pins(properties):
    return dict(properties["VcpuPins"])


def inactive_pins(guest):
    text = guest.xml("--inactive")
    return {int(v): c for v, c in re.findall(r"<vcpupin vcpu='(\d+)' cpuset='([^']*)'", text)}


def test_started_guest_is_pinned_as_planned_and_restarts_so(host, make_guest, client):
    guest = make_guest("web", vcpus=2, iothreads=1)
    host.wait_known(guest)
    host.set_policy(guest, "dedicated", cpus=BOTH)
    planned = inactive_pins(guest)
    assert set(planned.values()) == {FIRST, SECOND}, "the next boot starts right"

    guest.start()
    seen = host.wait(guest, "pinned")
    kernel = guest.affinity()
    assert kernel["vcpus"] == planned == vcpu_pins(seen)
    assert kernel["emulator"] == seen["EmulatorCPUs"]
    assert kernel["iothreads"] == dict(seen["IOThreadPins"])

    guest.destroy()
    host.wait(guest, "idle")
    guest.start()
    host.wait(guest, "pinned")
    assert guest.affinity()["vcpus"] == planned


def test_policy_changes_while_it_runs_through_busctl(host, make_guest, bus, client):
    guest = make_guest("busctl", vcpus=1).start()
    host.wait_known(guest)
    assert guest.affinity()["vcpus"] == {0: ALL}
    call = ["call", "org.virtpind1", "/org/virtpind1", "org.virtpind1.Manager"]
    done = bus.busctl(*call, "SetPolicy", "ssa{sv}t", guest.name, "dedicated", 1, "cpus", "s", SECOND, 0)
    assert done.returncode == 0, done.stderr
    assert guest.affinity()["vcpus"] == {0: SECOND}, "the reply comes after the pins"
    done = bus.busctl(*call, "SetPolicy", "ssa{sv}t", guest.name, "dedicated", 1, "cpus", "s", FIRST, 0)
    assert done.returncode == 0, done.stderr
    assert guest.affinity()["vcpus"] == {0: FIRST}
    metadata = guest.libvirtd.virsh("metadata", guest.name, "https://virtpind.org/policy/1", "--config").stdout
    assert f'cpus="{FIRST}"' in metadata and 'name="dedicated"' in metadata


def test_hotplugged_vcpu_is_pinned(host, make_guest, libvirtd):
    guest = make_guest("plug", vcpus=1, max_vcpus=2).start()
    host.wait_known(guest)
    host.set_policy(guest, "dedicated", cpus=BOTH)
    first = guest.affinity()["vcpus"][0]
    assert first in (FIRST, SECOND)
    with host.daemon.suspended():  # so that what is seen is what the guest was born with
        libvirtd.virsh("setvcpus", guest.name, 2, "--live")
        assert guest.affinity()["vcpus"][1] == first, "born on its own domain's CPUs, never on others'"
    other = SECOND if first == FIRST else FIRST
    wait_until(lambda: guest.affinity()["vcpus"] == {0: first, 1: other},
               lambda: f"the plugged vCPU has a CPU of its own: {guest.affinity()}")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_libvirtd_restarts_under_a_guest(host, make_guest, libvirtd, client, how):
    guest = make_guest("survivor", vcpus=1).start()
    host.wait_known(guest)
    host.set_policy(guest, "dedicated", cpus=SECOND)
    libvirtd.stop(how)
    wait_until(lambda: client.properties("/org/virtpind1", "org.virtpind1.Manager")["State"] == "disconnected",
               "the loss is noticed")
    with pytest.raises(BusError) as refused:
        host.set_policy(guest, "shared")
    assert refused.value.name == "org.virtpind1.Error.LibvirtUnavailable"
    # Somebody moves the thread while nobody watches.
    pid = guest.qemu_pid()
    thread = next(task for task in os.listdir(f"/proc/{pid}/task")
                  if open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8").read().startswith("CPU 0/"))
    subprocess.run(["taskset", "-pc", FIRST, thread], check=False, capture_output=True)
    libvirtd.start()
    wait_until(lambda: guest.affinity()["vcpus"] == {0: SECOND},
               lambda: f"the pin is repaired after the reconnect: {guest.affinity()}", 60)
    wait_until(lambda: client.properties("/org/virtpind1", "org.virtpind1.Manager")["State"] == "ready",
               "connected again")
    host.wait(guest, "pinned")
    host.set_policy(guest, "none")
    assert guest.affinity()["vcpus"] == {0: ALL}


def test_two_guests_never_share_a_dedicated_cpu(host, make_guest):
    one, two = make_guest("one", vcpus=1).start(), make_guest("two", vcpus=1).start()
    for guest in (one, two):
        host.wait_known(guest)
        host.set_policy(guest, "dedicated", cpus=BOTH)
    taken = [guest.affinity()["vcpus"][0] for guest in (one, two)]
    assert set(taken) == {FIRST, SECOND}
    third = make_guest("third", vcpus=1).start()
    host.wait_known(third)
    with pytest.raises(BusError) as refused:
        host.set_policy(third, "dedicated", fallback="fail", cpus=BOTH)
    assert refused.value.name == "org.virtpind1.Error.Unsatisfiable"
    assert third.affinity()["vcpus"] == {0: ALL}, "nothing changed"
    two.destroy()
    host.set_policy(third, "dedicated", cpus=BOTH)
    wait_until(lambda: third.affinity()["vcpus"][0] == taken[1], "the freed CPU goes to the one that waits")


def test_guest_pinned_by_hand_is_left_alone_and_avoided(host, make_guest):
    hand = make_guest("hand", vcpus=1, cputune=f"<vcpupin vcpu='0' cpuset='{SECOND}'/>").start()
    seen = host.wait(hand, "foreign")
    assert vcpu_pins(seen) == {0: SECOND}
    other = make_guest("other", vcpus=1).start()
    host.wait_known(other)
    host.set_policy(other, "dedicated", cpus=BOTH)
    assert other.affinity()["vcpus"] == {0: FIRST}
    assert hand.affinity()["vcpus"] == {0: SECOND}
    assert inactive_pins(hand) == {0: SECOND}


@pytest.mark.parametrize("cputune", ["", f"<vcpupin vcpu='0' cpuset='{SECOND}'/><emulatorpin cpuset='{FIRST}'/>"])
def test_reset_gives_back_exactly_what_was_there(host, make_guest, client, cputune):
    guest = make_guest("back", vcpus=2, iothreads=1, cputune=cputune)
    definition = guest.xml("--inactive")
    guest.start()
    host.wait(guest, "foreign" if cputune else "idle")
    live = guest.affinity()
    host.set_policy(guest, "dedicated")
    assert guest.affinity() != live
    assert guest.xml("--inactive") != definition
    host.reset(guest)
    assert guest.affinity() == live
    assert guest.xml("--inactive") == definition
    assert client.domain_properties(guest.uuid)["Policy"] == "none"


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "while-nobody-looks"])
def test_a_later_run_of_the_same_id_gets_no_pins_of_the_former(host, make_guest, libvirtd, watched):
    """A libvirtd that starts while no guest runs counts ids from 1 again."""
    guest = make_guest("same-id", vcpus=1)
    definition = guest.xml("--inactive")
    libvirtd.restart()
    guest.start()
    run = libvirtd.virsh("domid", guest.name).stdout
    libvirtd.virsh("vcpupin", guest.name, 0, FIRST, "--live")
    host.wait(guest, "foreign")
    host.set_policy(guest, "dedicated", cpus=SECOND)
    if watched:
        guest.destroy()
        host.wait(guest, "idle")
    else:
        host.daemon.stop()
        guest.destroy()
    libvirtd.restart()
    guest.start()
    assert libvirtd.virsh("domid", guest.name).stdout == run, "what this test is about"
    if not watched:
        host.daemon.start()
    host.wait(guest, "pinned")
    assert guest.affinity()["vcpus"] == {0: SECOND}
    host.reset(guest)
    assert guest.affinity()["vcpus"] == {0: ALL}, "nobody ever pinned this run to the first CPU"
    assert guest.xml("--inactive") == definition


# The policy was stored and removed, and nothing else was ever changed.
def test_reset_of_a_policy_that_changed_nothing_leaves_nothing(host, make_guest):
    guest = make_guest("trace", vcpus=1)
    host.wait_known(guest)
    definition = guest.xml("--inactive")
    host.set_policy(guest, "none")
    assert guest.xml("--inactive") != definition
    host.reset(guest)
    assert guest.xml("--inactive") == definition


def test_daemon_takes_over_where_it_left(host, make_guest, client):
    guest = make_guest("again", vcpus=2).start()
    host.wait_known(guest)
    definition = guest.xml("--inactive")
    host.set_policy(guest, "dedicated")
    pins = guest.affinity()
    host.daemon.restart(signal.SIGKILL)
    seen = host.wait(guest, "pinned")
    assert guest.affinity() == pins
    assert seen["PolicySource"] == "metadata"
    host.reset(guest)
    assert guest.affinity()["vcpus"] == {0: ALL, 1: ALL}
    assert guest.xml("--inactive") == definition


def test_unreadable_metadata_is_a_visible_failure(host, make_guest, client, libvirtd):
    guest = make_guest("odd", vcpus=1).start()
    host.wait_known(guest)
    host.set_policy(guest, "dedicated")
    pins = guest.affinity()
    libvirtd.virsh("metadata", guest.name, "https://virtpind.org/policy/1", "--config", "--key", "virtpind",
                   "--set", "<policy name='dedicated' smtt='isolate'/>")
    seen = host.wait(guest, "failed")
    assert seen["LastError"][0] == "InvalidPolicy" and "smtt" in seen["LastError"][1]
    assert guest.affinity() == pins
    host.set_policy(guest, "dedicated")
    host.wait(guest, "pinned")


def test_explain_tells_why(host, make_guest, client):
    guest = make_guest("why", vcpus=1).start()
    host.wait_known(guest)
    host.set_policy(guest, "dedicated")
    told = host.explain(guest)
    assert told["name"] == guest.name
    assert told["plan"]["placement"] == "dedicated"
    assert all(reason["text"] for reason in told["plan"]["reasons"])
