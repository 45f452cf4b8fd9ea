# SPDX-License-Identifier: LGPL-2.1-or-later
"""profile=performance: power-profiles-daemon holds the profile while a guest with it runs on CPUs of its own."""
import json

import pytest

from driver_host import TEST_URI, TEST_UUID, TOPOLOGY
from power_profiles_mock import NAMES, PowerProfilesMock
from waiting import wait_until

HELD = [("performance", "a virtual machine with CPUs of its own runs", "org.virtpind1")]
WITH_PROFILE = "dedicated profile=performance"


@pytest.fixture(name="power", params=NAMES)
def power_fixture(bus, request):
    mock = PowerProfilesMock(bus, request.param)
    yield mock
    mock.stop()


@pytest.fixture(name="daemon")
def daemon_fixture(make_daemon, client):
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY)
    client.wait_for_properties(TEST_UUID, lambda is_: True, "the domain is known")
    return daemon


def set_and_wait(client, policy):
    """Until a pass has gone by it."""
    client.manager("Set", "(ss)", "test", policy)
    client.manager("Reapply", "(st)", "test", 0)


def explained(client):
    reasons = json.loads(client.domain(TEST_UUID, "Explain"))["plan"]["reasons"]
    return {reason["code"]: reason["text"] for reason in reasons}


def wait_for_reason(client, code, words=""):
    def said():
        reasons = explained(client)
        return words in reasons.get(code, "\n") and reasons

    return wait_until(said, lambda: f"Explain says {code}: {explained(client)}")


def wait_for_holds(power, holds):
    wait_until(lambda: power.holds() == holds, lambda: f"{holds} are held: {power.holds()}")


def test_is_held_while_a_guest_wants_it(power, daemon, client):
    client.manager("Set", "(ss)", "test", "dedicated")
    assert power.asked() == 0
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_for_holds(power, HELD)
    wait_for_reason(client, "profile-held")
    assert client.domain_properties(TEST_UUID)["Satisfied"]
    client.manager("Reapply", "(st)", "test", 0)
    assert (power.holds(), power.asked()) == (HELD, 1), "it is asked once"
    client.manager("Set", "(ss)", "test", "dedicated profile=keep")
    wait_for_holds(power, [])
    assert "profile-held" not in explained(client)


def test_ends_with_a_reset_and_with_the_daemon(power, daemon, client):
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_for_holds(power, HELD)
    client.manager("ResetPolicy", "(st)", "test", 0)
    wait_for_holds(power, [])
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_for_holds(power, HELD)
    daemon.kill()
    wait_for_holds(power, [])


def test_comes_back_with_the_service(power, daemon, client):
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_for_holds(power, HELD)
    power.end()
    wait_for_reason(client, "profile-not-held", "power-profiles-daemon has ended")
    assert not client.domain_properties(TEST_UUID)["Satisfied"]
    power.start()
    wait_for_holds(power, HELD)
    wait_for_reason(client, "profile-held")


def test_somebody_elses_choice_stands(power, daemon, client):
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_for_holds(power, HELD)
    power.choose()
    wait_for_reason(client, "profile-not-held", "somebody chose another profile")
    client.manager("Reapply", "(st)", "test", 0)
    assert (power.holds(), power.asked()) == ([], 1)
    set_and_wait(client, "dedicated profile=keep")
    client.manager("Set", "(ss)", "test", WITH_PROFILE)  # asked for anew
    wait_for_holds(power, HELD)


def test_a_refusal_is_told(power, daemon, client):
    power.behave("refuse")
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_for_reason(client, "profile-not-held", "not while this test runs")
    properties = client.domain_properties(TEST_UUID)
    assert properties["PinState"] == "pinned" and properties["Shortfall"][0] == "profile-not-held", properties
    client.manager("Reapply", "(st)", "test", 0)
    assert power.asked() == 1, "it is not asked in each pass"


def test_a_service_that_does_not_answer_keeps_nobody_waiting(power, daemon, client):
    power.behave("ignore")
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_until(lambda: power.asked() == 1, "it was asked")
    properties = client.domain_properties(TEST_UUID)
    assert properties["PinState"] == "pinned" and properties["Satisfied"], properties
    set_and_wait(client, "dedicated profile=keep")
    power.behave("kind")
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_for_holds(power, HELD)


def test_without_a_service_it_is_said(daemon, client):
    client.manager("Set", "(ss)", "test", WITH_PROFILE)
    wait_for_reason(client, "profile-not-held", "power-profiles-daemon does not hold it")
