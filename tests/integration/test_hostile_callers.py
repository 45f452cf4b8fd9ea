# SPDX-License-Identifier: LGPL-2.1-or-later
"""What any local user may send: no message and no flood stops the service, makes it large, or keeps others waiting.

Memory and CPU time are those of the daemon; they do not depend on what else the machine does. CPU time is compared with
that of ListDomains in the same run, so that it depends neither on the machine nor on a sanitizer. The bounds are wider
than what is reached (tests/bench/README.md), and the daemon without them fails each by far."""
import struct
import threading

import pytest

from driver_host import TOPOLOGY, make_host
from hostile_messages import INVALID, LIMITS, LIST, PLAN, messages, set_policy
from private_bus import NOBODY, PrivateBroker, PrivateBus
from raw_bus import ERROR, MANAGER, NO_REPLY, RETURN, RawClient, message, options, pad, plan_body, renumbered, strings
from virtpind_daemon import MEMORY_IS_ITS_OWN
from waiting import wait_until



@pytest.fixture(params=[PrivateBus, PrivateBroker], ids=["dbus-daemon", "dbus-broker"])
def bus(request, tmp_path):
    """As a system bus, but that one connection may wait for many answers."""
    if request.param is PrivateBroker and not PrivateBroker.is_there():
        pytest.skip("dbus-broker is not installed")
    private = request.param(tmp_path, max_replies_per_connection=1000).start().open_to_all()
    yield private
    private.stop()


@pytest.fixture
def daemon(make_daemon, bus, tmp_path):
    running = make_daemon(make_host(tmp_path / "host.xml", 10), topology=TOPOLOGY, log_level="warning")
    root = RawClient(bus.address)
    wait_until(lambda: len(root.ask(LIST)[1][2]) > 500, "the domains are known")
    for _ in range(5):
        assert root.ask(set_policy())[1][0] == RETURN
    root.close()
    running.forget_peak()
    return running


@pytest.fixture
def root(bus, daemon):
    client = RawClient(bus.address)
    assert client.ask(set_policy())[1][0] == RETURN
    yield client
    client.close()


@pytest.fixture
def list_s(daemon, root):
    """The CPU time of one ListDomains."""
    calls = 300
    before = daemon.cpu_s()
    for _ in range(calls):
        assert root.ask(LIST)[1][0] == RETURN
    return (daemon.cpu_s() - before) / calls


@pytest.fixture
def make_nobody(bus):
    made = []

    def make():
        made.append(RawClient(bus.address, NOBODY))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def nobody(make_nobody):
    return make_nobody()


@pytest.mark.parametrize(("raw", "error"), [pytest.param(raw, error, id=name) for name, raw, error in messages()])
def test_one_message_costs_next_to_nothing(daemon, root, nobody, list_s, raw, error):
    before, cpu = daemon.peak_memory_kib(), daemon.cpu_s()
    number = nobody.send(raw)
    if error:
        kind, _, _, name = nobody.wait_for(number)
        assert (kind, name) == (ERROR, error)
    nobody.reach_the_bus()
    assert root.ask(LIST)[1][0] == RETURN
    assert daemon.cpu_s() - cpu < 500 * list_s
    if MEMORY_IS_ITS_OWN:
        assert daemon.peak_memory_kib() - before < 2048


@pytest.mark.parametrize(("entries", "error", "text"), [
    (options(2, distinct=False), INVALID, "given twice"), (options(33), LIMITS, "more than 32 options"),
    (options(32), "org.virtpind1.Error.InvalidPolicy", ""),
    (struct.pack("<I", 4) + b"tune\0\1s\0" + struct.pack("<I", 4097) + b"x" * 4097 + b"\0", LIMITS, "4097 bytes"),
    (pad(struct.pack("<I", 4) + b"tune\0\2as\0", 4) + struct.pack("<I", 8192) + strings("x" * 4091, "x" * 4091), LIMITS,
     "words of option")],
    ids=["twice", "33", "32", "long text", "long words"])
def test_options_are_bounded(root, entries, error, text):
    kind, _, body, name = root.ask(message(1, "Plan", "ssa{sv}", plan_body("d0", "dedicated", entries)))[1]
    assert kind == ERROR
    if text:
        assert (name, text.encode() in body) == (error, True), (name, body)


def test_answers_that_nobody_reads_do_not_pile_up(daemon, root, make_nobody):
    """Introspect's, which libsystemd gives by itself."""
    raw = message(1, "Introspect", interface="org.freedesktop.DBus.Introspectable")
    flood = b"".join(renumbered(raw, number) for number in range(2, 252))
    nobodies = [make_nobody() for _ in range(100)]
    before = daemon.peak_memory_kib()
    for nobody in nobodies:
        nobody.socket.setblocking(False)
    left = [(nobody, memoryview(flood)) for nobody in nobodies]
    waited = []
    while left:
        still = []
        for nobody, rest in left:
            try:
                rest = rest[nobody.socket.send(rest):]
            except BlockingIOError:
                pass
            if rest:
                still.append((nobody, rest))
        left = still
        waited.append(root.ask(set_policy(), 60)[0])
    waited.append(root.ask(set_policy(), 60)[0])
    assert max(waited) < 20
    if MEMORY_IS_ITS_OWN:
        assert daemon.peak_memory_kib() - before < 10 * 1024


@pytest.mark.parametrize(("member", "interface"), [
    ("Introspect", "org.freedesktop.DBus.Introspectable"), ("Describe", MANAGER), ("SetPolicy", MANAGER)])
def test_calls_that_expect_no_answer_keep_nobody_waiting(daemon, root, make_nobody, list_s, member, interface):
    """CPU time from the first of them to the answer of a call behind all of them; root comes after a full queue."""
    raw = (renumbered(set_policy(flags=NO_REPLY), 7) if member == "SetPolicy"
           else message(7, member, interface=interface, flags=NO_REPLY))
    each = 20_000
    nobodies = [make_nobody() for _ in range(5)]
    cpu = daemon.cpu_s()
    with daemon.suspended():
        for nobody in nobodies:
            nobody.socket.sendall(raw * each)
        for nobody in nobodies:
            nobody.reach_the_bus()
        number = root.send(set_policy())
        root.reach_the_bus()
    kind, _, _, error = root.wait_for(number, 120)
    assert kind == RETURN, error
    assert (daemon.cpu_s() - cpu) / (len(nobodies) * each) < list_s / 5


def test_change_that_expects_no_answer_is_made(client, root):
    generation = client.domain_properties("11111111-2222-3333-4444-000000000000")["Generation"]
    for _ in range(3):
        root.send(set_policy(flags=NO_REPLY))
    client.wait_for_properties("11111111-2222-3333-4444-000000000000",
                               lambda is_: is_["Generation"] == generation + 3, "three changes are made")


def test_connections_of_one_user_do_not_use_up_what_is_for_all(root, make_nobody):
    ended = threading.Event()

    def flood(nobody):
        for _ in range(4):
            nobody.send(PLAN)
        while not ended.is_set():
            seen = nobody._next(0.05)
            if seen and seen[0] in (RETURN, ERROR):
                nobody.send(PLAN)

    floods = [threading.Thread(target=flood, args=(make_nobody(),)) for _ in range(8)]
    for one in floods:
        one.start()
    try:
        answers = [root.ask(PLAN)[1] for _ in range(50)]
    finally:
        ended.set()
        for one in floods:
            one.join()
    refused = [answer[3] for answer in answers if answer[0] != RETURN]
    assert not refused, f"{len(refused)} of {len(answers)}: {set(refused)}"
