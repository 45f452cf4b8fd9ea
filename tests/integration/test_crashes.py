# SPDX-License-Identifier: LGPL-2.1-or-later
"""A domain at which the daemon dies: three starts in a row, and the next one leaves it alone and serves the others.

The daemon is killed while it parses the definition, by the preloaded library; see VIRTPIND_ABORT_AT there.
"""
import signal
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from virtpind_daemon import VirtpindDaemon
from private_libvirtd import URI
from waiting import wait_until

POLICY = ("<metadata><virtpind:policy xmlns:virtpind='https://virtpind.org/policy/1' name='dedicated'/>"
          "</metadata>")
# Several times as many CPUs as guests here have vCPUs, whatever host this is.
TOPOLOGY = "synthetic:pack:1 [numa] core:8 pu:1"
DEATHS = 3


class Crashing:
    """Two guests that are shut off, one of them poison to a daemon that is launched by this."""

    def __init__(self, tmp_path, bus, client, faults, make_guest):
        self.good = make_guest("good", vcpus=1, extra=POLICY)
        self.bad = make_guest("bad", vcpus=1, extra=POLICY)
        self.client = client
        self.daemon = VirtpindDaemon(tmp_path, bus, URI, topology=TOPOLOGY, config='{"housekeeping": ""}')
        self._poison = {**faults.environment, "VIRTPIND_ABORT_AT": self.bad.uuid}
        self.before = self.bad.xml("--inactive")

    def launch(self, poisoned=True, by=signal.SIGABRT):
        self.daemon.environment = {**self._poison, "VIRTPIND_ABORT_BY": str(int(by))} if poisoned else {}
        self.daemon.launch()

    def die(self, times=DEATHS, by=signal.SIGABRT):
        for _ in range(times):
            self.launch(by=by)
            assert self.daemon.process.wait(60) == -by, self.daemon.log_text()

    def start(self, poisoned=True):
        self.launch(poisoned)
        wait_until(lambda: "READY=1" in self.daemon.read_notifications() or self.daemon.process.poll() is not None,
                   "READY")
        self.wait_for_good()

    def wait_for_good(self):
        """It has its pin: the pass went through."""
        wait_until(lambda: self.pin_of(self.good), lambda: f"the other domain is served:\n{self.daemon.log_text()}")

    def wait_for_bad(self, state):
        return self.client.wait_for_properties(self.bad.uuid, lambda is_: is_["PinState"] == state, f"it is {state}")

    @staticmethod
    def pin_of(guest):
        pin = ET.fromstring(guest.xml("--inactive")).find("cputune/vcpupin")
        return pin.get("cpuset") if pin is not None else None

    def problems(self):
        return [text for _, text, _ in self.client.properties("/org/virtpind1", "org.virtpind1.Manager")["Problems"]]


@pytest.fixture
def crashing(tmp_path, bus, client, faults, make_guest):
    made = Crashing(tmp_path, bus, client, faults, make_guest)
    yield made
    made.daemon.close()


@pytest.mark.parametrize("by", [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL])
def test_a_domain_that_kills_three_starts_is_left_alone_at_the_fourth(crashing, by):
    crashing.die(by=by)
    crashing.start()
    is_ = crashing.wait_for_bad("failed")
    assert "died 3 times in a row" in is_["LastError"][1]
    assert any(crashing.bad.name in text and "Reapply" in text for text in crashing.problems())
    log = crashing.daemon.log_text()
    assert "left alone" in log and crashing.bad.uuid in log
    assert crashing.bad.xml("--inactive") == crashing.before
    # So it is at the next start, and for a daemon that would not die of it.
    crashing.daemon.stop()
    crashing.start(poisoned=False)
    crashing.wait_for_bad("failed")


def test_another_definition_is_looked_at_again(crashing):
    crashing.die()
    crashing.start(poisoned=False)
    crashing.wait_for_bad("failed")
    crashing.bad.libvirtd.virsh("desc", crashing.bad.name, "--config", "--new-desc", "mended")
    crashing.wait_for_bad("idle")
    assert crashing.pin_of(crashing.bad)


@pytest.mark.parametrize("ask", ["Reapply", "SetPolicy"])
def test_who_asks_for_it_has_it_looked_at_again(crashing, ask):
    crashing.die()
    crashing.start(poisoned=False)
    crashing.wait_for_bad("failed")
    if ask == "Reapply":
        crashing.client.manager("Reapply", "(st)", crashing.bad.name, 0)
    else:
        crashing.client.manager("SetPolicy", "(ssa{sv}t)", crashing.bad.name, "shared", {}, 0)
    assert crashing.wait_for_bad("idle")["LastError"] == ("", "")
    assert crashing.pin_of(crashing.bad)
    assert not crashing.problems()


def test_deaths_count_in_a_row_only(crashing):
    crashing.die(DEATHS - 1)
    crashing.start(poisoned=False)
    crashing.wait_for_bad("idle")
    crashing.daemon.stop()
    crashing.die(DEATHS - 1)
    crashing.launch()
    assert crashing.daemon.process.wait(60) == -signal.SIGABRT, "that is the third in a row"


def test_nothing_is_written_between_passes(crashing):
    crashing.start(poisoned=False)
    crashing.wait_for_bad("idle")
    marker = Path(crashing.daemon.directory) / "state" / "crash-guard"
    written = marker.stat().st_mtime_ns
    for _ in range(3):
        crashing.client.manager("Reapply", "(st)", "", 0)
    assert marker.stat().st_mtime_ns == written
