#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long one caller waits while another makes 10,000 calls, on libvirt's test driver inside the daemon: for each
kind of call that everybody may make.

    tests/support/private-host tests/bench/flood_latency.py BUILD/daemon/virtpind [CALLS [DOMAINS]]
"""
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "integration")]

import virtpind_daemon  # noqa: E402
from private_bus import PrivateBus  # noqa: E402
from test_limits import TOPOLOGY, make_host, run_flood  # noqa: E402
from waiting import wait_until  # noqa: E402

FLOODS = [("ListDomains", None), ("Describe", None), ("Plan", ("(ssa{sv})", ("d0", "dedicated", {})))]


def measure(client, busy):
    """Sorted times of calls while `busy()`, in ms."""
    times = []
    while busy() or len(times) < 500:
        begin = time.monotonic()
        client.manager("ListDomains")
        times.append((time.monotonic() - begin) * 1000)
    return sorted(times)


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    domains = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    with tempfile.TemporaryDirectory() as directory:
        bus = PrivateBus(directory).start()
        uri = make_host(Path(directory) / "host.xml", domains)
        daemon = virtpind_daemon.VirtpindDaemon(directory, bus, uri, topology=TOPOLOGY, log_level="warning").start()
        client = bus.connect()
        wait_until(lambda: len(client.manager("ListDomains")) == domains, "the domains are known")
        print(f"ListDomains of {domains} domains, beside another client's {calls} calls\n")
        print("| the other calls | calls measured | median, ms | p99, ms | p99 / quiet p99 | memory, KiB |\n|---|---|---|---|---|---|")
        quiet = None
        for method, arguments in [(None, None), *FLOODS]:
            process = None
            if method:
                process = multiprocessing.get_context("spawn").Process(
                    target=run_flood, args=(bus.address, method, arguments, calls))
                process.start()
            times = measure(client, lambda: process and process.is_alive())
            p99 = times[len(times) * 99 // 100]
            quiet = quiet or p99
            print(f"| {method or 'none'} | {len(times)} | {times[len(times) // 2]:.2f} | {p99:.2f} | {p99 / quiet:.1f} "
                  f"| {daemon.memory_kib()} |", flush=True)
            if process:
                process.join()
        client.close()
        daemon.stop()
        bus.stop()


if __name__ == "__main__":
    main()
