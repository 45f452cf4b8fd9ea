#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What 10, 100 and 1,000 domains cost: start, a storm of lifecycle events, another policy for all, one call.
libvirt's test driver in a private libvirtd, an invented host of 512 CPUs.

    tests/support/private-host tests/bench/scale.py BUILD/daemon/virtpind [DOMAINS...]
"""
import os
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

import libvirt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import virtpind_daemon  # noqa: E402
from private_bus import MANAGER, ROOT, BusError, PrivateBus  # noqa: E402
from private_libvirtd import Libvirtd  # noqa: E402
from waiting import wait_until  # noqa: E402

URI = "test+unix:///default"
TOPOLOGY = "synthetic:pack:2 [numa] l3:8 core:16 pu:2"
NONE = '{"housekeeping": "0", "default-policy": "none"}'
SHARED = '{"housekeeping": "0", "default-policy": "shared"}'
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
        made.append(connection.defineXML(
            f"<domain type='test'><name>d{number}</name><uuid>{uuid.uuid4()}</uuid><memory>1024</memory>"
            "<vcpu>2</vcpu><os><type>hvm</type></os></domain>"))
        made[-1].create()
    return made


def measure(directory, bus, count):
    connection = libvirt.open(URI)
    domains = make_domains(connection, count)
    daemon = virtpind_daemon.VirtpindDaemon(directory, bus, URI, topology=TOPOLOGY, config=NONE, log_level="warning")
    daemon.launch()
    row = {}
    with Measured(daemon) as start:
        wait_until(lambda: "READY=1" in daemon.read_notifications(), "ready", 120)
        client = bus.connect()
        wait_until(lambda: is_ready(client, count), "all domains are known", 300)
    row["start"] = start
    with Measured(daemon) as quiet:
        look_again(client)
    row["a pass that finds nothing"] = quiet
    with Measured(daemon) as storm:
        for domain in domains[:(count + 1) // 2]:
            domain.destroy()
            domain.create()
        look_again(client)
    row["storm: half of them restarted"] = storm
    with Measured(daemon) as policy:
        (Path(directory) / "virtpind.json").write_text(SHARED)
        daemon.reload()
        wait_until(lambda: {line[3] for line in client.manager("ListDomains") if line[1] != "test"} == {"pinned"},
                   "all are pinned", 600)
    row["another policy for all"] = policy
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
    return row, statistics.median(calls), rss


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    counts = [int(argument) for argument in sys.argv[2:]] or [10, 100, 1000]
    print("| domains | " + " | ".join(["start", "a pass that finds nothing", "storm: half of them restarted",
                                       "another policy for all", "SetPolicy, one of them", "memory"]) + " |")
    print("|---" * 7 + "|")
    for count in counts:
        with tempfile.TemporaryDirectory() as directory:
            libvirtd = Libvirtd(Path(directory) / "libvirtd.log").start()
            bus = PrivateBus(directory).start()
            try:
                row, call, rss = measure(directory, bus, count)
            finally:
                bus.stop()
                libvirtd.stop()
        cells = [f"{cost.wall:.2f} s ({cost.cpu:.2f} s CPU)" for cost in row.values()]
        print(f"| {count} | " + " | ".join(cells) + f" | {call * 1000:.0f} ms | {rss / 1024:.0f} MiB |", flush=True)


if __name__ == "__main__":
    main()
