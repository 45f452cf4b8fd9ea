# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bus says of how a domain stands, and the one-line Set, as tools without a map of options call it."""
import json
import subprocess

import pytest
from gi.repository import GLib

from driver_host import TEST_URI, TEST_UUID, TOPOLOGY, make_host
from private_bus import DOMAIN, MANAGER, NAME, ROOT, BusError, domain_path
from waiting import wait_until

PATH = domain_path(TEST_UUID)


@pytest.fixture(name="ready")
def ready_fixture(make_daemon, client):
    make_daemon(TEST_URI, topology=TOPOLOGY)
    client.wait_for_properties(TEST_UUID, lambda is_: True, "the domain is known")
    return client


def test_list_agrees_with_the_properties(ready):
    for text, placement, policy in (("dedicated", "own", "dedicated"), ("shared", "pool", "shared")):
        ready.manager("Set", "(ss)", "test", text)
        seen = ready.domain_properties(TEST_UUID)
        assert (seen["Placement"], seen["Policy"]) == (placement, policy), seen
        assert seen["Satisfied"] and seen["Shortfall"] == ("", ""), seen
        row = (PATH, TEST_UUID, "test", "running", policy, "pinned", True, placement)
        assert ready.manager("List") == [row]


def test_guest_without_room_is_pinned_and_not_satisfied(ready):
    ready.manager("Set", "(ss)", "test", "dedicated cpus=1")  # it has two vCPUs
    seen = ready.domain_properties(TEST_UUID)
    code, sentence = seen["Shortfall"]
    assert not seen["Satisfied"] and code and sentence.endswith("."), seen
    assert seen["PinState"] == "pinned" and seen["LastError"] == ("", ""), seen
    assert ready.manager("List")[0][6] is False
    problems = ready.properties(ROOT, MANAGER)["Problems"]
    assert [(what, path) for what, _, path in problems] == [("Unsatisfiable", PATH)], problems


def test_holds_are_shown(ready):
    cookie = ready.manager("Hold", "(ss)", "test", "a backup")
    owner = ready.connection.get_unique_name()
    assert ready.domain_properties(TEST_UUID)["Holds"] == [(owner, "a backup")]
    assert ready.properties(ROOT, MANAGER)["Holds"] == [(PATH, owner, "a backup")]
    ready.manager("Release", "(t)", cookie)
    wait_until(lambda: not ready.properties(ROOT, MANAGER)["Holds"], "the hold has ended")
    assert ready.domain_properties(TEST_UUID)["Holds"] == []


