# SPDX-License-Identifier: LGPL-2.1-or-later
"""Definitions of another host, and a host that changed: real domains with pins to CPUs that do not exist."""
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from virtpind_daemon import VirtpindDaemon
from private_libvirtd import URI
from waiting import wait_until

NAMESPACE = "https://virtpind.org/policy/1"
# The highest CPU of this host, offline ones included.
LAST = int(Path("/sys/devices/system/cpu/possible").read_text().strip().split("-")[-1])


def policy(options="", name="dedicated"):
    return f"<metadata><virtpind:policy xmlns:virtpind='{NAMESPACE}' name='{name}' {options}/></metadata>"


def pins(guest):
    root = ET.fromstring(guest.xml("--inactive"))
    return [pin.get("cpuset") for pin in root.iter() if pin.tag in ("vcpupin", "emulatorpin", "iothreadpin")]


def numbers(cpulists):
    for cpulist in cpulists:
        for part in cpulist.split(","):
            first, _, last = part.partition("-")
            yield from range(int(first), int(last or first) + 1)


class Host:
    """One state directory and its guests; the host below them is another at each start."""

    def __init__(self, tmp_path, bus, client):
        self.client = client
        self.tmp_path = tmp_path
        self.bus = bus
        self.daemon = None
        self.starts = 0

    def boot(self, topology, config='{"housekeeping": ""}'):
        if self.daemon:
            assert self.daemon.stop() == 0
            self.daemon.close()
        self.starts += 1
        directory = self.tmp_path / f"start{self.starts}"
        directory.mkdir()
        self.daemon = VirtpindDaemon(directory, self.bus, URI, topology=topology, config=config,
                                     state_dir=self.tmp_path / "state")
        self.daemon.start()
        self.client.manager("Reapply", "(st)", "", 0)

    def state(self, guest):
        return self.client.wait_for_properties(guest.uuid, lambda _: True, "known")["PinState"]

    def reasons(self, guest):
        return {reason["code"]: reason["text"]
                for reason in json.loads(self.client.domain(guest.uuid, "Explain"))["plan"]["reasons"]}


@pytest.fixture
def elsewhere(tmp_path, bus, client, libvirtd):
    (tmp_path / "state").mkdir(mode=0o700)
    made = Host(tmp_path, bus, client)
    yield made
    if made.daemon:
        made.daemon.close()


# SMT off in the firmware, half of the CPUs taken out, everything else than it was.
@pytest.mark.parametrize("later, cpus", [
    ("synthetic:pack:1 [numa] l3:2 core:4 pu:1", range(8)),
    ("synthetic:pack:1 [numa] core:2 pu:1", range(2)),
    ("synthetic:pack:2 [numa] l3:2 core:2 pu:2(indexes=2*8:8*1)", range(16)),
])
def test_host_becomes_another_under_pinned_guests(elsewhere, make_guest, later, cpus):
    guests = [make_guest(f"smt{number}", vcpus=2, iothreads=1) for number in range(3)]
    originals = [guest.xml("--inactive") for guest in guests]
    elsewhere.boot("synthetic:pack:1 [numa] l3:2 core:4 pu:2(indexes=2*8:8*1)")
    for guest, name in zip(guests, ("dedicated", "dedicated", "shared")):
        elsewhere.client.manager("SetPolicy", "(ssa{sv}t)", guest.name, name, {}, 0)
    assert max(numbers(pins(guests[0]) + pins(guests[1]) + pins(guests[2]))) >= 8

    for _ in range(3):
        elsewhere.boot(later)
        for guest in guests:
            assert elsewhere.state(guest) == "idle"
            assert set(numbers(pins(guest))) <= set(cpus), "planned for the host that there is"

    for guest, original in zip(guests, originals):
        elsewhere.client.manager("ResetPolicy", "(st)", guest.name, 0)
        assert guest.xml("--inactive") == original


@pytest.mark.parametrize("name", ["dedicated", "passthrough", "shared"])
def test_guest_with_pins_of_a_larger_host_starts_here(elsewhere, make_guest, name):
    guest = make_guest("moved", vcpus=1, extra=policy(name=name),
                       cputune=f"<vcpupin vcpu='0' cpuset='{LAST + 40}'/><emulatorpin cpuset='{LAST + 1}-{LAST + 9}'/>")
    original = guest.xml("--inactive")
    elsewhere.boot("live")
    assert elsewhere.state(guest) == "idle"
    assert max(numbers(pins(guest))) <= LAST
    if name != "passthrough":  # whose CPU is not to be had in every virtual machine
        guest.start()
        wait_until(lambda: elsewhere.state(guest) == "pinned", "it runs, pinned")
        guest.destroy()
        wait_until(lambda: elsewhere.state(guest) == "idle", "it is shut off")
    elsewhere.client.manager("ResetPolicy", "(st)", guest.name, 0)
    metadata = original[original.index("  <metadata>"):original.index("  <memory")]
    assert guest.xml("--inactive") == original.replace(metadata, "")


def test_policy_of_another_host_floats_and_says_so(elsewhere, make_guest):
    cpus = f"{LAST + 1}-{LAST + 4}"
    guest = make_guest("cpus", vcpus=1, extra=policy(f"cpus='{cpus}'"),
                       cputune=f"<vcpupin vcpu='0' cpuset='{LAST + 1}'/>")
    elsewhere.boot("live")
    assert max(numbers(pins(guest))) <= LAST, "what kept it from its start is repaired"
    assert f"CPUs {cpus}" in elsewhere.reasons(guest)["policy-elsewhere"]
    problems = elsewhere.client.properties("/org/virtpind1", "org.virtpind1.Manager")["Problems"]
    assert [code for code, text, _ in problems if guest.name in text and cpus in text] == ["Unsatisfiable"]
    assert f"{guest.name}: it does not get all that its policy asks for: Its policy names CPUs {cpus}" \
        in elsewhere.daemon.log_text()
    guest.start()
    wait_until(lambda: elsewhere.state(guest) == "pinned", "it runs, on the pool")


def test_policy_of_another_host_that_wants_all_or_nothing_is_left_alone(elsewhere, make_guest):
    guest = make_guest("all", vcpus=1, extra=policy(f"cpus='{LAST + 1}-{LAST + 4}' fallback='fail'"),
                       cputune=f"<vcpupin vcpu='0' cpuset='{LAST + 1}'/>")
    before = guest.xml("--inactive")
    elsewhere.boot("live")
    assert elsewhere.state(guest) == "failed"
    assert guest.xml("--inactive") == before
    assert f"{guest.name}: its policy cannot be met" in elsewhere.daemon.log_text()


def test_dead_pins_of_a_domain_with_a_policy_that_makes_no_sense_are_mended(elsewhere, make_guest):
    guest = make_guest("odd", vcpus=2, extra=policy("smt='sideways'"),
                       cputune=f"<vcpupin vcpu='0' cpuset='{LAST + 1}'/><emulatorpin cpuset='0,{LAST + 1}'/>")
    elsewhere.boot("live")
    assert elsewhere.state(guest) == "failed"
    assert max(numbers(pins(guest))) <= LAST
    assert len(pins(guest)) == 2, "and nothing else"
    guest.start()
