# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is done for each domain does not grow with how many there are: in calls to libvirt and in passes, which the
machine's speed does not change. tests/bench/scale.py has the times."""
import json
import re
import uuid

import pytest

from private_bus import BusError
from waiting import wait_until

libvirt = pytest.importorskip("libvirt", reason="apt-get install python3-libvirt, or tests/install-deps")

URI = "test+unix:///default"
TOPOLOGY = "synthetic:pack:2 [numa] l3:8 core:16 pu:2"
SHARED = '{"housekeeping": "0", "default-policy": "shared", "period-seconds": 3600}'
COUNTS = (10, 50, 200)
MORE = 1.5  # times the calls per domain that the smallest number of domains needs
PASSES = 10  # and one for each 32 domains that are changed


def definition(number):
    return (f"<domain type='test'><name>d{number}</name><uuid>{uuid.uuid4()}</uuid><memory>1024</memory>"
            "<vcpu>2</vcpu><os><type>hvm</type></os></domain>")


class Fleet:
    """Transient domains of libvirt's test driver, in a libvirtd: each start needs all its pins."""

    def __init__(self, connection, count):
        self.connection = connection
        self.definitions = [definition(number) for number in range(count)]
        self.domains = [connection.createXML(definition) for definition in self.definitions]

    def __len__(self):
        return len(self.domains)

    def restart(self, number):
        self.domains[number].destroy()
        self.domains[number] = self.connection.createXML(self.definitions[number])

    def remove(self):
        for domain in self.domains:
            domain.destroy()


def wait_all_pinned(daemon, client, fleet, deadline_s=120):
    """Asks the daemon once it says that it is so, not all the time: its answers cost something as well."""
    def says_so():
        said = re.findall(r"STATUS=.* (\d+) pinned,", "\n".join(daemon.read_notifications()))
        return said and int(said[-1]) >= len(fleet)

    def are_pinned():
        try:
            lines = client.manager("ListDomains")
        except BusError:
            return False
        states = [line[3] for line in lines if line[1] != "test"]  # the driver's own one
        return len(states) == len(fleet) and set(states) == {"pinned"}

    wait_until(says_so, lambda: f"all are pinned; said last: {daemon.read_notifications()[-1]}", deadline_s)
    wait_until(are_pinned, "all are pinned", deadline_s)


def passes(client):
    return json.loads(client.manager("Describe"))["passes"]


def storm(daemon, client, faults, fleet):
    """All domains are restarted while the daemon stands still, so that it hears of all of them at once."""
    with daemon.suspended():
        for number in range(len(fleet)):
            fleet.restart(number)
    client.manager("Reapply", "(st)", "", 0)
    wait_all_pinned(daemon, client, fleet)


def change_policy(daemon, client, faults, fleet):
    """Another pool on both nodes: everybody's pins are others."""
    (daemon.directory / "virtpind.json").write_text(SHARED.replace('"0"', '"0-3,256-259"'))
    client.manager("Reload", "(t)", 0)
    wait_until(lambda: faults.calls().count("virDomainPinVcpuFlags") >= 2 * len(fleet), "all get other pins", 120)
    wait_all_pinned(daemon, client, fleet)


def quiet(daemon, client, faults, fleet):
    client.manager("Reapply", "(st)", "", 0)


@pytest.fixture
def connection(libvirtd):
    opened = libvirt.open(URI)
    yield opened
    opened.close()


@pytest.mark.parametrize("happens", [quiet, storm, change_policy])
def test_what_is_done_for_a_domain_does_not_grow_with_their_number(make_daemon, client, faults, connection, happens):
    each = {}
    for count in COUNTS:
        fleet = Fleet(connection, count)
        daemon = make_daemon(URI, topology=TOPOLOGY, config=SHARED, environment=faults.environment, log_level="warning")
        try:
            wait_all_pinned(daemon, client, fleet)
            client.manager("Reapply", "(st)", "", 0)
            before = passes(client)
            faults.plan("delay", 1, 0)  # of no time: calls are counted
            happens(daemon, client, faults, fleet)
            calls = faults.calls()
            made = passes(client) - before
            faults.clear()
            each[count] = len(calls) / count
            assert made <= PASSES + count / 32, f"{made} passes for {count} domains"
            kinds = {call: round(calls.count(call) / count, 2) for call in sorted(set(calls))}
            print(f"{happens.__name__}: {count} domains, {made} passes, {each[count]:.1f} calls each: {kinds}")
        finally:
            daemon.stop()
            fleet.remove()
    assert each[COUNTS[-1]] <= MORE * each[COUNTS[0]], each
