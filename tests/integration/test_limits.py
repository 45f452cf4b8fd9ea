# SPDX-License-Identifier: LGPL-2.1-or-later
"""One caller's flood is nobody else's trouble, and leaves nothing behind."""
import multiprocessing
import time

import pytest
from gi.repository import Gio, GLib

from driver_host import TEST_URI, TOPOLOGY, make_host
from private_bus import MANAGER, NAME, ROOT, Client
from virtpind_daemon import MEMORY_IS_ITS_OWN
from waiting import wait_until

CALLS = 10_000
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
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


def run_flood(address, method, arguments, count):
    flooder = Client(address)
    flood = Flood(flooder, method, arguments and GLib.Variant(*arguments), count)
    while flood.pump():
        pass
    flooder.close()


def test_others_are_answered_and_the_watchdog_is_fed(make_daemon, bus, client, tmp_path):
    daemon = make_daemon(make_host(tmp_path / "host.xml", 100), topology="synthetic:pack:2 [numa] l3:4 core:16 pu:2",
                         config='{"default-policy": "shared"}', environment={"WATCHDOG_USEC": "1000000"},
                         log_level="warning")
    wait_until(lambda: {row[3] for row in client.manager("ListDomains")} == {"pinned"}, "all are pinned", 60)
    floods = {"ListDomains": None, "List": None, "Why": ("(s)", ("d1",)), "Doctor": ("(s)", ("",)), "Describe": None,
              "Plan": ("(ssa{sv})", ("d1", "dedicated", {}))}
    for method, arguments in floods.items():
        flooder = multiprocessing.get_context("spawn").Process(
            target=run_flood, args=(bus.address, method, arguments, CALLS // len(floods)))
        fed = daemon.notified("WATCHDOG=1")
        began = time.monotonic()
        flooder.start()
        while flooder.is_alive():
            assert len(client.manager("ListDomains")) == 100
        flooder.join()
        assert flooder.exitcode == 0
        lasted = time.monotonic() - began
        # Twice a second; how fast anything else goes is for tests/bench/flood_latency.py.
        assert daemon.notified("WATCHDOG=1") > fed or lasted < 2, f"{method}: not fed for {lasted:.1f} s"


def send(client, interface, method, arguments=None):
    """Sends a call and returns a list that holds the answer when there is one."""
    message = Gio.DBusMessage.new_method_call(NAME, ROOT, interface, method)
    if arguments:
        message.set_body(GLib.Variant(*arguments))
    answers = []
    client.connection.send_message_with_reply(
        message, Gio.DBusSendMessageFlags.NONE, 60_000, None,
        lambda connection, result: answers.append(connection.send_message_with_reply_finish(result)))
    return answers


def reach_the_bus(client):
    """What was sent before this has been passed on when it returns."""
    client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId", destination="org.freedesktop.DBus")


@pytest.mark.parametrize(("interface", "method", "arguments"), [
    (MANAGER, "ListDomains", None), (MANAGER, "List", None),
    (MANAGER, "Describe", None), (OBJECT_MANAGER, "GetManagedObjects", None),
    (MANAGER, "Plan", ("(ssa{sv})", ("d1", "dedicated", {}))), (MANAGER, "Reapply", ("(st)", ("d1", 0))),
    (MANAGER, "SetPolicy", ("(ssa{sv}t)", ("d1", "shared", {}, 1)))],
    ids=lambda value: value if isinstance(value, str) else "")
def test_who_calls_once_does_not_wait_for_all_that_another_called_before(
        make_daemon, bus, client, tmp_path, interface, method, arguments):
    """The daemon numbers what it sends: the numbers of the answers are their order."""
    daemon = make_daemon(make_host(tmp_path / "host.xml", 100), topology=TOPOLOGY, log_level="warning")
    wait_until(lambda: len(client.manager("ListDomains")) == 100, "the domains are known")
    flooder = bus.connect()
    flooder.manager("Reapply", "(st)", "d1", 0)  # who it is need not be asked any more
    with daemon.suspended():
        floods = [send(flooder, interface, method, arguments) for _ in range(Flood.AT_ONCE)]
        reach_the_bus(flooder)
        other = send(client, MANAGER, "ListDomains")
        reach_the_bus(client)

    def all_answered():
        client.pump()
        return other and all(floods)

    wait_until(all_answered, "all are answered", 60)
    mine = other[0].get_serial()
    assert other[0].get_message_type() == Gio.DBusMessageType.METHOD_RETURN
    earlier = sum(answer.get_serial() < mine for answer, in floods)
    assert earlier < Flood.AT_ONCE / 5, f"{earlier} of {Flood.AT_ONCE} answers came first"
    flooder.close()


def test_flood_of_one_caller_is_answered_and_so_are_others(make_daemon, bus, client):
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY)
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
        bounded = ("too many calls wait for authorization", "plans are being made",
                   "topologies are being exported")
        assert all(any(text in error for text in bounded) for error in flood.errors), flood.errors
        sizes.append(daemon.memory_kib())
    if MEMORY_IS_ITS_OWN:
        assert sizes[-1] - sizes[len(floods) - 1] < GROWTH_KIB, f"memory after each flood: {sizes}"
    flooder.close()


def test_a_script_of_root_may_make_as_many_changes_at_once_as_the_bus_lets_it(make_daemon, bus, client, tmp_path):
    make_daemon(make_host(tmp_path / "host.xml", 10), topology=TOPOLOGY, log_level="warning")
    wait_until(lambda: len(client.manager("ListDomains")) == 10, "the domains are known")
    newcomer = bus.connect()  # who it is must be asked first
    flood = Flood(newcomer, "SetPolicy", GLib.Variant("(ssa{sv}t)", ("d1", "shared", {}, 0)), Flood.AT_ONCE)
    while flood.pump():
        pass
    assert not flood.errors
    assert client.domain_properties("11111111-2222-3333-4444-000000000001")["Generation"] == 1 + Flood.AT_ONCE
    newcomer.close()
