# SPDX-License-Identifier: LGPL-2.1-or-later
"""One caller's flood is nobody else's trouble, and leaves nothing behind."""
from gi.repository import GLib

from private_bus import MANAGER, NAME, ROOT
from virtpind_daemon import MEMORY_IS_ITS_OWN
from waiting import wait_until

URI = "test:///default"
TOPOLOGY = "synthetic:pack:1 [numa] l3:2 core:4 pu:2(indexes=2*8:8*1)"
CALLS = 10_000
GROWTH_KIB = 8192  # queues that were long once, and the messages in them


class Flood:
    """`count` calls, as many at once as the bus lets one connection wait for."""

    AT_ONCE = 100

    def __init__(self, client, method, arguments, count):
        self.client = client
        self.call = (method, arguments)
        self.left = count
        self.waiting = 0
        self.errors = set()

    def pump(self):
        """False when all are answered."""
        while self.left and self.waiting < self.AT_ONCE:
            self.left -= 1
            self.waiting += 1
            self.client.connection.call(NAME, ROOT, MANAGER, *self.call, None, 0, 600_000, None, self._on_answer)
        self.client.pump()
        return self.left or self.waiting

    def _on_answer(self, connection, result):
        self.waiting -= 1
        try:
            connection.call_finish(result)
        except GLib.Error as error:
            self.errors.add(error.message)


def test_flood_of_one_caller_is_answered_and_so_are_others(make_daemon, bus, client):
    daemon = make_daemon(URI, topology=TOPOLOGY)
    wait_until(lambda: client.manager("ListDomains"), "the domain is known")
    flooder = bus.connect()
    floods = [("ListDomains", None), ("Plan", GLib.Variant("(ssa{sv})", ("test", "dedicated", {}))),
              ("Reapply", GLib.Variant("(st)", ("test", 0))), ("ExportTopology", GLib.Variant("(t)", (0,)))]
    sizes = []
    for method, arguments in floods * 2:
        flood = Flood(flooder, method, arguments, CALLS // len(floods) // 2)
        while flood.pump():
            assert client.manager("ListDomains")[0][1] == "test"
        # What waits for polkit or for libvirt is bounded; that is an answer, too.
        bounded = ("too many calls wait for authorization", "plans are being made already",
                   "topologies are being exported already")
        assert all(any(text in error for text in bounded) for error in flood.errors), flood.errors
        sizes.append(daemon.memory_kib())
    if MEMORY_IS_ITS_OWN:
        assert sizes[-1] - sizes[len(floods) - 1] < GROWTH_KIB, f"memory after each flood: {sizes}"
    flooder.close()
