#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a guest's STARTED event to its last verified pin: virtpind against the same libvirt calls made
directly, in one run, on a private libvirtd with real QEMU guests.

    tests/support/private-host tests/bench/start_latency.py BUILD/daemon/virtpind [ROUNDS]

The guests are transient, so that everything is to be pinned when they start (a defined guest has its pins
in the definition by then). Both sides begin when their own connection hears the event, pin two vCPUs, the
emulator and an I/O thread, and read the domain back. virtpind also looks at every domain, plans, and saves the
before-image; the direct side is a loop of calls on a connection that is open already, and virtpind stands
still meanwhile. The two take turns, so that both have the same machine.
"""
import contextlib
import json
import queue
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import libvirt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from private_bus import PrivateBus  # noqa: E402
from private_libvirtd import URI, Guest, Libvirtd  # noqa: E402
import virtpind_daemon  # noqa: E402


class StartedEvents:
    """STARTED events as they come: (UUID, CLOCK_REALTIME in seconds)."""

    def __init__(self):
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=self._run, daemon=True).start()
        self.connection = libvirt.open(URI)
        self.seen = queue.SimpleQueue()
        self.connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_event, None)

    @staticmethod
    def _run():
        while True:
            libvirt.virEventRunDefaultImpl()

    def _on_event(self, _connection, domain, event, _detail, _opaque):
        if event == libvirt.VIR_DOMAIN_EVENT_STARTED:
            self.seen.put((domain.UUIDString(), time.time()))

    def wait_for(self, guest):
        while True:
            uuid, when = self.seen.get(timeout=60)
            if uuid == guest.uuid:
                return when


def pin_directly(connection, uuid):
    domain = connection.lookupByUUIDString(uuid)
    live = libvirt.VIR_DOMAIN_AFFECT_LIVE
    domain.pinVcpuFlags(0, (True, False), live)
    domain.pinVcpuFlags(1, (False, True), live)
    domain.pinEmulator((True, False), live)
    domain.pinIOThread(1, (True, False), live)
    pinned = domain.XMLDesc(0)
    assert "<emulatorpin cpuset='0'/>" in pinned and "<iothreadpin iothread='1' cpuset='0'/>" in pinned
    assert domain.vcpus()[1] == [(True, False), (False, True)]


@contextlib.contextmanager
def started(libvirtd, guest):
    """The guest is being started: whoever wants to act on its event is there when it comes."""
    starting = threading.Thread(target=libvirtd.virsh, args=("create", "/dev/stdin"),
                                kwargs={"stdin": guest.definition})
    starting.start()
    yield
    starting.join()
    guest.destroy()


def measure_direct(libvirtd, events, guest):
    with started(libvirtd, guest):
        begin = events.wait_for(guest)
        pin_directly(events.connection, guest.uuid)
        return time.time() - begin


def measure_daemon(libvirtd, events, client, guest):
    with started(libvirtd, guest):
        begin = events.wait_for(guest)
        seen = client.wait_for_properties(
            guest.uuid, lambda is_: is_["PinState"] == "pinned" and is_["LastAppliedUSec"] > 0, "pinned")
        return seen["LastAppliedUSec"] / 1e6 - begin


def row(name, seconds):
    values = sorted(value * 1000 for value in seconds)
    print(f"| {name} | {statistics.median(values):.1f} | {values[0]:.1f} | {values[-1]:.1f} |")


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with tempfile.TemporaryDirectory() as directory:
        libvirtd = Libvirtd(Path(directory) / "libvirtd.log").start()
        bus = PrivateBus(directory).start()
        try:
            events = StartedEvents()
            mine = [Guest(libvirtd, f"direct{i}", vcpus=2, iothreads=1) for i in range(rounds)]
            its = [Guest(libvirtd, f"daemon{i}", vcpus=2, iothreads=1) for i in range(rounds)]
            policies = {guest.uuid: {"policy": "dedicated"} for guest in its}
            daemon = virtpind_daemon.VirtpindDaemon(
                directory, bus, URI, log_level="info",
                config=json.dumps({"housekeeping": "", "domains": policies})).start()
            client = bus.connect()
            direct, pinned = [], []
            for one, other in zip(mine, its):
                with daemon.suspended():
                    direct.append(measure_direct(libvirtd, events, one))
                pinned.append(measure_daemon(libvirtd, events, client, other))
            client.close()
            daemon.close()
        finally:
            bus.stop()
            libvirtd.stop()
    print(f"STARTED event to last verified pin, ms, {rounds} guests each")
    print("| | median | best | worst |\n|---|---|---|---|")
    row("the same calls made directly", direct)
    row("virtpind", pinned)
    print(f"ratio of the medians: {statistics.median(pinned) / statistics.median(direct):.2f}")


if __name__ == "__main__":
    main()
