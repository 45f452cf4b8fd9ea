# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is done for each domain does not grow with how many there are: in calls to libvirt and in passes, which the
machine's speed does not change. tests/bench/scale.py has the times."""
import json

import pytest

from fleet import TOPOLOGY, URI, Fleet, wait_all_pinned
from waiting import wait_until

libvirt = pytest.importorskip("libvirt", reason="apt-get install python3-libvirt, or tests/install-deps")

SHARED = '{"housekeeping": "0", "default-policy": "shared", "period-seconds": 3600}'
COUNTS = (10, 50, 200)
MORE = 1.5  # times the calls per domain that the smallest number of domains needs
PASSES = 10  # and one for each 32 domains that are changed


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
