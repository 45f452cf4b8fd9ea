# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that does not mean well, or is old: the applet shows what it says as text, and lives."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from waiting import wait_until

FAKE = Path(__file__).with_name("fake_service.py")
NOT_TEXT = {chr(code) for code in (0x202E, 0x2066, 0x0A, 0x09, 0x07)}


@pytest.fixture
def make_service(system_bus):
    made = []

    def make(scenario):
        made.append(subprocess.Popen([sys.executable, "-B", str(FAKE), scenario], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True,
                                     env=dict(os.environ, DBUS_SESSION_BUS_ADDRESS=system_bus.address)))
        assert made[-1].stdout.readline() == "ready\n"
        return made[-1]

    yield make
    for process in made:
        process.kill()
        process.communicate()


def test_hostile_texts_are_text(desktop, make_service, make_applet, notifications):
    service = make_service("hostile")
    applet = make_applet().start()
    applet.item.wait_for_tooltip("not as asked")
    lines = applet.item.lines()
    everything = "\n".join(lines)
    assert not NOT_TEXT & set(everything.replace("\n", ""))
    assert max(len(line) for line in lines) < 300
    assert any("-under__score " in line for line in lines), "a panel takes one underscore for a mnemonic"
    assert any("<b>bold</b><img src=" in line for line in lines), everything
    assert any("a ＆ b ＆amp; c" in line for line in lines), everything
    assert "<" not in applet.item.tooltip
    # A click that fails: the service's words are in the notification, escaped, as its server takes markup.
    applet.item.click("short", "dedicated")
    told = notifications.wait_for("did not work")
    assert "&lt;a href=" in told["body"] and "<a" not in told["body"] and len(told["body"]) < 3000
    # The map, the reasons and the doctor.
    applet.item.click("short", "Why is it here…")
    desktop.wait_for_window("Where the guests are")
    applet.item.click("Check the guests…")
    desktop.wait_for_window("Check of the guests")
    for _ in range(50):
        service.stdin.write("again\n")
    service.stdin.flush()
    assert applet.item.has_entry("Quit") and applet.is_running()


def test_an_old_service(desktop, make_service, make_applet):
    make_service("old")
    applet = make_applet().start()
    applet.item.wait_for_tooltip("everything is as asked")
    assert applet.item.has_entry("● win11   1 vCPU on 1", "dedicated")
    assert not applet.item.has_entry("win11", "Keep the host off")


@pytest.mark.parametrize("scenario, tooltip", [
    ("unreadable", "answers what this applet does not understand"), ("refusing", "access is denied")])
def test_answers_that_are_none(desktop, make_service, make_applet, scenario, tooltip):
    make_service(scenario)
    applet = make_applet().start()
    applet.item.wait_for_tooltip(tooltip)
    assert not applet.item.has_entry("Pause")
    assert max(len(line) for line in applet.item.lines()) < 400


def test_a_service_that_does_not_answer(desktop, make_service, make_applet):
    make_service("silent")
    applet = make_applet().start()
    applet.item.wait_for_tooltip("looking for the service")
    assert applet.item.has_entry("Show map…")


def test_one_after_the_other(desktop, make_service, make_applet):
    applet = make_applet().start()
    applet.item.wait_for_tooltip("is not running")
    for scenario, tooltip in (("hostile", "not as asked"), ("refusing", "denied"), ("old", "everything is as asked")):
        service = make_service(scenario)
        applet.item.wait_for_tooltip(tooltip)
        service.kill()
        wait_until(lambda: "is not running" in applet.item.tooltip, "it is gone")
