# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applet as a client of Wayland: a panel on a compositor without a screen."""
import signal

import pytest

from driver_host import TEST_UUID
from pictures import colours, take
from wayland import WaylandDesktop, missing_programs
from waiting import wait_until

GREEN = "2eb067"


@pytest.fixture
def wayland(tmp_path):
    missing = missing_programs()
    if missing:
        pytest.skip(f"there is no {', '.join(missing)}: tests/install-deps has them on Debian 13")
    desktop = WaylandDesktop(tmp_path / "wayland").start()
    yield desktop
    desktop.stop()


@pytest.fixture
def applet(wayland, system_bus):
    from applet import Applet
    made = Applet(wayland, system_bus, environment={"QT_QPA_PLATFORM": "wayland"})
    yield made
    made.stop()


def test_before_its_panel_and_a_click(wayland, daemon, system, applet):
    applet.start()
    wait_until(lambda: wayland.has_owner("org.virtpind1.Applet"), "the applet is up")
    wayland.start_panel()
    applet.item.wait_for_tooltip("everything is as asked")
    assert applet.item.colours() == {GREEN}
    wait_until(lambda: colours(take(wayland, "wayland", "", tool=("grim",)))[GREEN] > 30, "the icon is on the panel")
    applet.item.click("test", "dedicated")
    wait_until(lambda: system.domain_properties(TEST_UUID)["Policy"] == "dedicated", "a click sets a policy")


def test_the_map(wayland, daemon, system, applet):
    system.manager("SetPolicy", "(ssa{sv}t)", TEST_UUID, "dedicated", {}, 0)
    wayland.start_panel()
    applet.start()
    applet.item.wait_for_tooltip("everything is as asked")
    applet.item.click_icon()
    wait_until(lambda: colours(take(wayland, "wayland-map", "", tool=("grim",)))["0072b2"] > 40 * 20,
               "the left button opens the map, where the guest has its colour")
    applet.desktop.end(applet.process, signal.SIGTERM)
