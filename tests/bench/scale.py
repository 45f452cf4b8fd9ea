#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cost of 10, 100 and 1,000 domains: start, a storm of lifecycle events, another policy for all, one call; then
the same where every start needs pins, and both at once. Uses libvirt's test driver in a private libvirtd and an
invented host of 512 CPUs.

    tests/support/private-host tests/bench/scale.py BUILD/daemon/virtpind [DOMAINS...]
"""
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import libvirt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import virtpind_daemon  # noqa: E402
from fleet import TOPOLOGY, URI, Fleet, definition, wait_all_pinned  # noqa: E402
from private_bus import MANAGER, ROOT, BusError, PrivateBus  # noqa: E402
from private_libvirtd import Libvirtd  # noqa: E402
from waiting import wait_until  # noqa: E402

NONE = '{"housekeeping": "0", "default-policy": "none"}'
SHARED = '{"housekeeping": "0", "default-policy": "shared"}'
OTHER_POOL = SHARED.replace('"0"', '"0-3,256-259"')
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Measured:
    """Wall time of a block, and what the daemon used of a CPU meanwhile."""

    def __init__(self, daemon):
        self.daemon = daemon

    def __enter__(self):
        self.cpu = self._cpu()
        self.begin = time.monotonic()
        return self

    def __exit__(self, *_):
        self.wall = time.monotonic() - self.begin
        self.cpu = self._cpu() - self.cpu

    def _cpu(self):
        fields = Path(f"/proc/{self.daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def look_again(client):
    client.call(ROOT, MANAGER, "Reapply", "(st)", "", 0, timeout_s=600)


def is_ready(client, count):
    try:
        return client.properties(ROOT, MANAGER)["State"] == "ready" and len(client.manager("ListDomains")) >= count
    except BusError:
        return False


def make_domains(connection, count):
    made = []
    for number in range(count):
        made.append(connection.defineXML(definition(number)))
        made[-1].create()
    return made


def configure(daemon, configuration):
    (daemon.directory / "virtpind.json").write_text(configuration)
    daemon.reload()


def measure_defined(directory, bus, count):
    """Domains whose policy changes rarely: libvirt keeps their definitions, and virtpind the pins in them."""
    connection = libvirt.open(URI)
    domains = make_domains(connection, count)
    daemon = virtpind_daemon.VirtpindDaemon(directory, bus, URI, topology=TOPOLOGY, config=NONE, log_level="warning")
    daemon.launch()
    with Measured(daemon) as start:
        wait_until(lambda: "READY=1" in daemon.read_notifications(), "ready", 120)
        client = bus.connect()
        wait_until(lambda: is_ready(client, count), "all domains are known", 300)
    with Measured(daemon) as quiet:
        look_again(client)
    with Measured(daemon) as storm:
        for domain in domains[:(count + 1) // 2]:
            domain.destroy()
            domain.create()
        look_again(client)
    with Measured(daemon) as policy:
        configure(daemon, SHARED)
        wait_all_pinned(daemon, client, domains, 600)
    calls = []
    for domain in domains[:10]:
        with Measured(daemon) as one:
            client.manager("SetPolicy", "(ssa{sv}t)", domain.name(), "dedicated", {}, 1)
        calls.append(one.wall)
    rss = daemon.memory_kib()
    client.close()
    daemon.stop()
    for domain in domains:
        domain.destroy()
        domain.undefine()
    connection.close()
    return [str(count), *(f"{cost.wall:.2f} s ({cost.cpu:.2f})" for cost in (start, quiet, storm, policy)),
            f"{statistics.median(calls) * 1000:.0f} ms", f"{rss / 1024:.0f} MiB"]


def measure_transient(directory, bus, count):
    """Domains under `shared` that come and go: each start needs all its pins and its before-image."""
    connection = libvirt.open(URI)
    fleet = Fleet(connection, count)
    daemon = virtpind_daemon.VirtpindDaemon(directory, bus, URI, topology=TOPOLOGY, config=SHARED, log_level="warning")
    costs = []
    daemon.launch()
    with Measured(daemon) as start:
        wait_until(lambda: "READY=1" in daemon.read_notifications(), "ready", 120)
        client = bus.connect()
        wait_all_pinned(daemon, client, fleet, 600)
    costs.append(start)
    with Measured(daemon) as storm:
        for number in range(count):
            fleet.restart(number)
        look_again(client)
        wait_all_pinned(daemon, client, fleet, 600)
    costs.append(storm)
    with Measured(daemon) as policy:
        configure(daemon, OTHER_POOL)
        client.manager("Reload", "(t)", 0)
        look_again(client)
        wait_all_pinned(daemon, client, fleet, 600)
    costs.append(policy)
    with Measured(daemon) as both:
        configure(daemon, SHARED)
        for number in range(count):
            fleet.restart(number)
        look_again(client)
        wait_all_pinned(daemon, client, fleet, 600)
    costs.append(both)
    client.close()
    daemon.stop()
    fleet.remove()
    connection.close()
    return [str(count), *(f"{cost.wall:.2f} s ({cost.cpu / count * 1000:.2f} ms)" for cost in costs)]


def table(counts, columns, measure):
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for count in counts:
        with tempfile.TemporaryDirectory() as directory:
            libvirtd = Libvirtd(Path(directory) / "libvirtd.log").start()
            bus = PrivateBus(directory).start()
            try:
                cells = measure(directory, bus, count)
            finally:
                bus.stop()
                libvirtd.stop()
        print("| " + " | ".join(cells) + " |", flush=True)


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    counts = [int(argument) for argument in sys.argv[2:]] or [10, 100, 1000]
    print("Defined domains; in brackets CPU seconds of virtpind alone\n")
    table(counts, ["domains", "start", "a pass that finds nothing", "storm: half restarted", "another policy for all",
                   "SetPolicy", "memory"], measure_defined)
    print("\nTransient domains under `shared`; in brackets CPU time of virtpind alone for each domain\n")
    table(counts, ["domains", "start", "storm: all restarted", "other pins for all", "both at once"], measure_transient)


if __name__ == "__main__":
    main()