def test_set_is_one_line_of_busctl_and_dbus_send(ready, bus):
    done = bus.busctl("call", NAME, ROOT, MANAGER, "Set", "ss", "test", "dedicated smt=require priority=2")
    assert done.returncode == 0 and done.stdout.startswith("t "), done
    options = ready.domain_properties(TEST_UUID)["PolicyOptions"]
    assert options == {"smt": "require", "priority": 2}, options

    done = subprocess.run(["dbus-send", f"--bus={bus.address}", "--print-reply", f"--dest={NAME}", PATH,
                           f"{DOMAIN}.Set", "string:priority="], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0 and "uint64" in done.stdout, done
    assert ready.domain_properties(TEST_UUID)["PolicyOptions"] == {"smt": "require"}

    wrong = bus.busctl("call", NAME, ROOT, MANAGER, "Set", "ss", "test", "dedicatd")
    assert wrong.returncode != 0 and "did you mean 'dedicated'?" in wrong.stderr, wrong
    assert ready.domain_properties(TEST_UUID)["PolicyOptions"] == {"smt": "require"}


@pytest.mark.parametrize(("text", "parts"), [
    ("", ("no policy and no option is named", "smt")),
    ("smtt=require", ("unknown option 'smtt'", "did you mean 'smt'", "fallback")),
    ("smt=requir", ("did you mean 'require'", "isolate")),
    ("dedicated smt", ("'smt' has no value", "write smt=VALUE")),
    ("dedicated shared", ("two policies",)),
    ("vcpus=-1", ("a number from 0 to 16384",)),
    ("smt=prefer", ("options have no effect", "dedicated smt=require")),
])
def test_bad_text_is_named_with_what_is_valid(ready, text, parts):
    with pytest.raises(BusError) as refused:
        ready.manager("Set", "(ss)", "test", text)
    assert refused.value.name == "org.virtpind1.Error.InvalidPolicy", refused.value
    for part in parts:
        assert part in refused.value.text, refused.value.text
    assert ready.domain_properties(TEST_UUID)["Policy"] == "none"


def test_merge_changes_only_what_is_given(ready):
    ready.manager("SetPolicy", "(ssa{sv}t)", "test", "dedicated",
                  {"smt": GLib.Variant("s", "require"), "priority": GLib.Variant("x", 2)}, 0)
    ready.manager("SetPolicy", "(ssa{sv}t)", "test", "", {"priority": GLib.Variant("s", "7")}, 0x4)
    seen = ready.domain_properties(TEST_UUID)
    assert seen["Policy"] == "dedicated" and seen["PolicyOptions"] == {"smt": "require", "priority": 7}, seen
    ready.domain(TEST_UUID, "SetPolicy", "(sa{sv}t)", "", {"priority": GLib.Variant("s", "")}, 0x4)
    assert ready.domain_properties(TEST_UUID)["PolicyOptions"] == {"smt": "require"}


def test_why_tells_what_is_missing_first(ready, bus):
    ready.manager("Set", "(ss)", "test", "dedicated")
    assert {level for level, _code, _text in ready.manager("Why", "(s)", "test")} <= {"note", "good"}
    ready.manager("Set", "(ss)", "test", "cpus=1")
    reasons = ready.manager("Why", "(s)", "test")
    levels = [level for level, _code, _text in reasons]
    assert levels == sorted(levels, key=["short", "note", "good"].index) and levels[0] == "short", reasons
    assert ready.domain_properties(TEST_UUID)["Shortfall"] in [reason[1:] for reason in reasons]
    explained = json.loads(ready.domain(TEST_UUID, "Explain"))
    assert sorted((reason["level"], reason["code"]) for reason in explained["plan"]["reasons"]) \
        == sorted((level, code) for level, code, _text in reasons)
    done = bus.busctl("call", NAME, ROOT, MANAGER, "Why", "s", "tset")
    assert done.returncode != 0 and 'no domain' in done.stderr, done


def test_describe_has_the_layout(ready):
    layout = json.loads(ready.manager("Describe"))["layout"]
    assert [l3["cpus"] for l3 in layout["l3s"]] == ["0-3,8-11", "4-7,12-15"], layout
    assert len(layout["cores"]) == 8 and layout["cores"][0]["cpus"] == "0,8", layout
    assert layout["nodes"][0]["cpus"] == layout["packages"][0]["cpus"] == "0-15", layout
    assert layout["offline"] == layout["isolated"] == "", layout


def test_who_loses_its_place_is_told(make_daemon, client, tmp_path):
    make_daemon(make_host(tmp_path / "host.xml", 8), topology=TOPOLOGY)  # 14 CPUs beside housekeeping, 2 each
    wait_until(lambda: len(client.manager("List")) == 8, "the domains are known")
    applied = client.record_signals(DOMAIN, "Applied")
    for number in range(7):
        client.manager("Set", "(ss)", f"d{number}", "dedicated")
    assert all(row[6] for row in client.manager("List"))
    client.manager("Set", "(ss)", "d7", "dedicated priority=5")
    rows = {row[2]: row for row in client.manager("List")}
    lost = [name for name, row in rows.items() if not row[6]]
    assert len(lost) == 1 and rows[lost[0]][5] == "pinned" and rows[lost[0]][7] == "housekeeping", rows
    assert client.properties(rows["d7"][0], DOMAIN)["Displaced"] == lost
    assert client.properties(rows[lost[0]][0], DOMAIN)["DisplacedBy"] == ["d7"]
    wait_until(lambda: (client.pump(), any(path == rows["d7"][0] and values[2].get("displaced") == lost
                                           for path, _i, _n, values in applied))[1], "Applied tells of it")
