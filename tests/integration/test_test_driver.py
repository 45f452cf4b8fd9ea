# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon on libvirt's built-in test host: the D-Bus contract, bad input, signals, life cycle."""
import json
import signal

import pytest
from gi.repository import GLib

from private_bus import DOMAIN, MANAGER, ROOT, BusError, domain_path
from waiting import wait_until

URI = "test:///default"
# Two L3s of four cores with two threads; siblings n and n+8.
TOPOLOGY = "synthetic:pack:1 [numa] l3:2 core:4 pu:2(indexes=2*8:8*1)"
TEST_UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(URI, topology=TOPOLOGY)


@pytest.fixture
def ready(daemon, client):
    """Connected to its libvirt, and the one domain is known."""
    client.wait_for_properties(TEST_UUID, lambda is_: True, "the domain is known")
    return client


def set_policy(client, policy, flags=0, domain="test", **options):
    values = {key.replace("_", "-"): GLib.Variant(*value) for key, value in options.items()}
    return client.manager("SetPolicy", "(ssa{sv}t)", domain, policy, values, flags)


def test_main_job(ready):
    before = ready.domain_properties(TEST_UUID)
    assert before["PinState"] == "idle" and before["Policy"] == "none"
    assert dict(before["VcpuPins"]) == {0: "0-15", 1: "0-15"}

    generation = set_policy(ready, "dedicated", smt=("s", "require"))
    after = ready.domain_properties(TEST_UUID)
    assert after["Generation"] == generation
    assert after["PinState"] == "pinned"
    first, second = (int(cpu) for cpu in dict(after["VcpuPins"]).values())
    assert abs(first - second) == 8, "siblings of one core"
    assert after["EmulatorCPUs"] == ready.properties(ROOT, MANAGER)["HousekeepingCPUs"] == "0,8"
    assert after["LastError"] == ("", "") and after["LastAppliedUSec"] > 0

    ready.manager("ResetPolicy", "(st)", "test", 0)
    reset = ready.domain_properties(TEST_UUID)
    assert dict(reset["VcpuPins"]) == {0: "0-15", 1: "0-15"}
    assert reset["PinState"] == "idle"


@pytest.mark.parametrize("options, says", [
    ({"smtt": ("s", "require")}, ["smtt", "smt"]),
    ({"cpus": ("s", "0-99")}, ["policy.cpus", "no such CPU: 16-99", "the host has 0-15"]),
    ({"smt": ("s", "always")}, ["smt", "always", "auto", "prefer", "require", "isolate", "spread"]),
    ({"smt": ("b", True)}, ['"smt"', '"s"', '"b"']),
    ({"cpus": ("s", "3-1")}, ["cpus", "3-1"]),
    ({"priority": ("s", "high")}, ["priority"]),
    ({"emulator": ("s", "x")}, ["emulator", "auto", "own", "vcpus"]),
    ({"tune": ("as", ["fast"])}, ["tune", "fast", "cache-passthrough"]),
])
def test_bad_option_is_refused_precisely_and_changes_nothing(ready, options, says):
    before = ready.domain_properties(TEST_UUID)
    with pytest.raises(BusError) as refused:
        set_policy(ready, "dedicated", **options)
    assert refused.value.name in ("org.virtpind1.Error.InvalidPolicy", "org.freedesktop.DBus.Error.InvalidArgs")
    for word in says:
        assert word in refused.value.text, refused.value.text
    assert "domains[" not in refused.value.text, "that is the language of scenario files"
    assert ready.domain_properties(TEST_UUID) == before


@pytest.mark.parametrize("method, signature, values, name, says", [
    ("GetDomain", "(s)", ("nosuch",), "org.virtpind1.Error.NoSuchDomain", "nosuch"),
    ("GetDomain", "(s)", ("",), "org.virtpind1.Error.NoSuchDomain", "List shows"),
    ("SetPolicy", "(ssa{sv}t)", ("test", "dedicatd", {}, 0), "org.virtpind1.Error.InvalidPolicy", "dedicated"),
    ("SetPolicy", "(ssa{sv}t)", ("test", "", {}, 0), "org.virtpind1.Error.InvalidPolicy", "none"),
    ("SetPolicy", "(ssa{sv}t)", ("test", "shared", {}, 64), "org.freedesktop.DBus.Error.InvalidArgs", "0x40"),
    ("ResetPolicy", "(st)", ("nosuch", 0), "org.virtpind1.Error.NoSuchDomain", "nosuch"),
    ("Reapply", "(st)", ("nosuch", 0), "org.virtpind1.Error.NoSuchDomain", "nosuch"),
    ("Plan", "(ssa{sv})", ("test", "nosuch", {}), "org.virtpind1.Error.InvalidPolicy", "nosuch"),
    ("Hold", "(ss)", ("test", ""), "org.freedesktop.DBus.Error.InvalidArgs", "reason"),
    ("Release", "(t)", (77,), "org.freedesktop.DBus.Error.InvalidArgs", "77"),
])
def test_bad_call_is_refused_precisely(ready, method, signature, values, name, says):
    with pytest.raises(BusError) as refused:
        ready.manager(method, signature, *values)
    assert refused.value.name == name
    assert says in refused.value.text, refused.value.text


