#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long one caller waits while another makes 10,000 calls, on libvirt's test driver inside the daemon.

    tests/support/private-host tests/bench/flood_latency.py BUILD/daemon/virtpind [CALLS]
"""
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "integration")]

import virtpind_daemon  # noqa: E402
from private_bus import Client, PrivateBus  # noqa: E402
from test_limits import TOPOLOGY, URI, Flood  # noqa: E402
from waiting import wait_until  # noqa: E402


def measure(client, busy):
    """Sorted times of calls while `busy()`, in ms."""
    times = []
    while busy() or len(times) < 500:
        begin = time.monotonic()
        client.manager("ListDomains")
        times.append((time.monotonic() - begin) * 1000)
    return sorted(times)


def run_flood(address, calls):
    flooder = Client(address)
    flood = Flood(flooder, "ListDomains", None, calls)
    while flood.pump():
        pass
    flooder.close()


def show(what, times, daemon):
    print(f"| {what} | {times[len(times) // 2]:.2f} | {times[len(times) * 99 // 100]:.2f} | {daemon.memory_kib()} |")


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with tempfile.TemporaryDirectory() as directory:
        bus = PrivateBus(directory).start()
        daemon = virtpind_daemon.VirtpindDaemon(directory, bus, URI, topology=TOPOLOGY, log_level="warning").start()
        client = bus.connect()
        wait_until(lambda: client.manager("ListDomains"), "the domain is known")
        print("| ListDomains | median, ms | p99, ms | memory, KiB |\n|---|---|---|---|")
        show("quiet", measure(client, lambda: False), daemon)
        process = multiprocessing.get_context("spawn").Process(target=run_flood, args=(bus.address, calls))
        process.start()
        show(f"while another makes {calls} calls", measure(client, process.is_alive), daemon)
        client.close()
        process.join()
        daemon.stop()
        bus.stop()


if __name__ == "__main__":
    main()
