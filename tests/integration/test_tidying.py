# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another domain leaves, and one that spans two L3s comes back to one: domains of libvirt's test driver in a libvirtd,
on an invented host of two L3s with four CPUs each."""
import json
import uuid

import pytest

from fleet import URI
from waiting import wait_until

libvirt = pytest.importorskip("libvirt", reason="apt-get install python3-libvirt, or tests/install-deps")

TOPOLOGY = "synthetic:pack:1 [numa] l3:2 core:4 pu:1"
# CPU 0 is the host's: the L3s have three and four CPUs left. The driver has a domain of its own.
CONFIG = {"housekeeping": "0", "default-policy": "dedicated", "period-seconds": 3600, "domains": {"test": "none"}}


class Guest:
    def __init__(self, connection, client, name, vcpus):
        self.client = client
        self.uuid = str(uuid.uuid4())
        self.domain = connection.createXML(
            f"<domain type='test'><name>{name}</name><uuid>{self.uuid}</uuid><memory>1024</memory>"
            f"<vcpu>{vcpus}</vcpu><os><type>hvm</type></os></domain>")
        client.wait_for_properties(self.uuid, lambda shown: shown["PinState"] == "pinned", "pinned")

    def stop(self):
        if self.domain:
            self.domain.destroy()
            self.domain = None

    def cpus(self):
        """The CPU of each vCPU, as libvirt has it."""
        return [[cpu for cpu, used in enumerate(pin) if used] for pin in self.domain.vcpuPinInfo()]

    def l3s(self):
        return {cpu // 4 for pin in self.cpus() for cpu in pin}

    def reasons(self):
        plan = json.loads(self.client.domain(self.uuid, "Explain"))["plan"]
        return {reason["code"]: reason["text"] for reason in plan["reasons"]}


@pytest.fixture
def connection(libvirtd):
    opened = libvirt.open(URI)
    yield opened
    opened.close()


@pytest.fixture
def guests(make_daemon, client, connection):
    """guests(config) starts the daemon and three guests, the last of which finds a CPU in each L3."""
    running = []

    def start(**config):
        make_daemon(URI, topology=TOPOLOGY, config=json.dumps({**CONFIG, **config}))
        for name, vcpus in (("large", 3), ("small", 2), ("split", 2)):
            running.append(Guest(connection, client, name, vcpus))
        large, _, split = running
        assert split.l3s() == {0, 1}
        return large, split

    yield start
    for guest in running:
        guest.stop()


def test_guest_comes_back_to_one_l3_after_another_has_left_and_explains_why(guests, client):
    large, split = guests()
    before = split.cpus()
    large.stop()
    wait_until(lambda: len(split.l3s()) == 1, lambda: f"it is on one L3: {split.cpus()}")
    gone = [was for was, now in zip(before, split.cpus()) if was != now]
    assert len(gone) == 1
    said = f"1 vCPU moved from CPU {gone[0][0]}, because the domain then spans 1 L3 instead of 2."
    client.manager("Reapply", "(st)", "", 0)  # a later pass keeps it there, and tells why it is there
    assert split.reasons()["tidied"] == said


def test_guest_stays_where_it_is_without_tidy(guests, client):
    large, split = guests(tidy=False)
    before = split.cpus()
    large.stop()
    wait_until(lambda: large.uuid not in str(client.manager("ListDomains")), "it is gone")
    client.manager("Reapply", "(st)", "", 0)
    assert split.cpus() == before
    assert "tidied" not in split.reasons()
