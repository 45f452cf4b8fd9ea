# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applet in a tray of the old kind, which takes X11 windows: trayer's."""
import re
import shutil

import pytest

from pictures import colours, take
from waiting import wait_until

GREEN = "2eb067"  # of clients/tray/icons.cpp
MAP = "Where the guests are"
# A window within another one: size, and place on the screen.
WINDOW = re.compile(r'"virtpind-applet" .*?(\d+)x(\d+)\+\S+\s+\+(\d+)\+(\d+)')


@pytest.fixture
def start_tray(bare_desktop):
    if not shutil.which("trayer"):
        pytest.skip("there is no trayer: tests/install-deps")
    panels = []

    def start():
        panels.append(bare_desktop.run(["trayer", "--edge", "top", "--align", "left", "--width", "10", "--height", "32",
                                        "--transparent", "false", "--tint", "0xffffff"], "trayer"))

    yield start
    for panel in panels:
        if panel in bare_desktop.processes:
            bare_desktop.end(panel)


@pytest.fixture
def tray(bare_desktop, start_tray):
    start_tray()
    return bare_desktop


def window_of(desktop, least, most):
    """(x, y, width, height) of a window of the applet's whose height is within these, or None."""
    for sizes in WINDOW.findall(desktop.tool("xwininfo", "-root", "-tree")):
        width, height, x, y = map(int, sizes)
        if least <= height <= most and width > 1:
            return x, y, width, height
    return None


def wait_for_icon(desktop):
    x, y, width, height = wait_until(lambda: window_of(desktop, 16, 32),
                                     lambda: f"the tray has an icon: {desktop.tool('xwininfo', '-root', '-tree')}")
    wait_until(lambda: colours(take(desktop, "legacy-tray"))[GREEN] > 20, "the icon is green")
    return x + width // 2, y + height // 2


def test_icon_map_and_menu(tray, daemon, make_applet):
    applet = make_applet("--wait-for-tray", "0").start()
    at = wait_for_icon(tray)
    tray.tool("xdotool", "mousemove", *at, "click", 1)
    window = tray.wait_for_window(MAP)

    def press_escape():
        tray.tool("xdotool", "windowactivate", window, "key", "Escape")
        return not tray.find_window(MAP)

    wait_until(press_escape, "Escape closes the map")
    tray.tool("xdotool", "mousemove", *at, "click", 3)
    x, y, width, height = wait_until(lambda: window_of(tray, 100, 900), "a menu opens")
    take(tray, "legacy-menu")
    tray.tool("xdotool", "mousemove", x + width // 2, y + height - 15, "click", 1)
    wait_until(lambda: not applet.is_running(), "Quit is the last entry")
    assert applet.process.returncode == 0


def test_a_tray_that_comes_later_is_seen(bare_desktop, start_tray, daemon, make_applet):
    applet = make_applet("--wait-for-tray", "0").start()
    wait_until(lambda: "no tray" in applet.log_text(), "it says that there is none")
    start_tray()
    wait_for_icon(bare_desktop)
    assert applet.is_running()
