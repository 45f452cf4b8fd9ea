# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures of what people see: kept, and their colours compared with those that must be there."""
import pytest

from desktop import has_dunst
from driver_host import TEST_UUID, make_host
from pictures import colours, take
from waiting import wait_until

MAP = "Where the guests are"
# Of clients/tray/map_colours.cpp, by theme: the first guest's cells, CPUs kept for the host, the background.
EXPECTED = {"light": ("0072b2", "cfd3d9", "ffffff"), "dark": ("4ba3db", "555960", "1e1f22")}
PALETTE = {"light": ("0072b2", "e69f00", "009e73", "cc79a7"), "dark": ("4ba3db", "e6a41a", "23b58c", "d98bb6")}
# How KDE stores the colours of a dark theme, which Qt reads there.
DARK = "".join(f"[Colors:{part}]\nBackgroundNormal={back}\nForegroundNormal=230,230,230\n\n" for part, back in (
    ("Window", "42,46,50"), ("View", "27,30,32"), ("Button", "49,54,59"), ("Tooltip", "49,54,59")))
CELL = 42 * 22  # pixels of a cell that are surely its fill's, but for its text


def themed(desktop, theme, scale):
    environment = {"QT_SCALE_FACTOR": str(scale)}
    settings = desktop.directory / "config" / "kdeglobals"
    if theme == "dark":
        settings.write_text(DARK + "[Colors:Selection]\nBackgroundNormal=61,174,233\nForegroundNormal=252,252,252\n")
        environment.update(XDG_CURRENT_DESKTOP="KDE", KDE_SESSION_VERSION="5", KDE_FULL_SESSION="true")
    else:
        settings.unlink(missing_ok=True)
    return environment


@pytest.mark.parametrize("theme, scale", [("light", 1), ("light", 1.5), ("light", 2), ("dark", 1), ("dark", 2)])
def test_the_map(desktop, daemon, system, make_applet, theme, scale):
    """A guest of two vCPUs has two cells of its colour, at each scale, in both themes."""
    system.manager("SetPolicy", "(ssa{sv}t)", TEST_UUID, "dedicated", system.options({"smt": "require"}), 0)
    applet = make_applet("--map", environment=themed(desktop, theme, scale)).start()
    applet.item.wait_for_tooltip("everything is as asked")
    window = desktop.wait_for_window(MAP)
    applet.item.click("test", "Why is it here…")  # selects it: its reasons are in the picture, too
    guest, host, background = EXPECTED[theme]
    seen = {}

    def is_drawn():
        seen.update(there=colours(take(desktop, f"map-{theme}-{scale}", window)))
        return (seen["there"][guest] > vcpus * 0.5 * CELL * scale ** 2 and seen["there"][host] > CELL * scale ** 2
                and seen["there"][background] > 10_000)

    vcpus = len(system.domain_properties(TEST_UUID)["VcpuPins"])
    wait_until(is_drawn, lambda: f"{vcpus} cells of {guest}, and {host}: {seen['there'].most_common(12)}")
    # No more of the guest's colour than its cells and its badge in the list have.
    assert seen["there"][guest] < (vcpus * 46 * 26 + 2 * 28 * 18) * scale ** 2


def test_the_map_of_many(desktop, make_daemon, system, make_applet, tmp_path):
    """Each guest has a colour of its own."""
    make_daemon(uri=make_host(tmp_path / "host.xml", 5)).start()
    wait_until(lambda: len(system.manager("List")) == 5, "the service knows its guests")
    for number in range(4):
        system.manager("SetPolicy", "(ssa{sv}t)", f"d{number}", "dedicated", system.options({"smt": "require"}), 0)
    for theme in EXPECTED:
        applet = make_applet("--map", environment=themed(desktop, theme, 1)).start()
        applet.item.wait_for_tooltip("everything is as asked")
        window = desktop.wait_for_window(MAP)
        applet.item.click("d1", "Why is it here…")
        seen = {}

        def is_drawn(shown=window, name=theme, seen=seen):
            seen.update(there=colours(take(desktop, f"map-many-{name}", shown)))
            return all(seen["there"][colour] > CELL for colour in PALETTE[name])

        wait_until(is_drawn, lambda seen=seen: f"each colour is there: {seen['there'].most_common(12)}")
        applet.stop()


def test_the_menu(applet, system):
    """As the panel draws it: the icon, the entries, and the sub-menu of a guest."""
    system.manager("SetPolicy", "(ssa{sv}t)", TEST_UUID, "dedicated", system.options({"cpus": "0", "smt": "require"}),
                   0)
    applet.item.wait_for_tooltip("not as asked")
    desktop = applet.desktop
    icon = wait_until(lambda: colours(take(desktop, "panel"))["f2a900"], "the icon is amber")
    assert icon > 50
    before = colours(take(desktop, "panel"))
    desktop.tool("xdotool", "mousemove", 16, 16, "click", 3)
    opened = {}

    def is_there():
        opened["is"] = colours(take(desktop, "menu"))
        return opened["is"] != before

    wait_until(is_there, "the menu opens")
    closed = opened["is"]
    desktop.tool("xdotool", "mousemove", 60, 100, "click", 1)  # the guest, below the host, the state and a line
    wait_until(lambda: is_there() and opened["is"]["000000"] < closed["000000"] * 0.95, "its sub-menu opens")
    desktop.tool("xdotool", "key", "Escape", "key", "Escape")


@pytest.mark.skipif(not has_dunst(), reason="dunst is not installed: tests/install-deps")
def test_the_notifications(desktop, daemon, system, make_applet):
    """By a real server of notifications: a guest that is not as asked, and a desktop without a tray."""
    server = desktop.run(["dunst"], "dunst")
    try:
        wait_until(lambda: desktop.has_owner("org.freedesktop.Notifications"), "dunst is up")
        applet = make_applet().start()
        applet.item.wait_for_tooltip("everything is as asked")
        system.manager("SetPolicy", "(ssa{sv}t)", TEST_UUID, "dedicated",
                       system.options({"cpus": "0", "smt": "require"}), 0)
        window = wait_until(lambda: desktop.tool("xdotool", "search", "--onlyvisible", "--class", "dunst").split(),
                            "the notification is shown")
        wait_until(lambda: len(colours(take(desktop, "notification", window[0]))) > 10, "it has text")
    finally:
        desktop.end(server)


@pytest.mark.skipif(not has_dunst(), reason="dunst is not installed: tests/install-deps")
def test_no_tray(bare_desktop, daemon, make_applet):
    server = bare_desktop.run(["dunst"], "dunst")
    try:
        wait_until(lambda: bare_desktop.has_owner("org.freedesktop.Notifications"), "dunst is up")
        make_applet("--wait-for-tray", "0", "--map").start()
        bare_desktop.wait_for_window(MAP)
        wait_until(lambda: bare_desktop.tool("xdotool", "search", "--onlyvisible", "--class", "dunst"),
                   "the notification is shown")
        wait_until(lambda: colours(take(bare_desktop, "no-tray"))["cfd3d9"] > CELL, "the map is drawn")
    finally:
        bare_desktop.end(server)
