# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what, by the real daemon: every method there is, as a user who may nothing, with polkit
allowing, refusing, hanging and absent."""
import xml.etree.ElementTree as ElementTree

import pytest
from gi.repository import Gio, GLib

from driver_host import TEST_URI, TEST_UUID, TOPOLOGY
from private_bus import DOMAIN, MANAGER, NAME, NOBODY, ROOT, SET_POLICY, BusError, domain_path
from waiting import wait_until

DENIED = "org.freedesktop.DBus.Error.AccessDenied"

# What anybody may call. A method that is added is either here or refused: the tests find it by introspection.
READS = {f"{MANAGER}.{name}" for name in ("GetDomain", "ListDomains", "List", "Why", "Plan", "PlanXML", "Doctor",
                                          "Describe", "ExportTopology")} | {f"{DOMAIN}.Explain"}
# Values that fit, by the argument's name, else by its type.
ARGUMENTS = {"domain": "test", "policy": "dedicated", "reason": "a test", "text": "dedicated",
             "xml": "<domain type='test'><name>other</name><memory>1024</memory><vcpu>1</vcpu></domain>"}
BY_TYPE = {"s": "", "t": 0, "u": 0, "i": 0, "b": False, "a{sv}": {}, "as": []}


@pytest.fixture(autouse=True)
def daemon(make_daemon, open_bus, client):
    started = make_daemon(TEST_URI, topology=TOPOLOGY)
    client.wait_for_properties(TEST_UUID, lambda is_: True, "the domain is known")
    return started


def methods(client):
    """Path, interface, name and arguments of each method of our own that introspection shows."""
    for path in (ROOT, domain_path(TEST_UUID)):
        shown = client.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")
        for interface in ElementTree.fromstring(shown).findall("interface"):
            if not interface.get("name").startswith("org.freedesktop."):
                for method in interface.findall("method"):
                    arguments = [arg for arg in method.findall("arg") if arg.get("direction") == "in"]
                    signature = "(" + "".join(arg.get("type") for arg in arguments) + ")"
                    values = [ARGUMENTS.get(arg.get("name"), BY_TYPE[arg.get("type")]) for arg in arguments]
                    yield path, interface.get("name"), method.get("name"), signature, values


def test_nobody_passes_file_descriptors(user):
    """They would stay open for as long as the call waits."""
    message = Gio.DBusMessage.new_method_call(NAME, ROOT, MANAGER, "ListDomains")
    with open("/dev/null", encoding="ascii") as file:
        descriptors = Gio.UnixFDList()
        descriptors.append(file.fileno())
        message.set_unix_fd_list(descriptors)
    answer, _serial = user.connection.send_message_with_reply_sync(message, Gio.DBusSendMessageFlags.NONE, 10_000)
    assert answer.get_error_name() == DENIED


def refused(client, path, interface, method, signature, values):
    """The name of the error that a call ends with; None: it succeeds."""
    try:
        client.call(path, interface, method, signature, *values)
    except BusError as error:
        return error.name
    return None


def set_policy(client):
    return client.manager("SetPolicy", "(ssa{sv}t)", "test", "dedicated", {}, 0)


def check_every_method(client, user):
    before = client.domain_properties(TEST_UUID)
    called = list(methods(client))
    assert len(called) >= 15, called
    for path, interface, method, signature, values in called:
        outcome = refused(user, path, interface, method, signature, values)
        expected = None if f"{interface}.{method}" in READS else DENIED
        assert outcome == expected, f"{interface}.{method} {signature} {values}"
    assert client.domain_properties(TEST_UUID) == before


def test_every_method_that_changes_something_is_refused_when_polkit_refuses(client, user, polkit):
    check_every_method(client, user)


def test_every_method_that_changes_something_is_refused_without_polkit(client, user):
    check_every_method(client, user)
    assert set_policy(client) > 0, "root needs no polkit"


def test_no_property_can_be_set(client, user, polkit):
    polkit.call("AllowUnknown", "(b)", True)
    for path, interface in ((ROOT, MANAGER), (domain_path(TEST_UUID), DOMAIN)):
        properties = client.properties(path, interface)
        assert len(properties) > 9
        for name in properties:
            for caller in (user, client):
                assert refused(caller, path, "org.freedesktop.DBus.Properties", "Set", "(ssv)",
                               (interface, name, GLib.Variant("s", "x"))) is not None, name


def test_an_allowed_user_changes_the_policy(client, user, polkit):
    polkit.allow(SET_POLICY)
    assert set_policy(user) == client.domain_properties(TEST_UUID)["Generation"]
    assert client.domain_properties(TEST_UUID)["Policy"] == "dedicated"


def test_another_action_allows_nothing(user, polkit):
    polkit.allow("org.virtpind1.other", "org.freedesktop.policykit.exec")
    with pytest.raises(BusError) as denied:
        set_policy(user)
    assert denied.value.name == DENIED
    for word in (f"user {NOBODY}", 'domain "test"', SET_POLICY, "sudo", "group libvirt", "log in again"):
        assert word in denied.value.text, denied.value.text


def test_a_polkit_that_hangs_is_a_no_and_stops_nobody_else(client, user, polkit):
    polkit.hang()
    before = client.domain_properties(TEST_UUID)
    replies = []
    user.connection.call("org.virtpind1", ROOT, MANAGER, "Reapply", GLib.Variant("(st)", ("test", 0)), None, 0,
                         60_000, None, lambda source, result: replies.append(finish(source, result)))
    polkit.wait_for_question()
    assert set_policy(client) > before["Generation"], "root is served meanwhile"
    wait_until(lambda: pump() or replies, "the call is refused")
    assert replies[0].startswith(DENIED) and "polkit did not answer" in replies[0], replies
    wait_until(polkit.cancelled, "polkit is told to stop")


def pump():
    GLib.MainContext.default().iteration(False)


def finish(source, result):
    try:
        source.call_finish(result)
    except GLib.Error as error:
        return error.message.removeprefix("GDBus.Error:")
    return ""


def test_a_caller_that_leaves_changes_nothing_whatever_polkit_says_then(client, user, polkit):
    polkit.hang()
    polkit.allow(SET_POLICY)
    before = client.domain_properties(TEST_UUID)
    user.connection.call("org.virtpind1", ROOT, MANAGER, "SetPolicy",
                         GLib.Variant("(ssa{sv}t)", ("test", "dedicated", {}, 0)), None, 0, 60_000, None, None)
    polkit.wait_for_question()
    user.close()
    wait_until(polkit.cancelled, "polkit is told to stop")
    polkit.answer_hanging()
    client.manager("Reapply", "(st)", "test", 0)
    assert client.domain_properties(TEST_UUID) == before


def test_questions_are_bounded_per_user(client, user, polkit):
    polkit.hang()
    polkit.allow(SET_POLICY)
    replies = []
    for _ in range(9):
        user.connection.call("org.virtpind1", ROOT, MANAGER, "Reapply", GLib.Variant("(st)", ("test", 0)), None, 0,
                             60_000, None, lambda source, result: replies.append(finish(source, result)))
    wait_until(lambda: pump() or replies, "one is too many")
    assert len(replies) == 1 and replies[0].startswith("org.freedesktop.DBus.Error.LimitsExceeded"), replies
    client.manager("Reapply", "(st)", "test", 0)
    polkit.answer_hanging()
    wait_until(lambda: pump() or len(replies) == 9, "the others are allowed")
    assert replies[1:] == [""] * 8
