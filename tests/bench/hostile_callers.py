#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What attacks of an ordinary user cost the daemon, in memory and CPU time, and root, in waiting; on libvirt's test
driver, and a bus that lets one connection wait for a thousand answers.

    tests/support/private-host tests/bench/hostile_callers.py BUILD/daemon/virtpind [SECONDS]
"""
import multiprocessing
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import virtpind_daemon  # noqa: E402
from driver_host import TOPOLOGY, make_host  # noqa: E402
from hostile_messages import LIST, PLAN, set_policy  # noqa: E402
from private_bus import NOBODY, PrivateBus  # noqa: E402
from raw_bus import DRIVER, ERROR, MANAGER, NO_REPLY, RawClient, message, options, plan_body, renumbered  # noqa: E402
from waiting import wait_until  # noqa: E402

INTROSPECT = "org.freedesktop.DBus.Introspectable"


def send_all(address, raw, connections, seconds, stop):
    """The same bytes again and again, by so many connections; or once, when `seconds` is None. Reads nothing."""
    clients = [RawClient(address, NOBODY) for _ in range(connections)]
    for client in clients:
        client.socket.setblocking(False)
        client.left = memoryview(raw)
    done = []
    end = time.monotonic() + (seconds or 60)
    while clients and time.monotonic() < end:
        sent = False
        for client in [*clients]:
            try:
                client.left = client.left[client.socket.send(client.left[:1 << 16]):]
                sent = True
            except BlockingIOError:
                continue
            if not client.left:
                if seconds is None:
                    clients.remove(client)
                    done.append(client)  # it stays connected
                else:
                    client.left = memoryview(raw)
        if not sent:
            time.sleep(0.001)
    stop.wait(600)


class Attack:
    """Runs in processes of its own beside root, who asks again and again."""

    def __init__(self, name, raw, connections=1, processes=1, seconds=None, ask=None):
        self.name, self.raw, self.connections, self.processes, self.seconds = name, raw, connections, processes, seconds
        self.ask = ask or set_policy()


def attacks(seconds):
    entries = options(154_000)
    yield Attack("a Plan of 3.7 MB of options", message(2, "Plan", "ssa{sv}", plan_body("d0", "dedicated", entries)),
                 ask=LIST)
    yield Attack("a Plan of 31 MB", message(2, "Plan", "ssa{sv}", plan_body("d0", "dedicated", options(1_300_000))),
                 ask=LIST)
    yield Attack("100 connections with 250 Introspects each, whose answers nobody reads",
                 b"".join(renumbered(message(1, "Introspect", interface=INTROSPECT), number)
                          for number in range(2, 252)),
                 connections=50, processes=2)
    yield Attack("the same; root asks the bus itself",
                 b"".join(renumbered(message(1, "Introspect", interface=INTROSPECT), number)
                                                           for number in range(2, 252)), connections=50, processes=2,
                 ask=message(1, "GetId", interface=DRIVER, path="/org/freedesktop/DBus", destination=DRIVER))
    for member, interface in (("Introspect", INTROSPECT), ("Describe", MANAGER)):
        yield Attack(f"20 connections with {member}s that expect no answer",
                     message(7, member, interface=interface, flags=NO_REPLY) * 2000, 10, 2, seconds)
    yield Attack("20 connections with SetPolicys that expect none",
                 renumbered(set_policy(flags=NO_REPLY), 7) * 2000, 10, 2, seconds)


def measure(address, daemon, attack):
    root = RawClient(address)
    root.ask(set_policy())
    stop = multiprocessing.Event()
    daemon.forget_peak()
    peak, cpu = daemon.peak_memory_kib(), daemon.cpu_s()
    floods = [multiprocessing.Process(target=send_all,
                                      args=(address, attack.raw, attack.connections, attack.seconds, stop))
              for _ in range(attack.processes)]
    for flood in floods:
        flood.start()
    waits, errors = [], 0
    end = time.monotonic() + (attack.seconds or 3)
    while time.monotonic() < end:
        took, answer = root.ask(attack.ask, 600)
        waits.append(took)
        errors += answer is None or answer[0] == ERROR
    cpu = daemon.cpu_s() - cpu
    peak = daemon.peak_memory_kib() - peak
    stop.set()
    for flood in floods:
        flood.join()
    root.close()
    waits.sort()
    print(f"| {attack.name} | {peak / 1024:.1f} | {cpu:.2f} | {waits[len(waits) // 2] * 1000:.1f} | {waits[-1]:.2f} "
          f"| {errors} of {len(waits)} |", flush=True)


def measure_plans(address):
    """Eight connections that keep plans under way."""
    root = RawClient(address)
    ended = threading.Event()

    def flood(nobody):
        for _ in range(4):
            nobody.send(PLAN)
        while not ended.is_set():
            if (seen := nobody._next(0.05)) and seen[1]:
                nobody.send(PLAN)

    floods = [threading.Thread(target=flood, args=(RawClient(address, NOBODY),)) for _ in range(8)]
    for one in floods:
        one.start()
    answers = [root.ask(PLAN) for _ in range(100)]
    ended.set()
    for one in floods:
        one.join()
    waits = sorted(took for took, _ in answers)
    refused = sum(answer[0] == ERROR for _, answer in answers)
    print("| 8 connections that keep 4 Plans each under way; root's Plan | | "
          f"| {waits[50] * 1000:.1f} | {waits[-1]:.2f} "
          f"| {refused} of 100 |", flush=True)


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    print("| attack | peak, MiB more | CPU, s | root waits: median, ms | longest, s | refused |\n"
          "|---|---|---|---|---|---|")
    for attack in [*attacks(seconds), None]:
        with tempfile.TemporaryDirectory() as directory:
            bus = PrivateBus(directory, max_replies_per_connection=1000).start().open_to_all()
            daemon = virtpind_daemon.VirtpindDaemon(directory, bus, make_host(Path(directory) / "host.xml", 10),
                                                    topology=TOPOLOGY, log_level="warning").start()
            root = RawClient(bus.address)
            wait_until(lambda root=root: len(root.ask(LIST)[1][2]) > 500, "the domains are known")
            if attack:
                measure(bus.address, daemon, attack)
            else:
                measure_plans(bus.address)
            daemon.kill()
            bus.stop()


if __name__ == "__main__":
    main()
