# SPDX-License-Identifier: LGPL-2.1-or-later
"""A click that needs a password: polkit asks for it, and the applet waits for the answer."""
import pytest

from driver_host import TEST_UUID
from polkit_mock import PolkitMock
from private_bus import NOBODY, SET_POLICY
from waiting import wait_until

ALLOW_INTERACTION = 1  # polkit's flag: ask the person


@pytest.fixture
def polkit(system_bus):
    mock = PolkitMock(system_bus.open_to_all())
    yield mock
    mock.stop()


@pytest.fixture
def applet(desktop, polkit, daemon, make_applet):
    started = make_applet().start_as(NOBODY)
    started.item.wait_for_tooltip("everything is as asked")
    return started


def policy_of(system):
    return system.domain_properties(TEST_UUID)["Policy"]


def questions(polkit):
    """(action, flags) of each time that polkit was asked."""
    asked = polkit.call("GetMethodCalls", "(s)", "CheckAuthorization")
    return [(values[1], values[3]) for _, values in asked]


def test_the_click_is_done_when_the_password_is_right(applet, polkit, system):
    polkit.allow(SET_POLICY)  # once it is asked to answer
    polkit.hang()
    applet.item.click("test", "dedicated")
    polkit.wait_for_question()
    assert questions(polkit) == [(SET_POLICY, ALLOW_INTERACTION)]
    assert policy_of(system) == "none", "nothing is changed before the answer"
    assert not applet.item.is_enabled("test", "shared"), "one click at a time"
    assert applet.item.is_enabled("Show map…"), "the applet goes on"
    polkit.answer_hanging()
    wait_until(lambda: policy_of(system) == "dedicated", "the policy is set")
    wait_until(lambda: applet.item.is_checked("test", "dedicated"), "the menu shows it")


def test_a_dialogue_that_is_closed_changes_nothing(applet, polkit, system, notifications):
    applet.item.click("test", "dedicated")
    told = notifications.wait_for("test: this did not work")
    assert "You may not change this" in told["body"] and SET_POLICY in told["body"], told
    assert policy_of(system) == "none"
    wait_until(lambda: applet.item.is_checked("test", "none") and applet.item.is_enabled("test", "shared"),
               "the menu shows what is, and the next click can come")
