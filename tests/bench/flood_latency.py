#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long one caller waits while another makes 10,000 calls, on libvirt's test driver inside the daemon: for each
kind of call that everybody may make.

    tests/support/private-host tests/bench/flood_latency.py BUILD/daemon/virtpind [CALLS [DOMAINS [METHOD...]]]
"""
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "integration")]

import virtpind_daemon  # noqa: E402
from gi.repository import GLib  # noqa: E402
from private_bus import MANAGER, Client, PrivateBus  # noqa: E402
from test_limits import TOPOLOGY, Flood, make_host  # noqa: E402
from waiting import wait_until  # noqa: E402

FLOODS = [("org.freedesktop.DBus.Peer", "Ping", None), (MANAGER, "ListDomains", None), (MANAGER, "Describe", None),
          (MANAGER, "Reapply", ("(st)", ("d0", 0))),
          (MANAGER, "SetPolicy", ("(ssa{sv}t)", ("d0", "shared", {}, 0))),
          (MANAGER, "Plan", ("(ssa{sv})", ("d0", "dedicated", {}))),
          ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects", None)]
QUIET = 2000


def measure(client, goes_on):
    """Sorted times of calls while `goes_on(how many were measured)`, in ms."""
    times = []
    while goes_on(len(times)):
        begin = time.monotonic()
        client.manager("ListDomains")
        times.append((time.monotonic() - begin) * 1000)
    return sorted(times)


def run_flood(address, call, count, begun, ended, answers):
    flooder = Client(address)
    interface, method, arguments = call
    flood = Flood(flooder, method, arguments and GLib.Variant(*arguments), count, interface)
    begin = time.monotonic()
    flood.pump()
    begun.set()
    while flood.pump():
        pass
    ended.set()
    answers.put((time.monotonic() - begin, flood.refused))
    flooder.close()


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    domains = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    methods = sys.argv[4:] or [flood[1] for flood in FLOODS]
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as directory:
        bus = PrivateBus(directory).start()
        uri = make_host(Path(directory) / "host.xml", domains)
        daemon = virtpind_daemon.VirtpindDaemon(directory, bus, uri, topology=TOPOLOGY, log_level="warning").start()
        client = bus.connect()
        wait_until(lambda: len(client.manager("ListDomains")) == domains, "the domains are known")
        print(f"ListDomains of {domains} domains, beside another client's {calls} calls\n")
        print("| the other calls | refused | seconds | calls measured | median, ms | p99, ms | p99 / quiet p99 | memory, KiB |\n"
              "|---|---|---|---|---|---|---|---|")
        quiet = None
        for call in [None, *(flood for flood in FLOODS if flood[1] in methods)]:
            took, refused = 0, 0
            if call:
                begun, ended, answers = spawn.Event(), spawn.Event(), spawn.Queue()
                process = spawn.Process(target=run_flood, args=(bus.address, call, calls, begun, ended, answers))
                process.start()
                begun.wait()
                times = measure(client, lambda _, ended=ended: not ended.is_set())
                took, refused = answers.get()
                process.join()
            else:
                times = measure(client, lambda measured: measured < QUIET)
            p99 = times[len(times) * 99 // 100]
            quiet = quiet or p99
            print(f"| {call[1] if call else 'none'} | {refused} | {took:.1f} | {len(times)} | {times[len(times) // 2]:.2f} "
                  f"| {p99:.2f} | {p99 / quiet:.1f} | {daemon.memory_kib()} |", flush=True)
        client.close()
        daemon.stop()
        bus.stop()


if __name__ == "__main__":
    main()