def test_plan_is_a_dry_run(ready):
    before = ready.domain_properties(TEST_UUID)
    plan = json.loads(ready.manager("Plan", "(ssa{sv})", "test", "dedicated", {}))
    (domain,) = [d for d in plan["domains"] if d["uuid"] == TEST_UUID]
    assert domain["placement"] == "dedicated" and domain["optimal"] is True
    assert set(domain["vcpupin"]) == {"0", "1"}
    assert domain["reasons"]
    assert ready.domain_properties(TEST_UUID) == before


def test_plan_is_of_the_policy_that_is_named_not_of_what_is_stored(ready):
    set_policy(ready, "dedicated", smt=("s", "isolate"))
    plan = json.loads(ready.manager("Plan", "(ssa{sv})", "test", "dedicated", {}))
    (domain,) = [d for d in plan["domains"] if d["uuid"] == TEST_UUID]
    assert "siblings-idle" not in [reason["code"] for reason in domain["reasons"]], "as SetPolicy would do"
    set_policy(ready, "dedicated")
    assert dict(ready.domain_properties(TEST_UUID)["VcpuPins"]) == {int(k): v for k, v in domain["vcpupin"].items()}


def test_list_describe_and_objects_agree(ready):
    (listed,) = ready.manager("ListDomains")
    uuid, name, policy, state, path = listed
    assert (uuid, name, policy, state) == (TEST_UUID, "test", "none", "idle")
    assert path == domain_path(TEST_UUID) == ready.manager("GetDomain", "(s)", "test")
    described = json.loads(ready.manager("Describe"))
    assert described["domains"][0]["uuid"] == TEST_UUID
    objects = ready.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    assert DOMAIN in objects[path]


def test_changes_are_signalled_once_with_what_changed(ready):
    signals = ready.record_signals()
    set_policy(ready, "dedicated")

    def changes():
        ready.pump()
        return [values[1] for path, _, member, values in signals
                if member == "PropertiesChanged" and path == domain_path(TEST_UUID)]

    seen = wait_until(changes, "a change is signalled")
    assert len(seen) == 1
    assert seen[0]["PinState"] == "pinned" and seen[0]["Policy"] == "dedicated"
    assert "UUID" not in seen[0] and "Name" not in seen[0]
    assert [values[1] for _, _, member, values in signals if member == "Applied"] == ["pinned"]


def test_hold_ends_with_its_caller(ready, bus):
    set_policy(ready, "dedicated")
    holder = bus.connect()
    cookie = holder.manager("Hold", "(ss)", "test", "a benchmark")
    ready.wait_for_properties(TEST_UUID, lambda is_: is_["PinState"] == "held", "held")
    with pytest.raises(BusError):
        ready.manager("Release", "(t)", cookie)
    holder.close()
    ready.wait_for_properties(TEST_UUID, lambda is_: is_["PinState"] == "pinned", "released with its caller")


def test_generation_guards_against_lost_updates(ready):
    generation = ready.domain_properties(TEST_UUID)["Generation"]
    set_policy(ready, "dedicated", expect_generation=("t", generation))
    with pytest.raises(BusError) as refused:
        set_policy(ready, "shared", expect_generation=("t", generation))
    assert refused.value.name == "org.virtpind1.Error.Conflict"
    assert ready.domain_properties(TEST_UUID)["Policy"] == "dedicated"


def test_configuration_names_policies_and_domains(make_daemon, client):
    make_daemon(URI, topology=TOPOLOGY, config="""{
        // a comment
        "housekeeping": "7,15",
        "policies": {"gaming": {"base": "dedicated", "smt": "require"}},
        "domains": {"test": {"policy": "gaming", "cpus": "4-7,12-15"}}
    }""")
    seen = client.wait_for_properties(TEST_UUID, lambda is_: is_["PinState"] == "pinned", "pinned by configuration")
    assert seen["Policy"] == "gaming" and seen["PolicySource"] == "config"
    assert dict(seen["VcpuPins"]) == {0: "4", 1: "12"}
    assert seen["EmulatorCPUs"] == "7,15"
    assert "gaming" in client.properties(ROOT, MANAGER)["Policies"]


def test_ends_cleanly_on_sigterm_and_leaves_pins_as_they_are(daemon, ready):
    set_policy(ready, "dedicated")
    assert daemon.stop(signal.SIGTERM) == 0
    daemon.wait_for_notification("STOPPING=1")


def test_bus_that_goes_away_ends_the_daemon_with_an_error(daemon, ready, bus):
    bus.stop()
    assert daemon.process.wait(20) != 0
    assert daemon.process.returncode > 0, "an exit status, not a signal"
    bus.start()
