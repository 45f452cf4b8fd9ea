# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applet in a real tray, with a real service on libvirt's test driver: what a person sees and does."""
import os
import re
import signal
import subprocess

from applet import BINARY
from driver_host import TEST_UUID, make_host
from pictures import colours, take
from private_bus import BusError
from waiting import wait_until

GREEN, AMBER, BLUE, GREY = "2eb067", "f2a900", "4d9de0", "909090"  # of clients/tray/icons.cpp
MAP = "Where the guests are"
QUESTION = "Take everything back\\?"
# Of the process of the panel that has the tray: size and place.
PANELS_WINDOW = re.compile(r'\("wrapper-2.0" "Wrapper-2.0"\)\s+(\d+)x(\d+)\S+\s+\+(\d+)\+(\d+)')


def policy_of(system):
    return system.domain_properties(TEST_UUID)["Policy"]


def set_policy(system, policy, **options):
    system.manager("SetPolicy", "(ssa{sv}t)", TEST_UUID, policy, system.options(options), 0)


def menu_window(desktop):
    """(x, y, width, height) of the menu that the panel shows, or None."""
    for sizes in PANELS_WINDOW.findall(desktop.tool("xwininfo", "-root", "-tree")):
        width, height, x, y = map(int, sizes)
        if height > 100:
            return x, y, width, height
    return None


def test_icon_tooltip_and_menu(applet):
    assert applet.item.get("Status") == "Active"
    assert not applet.item.get("ItemIsMenu"), "the left button opens the map"
    assert applet.item.colours() == {GREEN}
    assert applet.item.tooltip == "virtpind: everything is as asked"
    assert applet.item.lines() == [
        "8 cores, 2 L3s · host 0,8 · pool 1-7,9-15 (disabled)",
        "virtpind: everything is as asked (disabled)",
        "---",
        "○ test   left alone",
        "  (*) none   virtpind leaves it alone",
        "  ( ) shared   floats on the pool",
        "  ( ) dedicated   CPUs of its own",
        "  ( ) passthrough   whole cores, and the guest knows them",
        "  ( ) auto   virtpind chooses",
        "  ---",
        "  [ ] From its next start only",
        "  [ ] Keep the host off its CPUs",
        "  [ ] Pause pinning while this applet runs",
        "  ---",
        "  Why is it here…",
        "  Pin again",
        "  Take everything back…",
        "---",
        "Show map…",
        "Check the guests…",
        "[ ] Pause pinning of all running guests",
        "[x] Tell me when a guest is not as asked",
        "---",
        "Quit",
    ]
    assert applet.log_text() == ""


def test_a_click_changes_the_policy_and_another_takes_it_back(applet, system):
    applet.item.click("test", "dedicated")
    wait_until(lambda: policy_of(system) == "dedicated", "the service has the policy")
    wait_until(lambda: applet.item.is_checked("test", "dedicated"), "the menu shows it")
    wait_until(lambda: applet.item.has_entry("test", "Undo: no policy of its own"), "it can be undone")
    assert "● test" in applet.item.entry("test")[1]["label"]
    applet.item.click("test", "Undo: no policy of its own")
    wait_until(lambda: policy_of(system) == "none", "it is undone")
    wait_until(lambda: not applet.item.has_entry("test", "Undo"), "there is nothing more to undo")


def test_undo_is_gone_when_somebody_else_changes_the_guest(applet, system):
    applet.item.click("test", "dedicated")
    wait_until(lambda: applet.item.has_entry("test", "Undo"), "it can be undone")
    set_policy(system, "shared")
    wait_until(lambda: not applet.item.has_entry("test", "Undo"), "it cannot be undone any more")
    assert policy_of(system) == "shared"


def test_undo_restores_the_options_that_were_set(applet, system):
    set_policy(system, "dedicated", smt="require")
    wait_until(lambda: applet.item.is_checked("test", "dedicated"), "the menu shows it")
    applet.item.click("test", "none")
    wait_until(lambda: applet.item.has_entry("test", "Undo: back to dedicated"), "it can be undone")
    applet.item.click("test", "Undo: back to dedicated")
    wait_until(lambda: system.domain_properties(TEST_UUID)["PolicyOptions"] == {"smt": "require"}, "it is as before")
    assert policy_of(system) == "dedicated"


def test_from_its_next_start_only(applet, system):
    applet.item.click("test", "From its next start only")
    applet.item.click("test", "dedicated")
    wait_until(lambda: policy_of(system) == "dedicated", "the policy is stored")
    wait_until(lambda: "waits for its next start" in applet.item.entry("test")[1]["label"], "the menu says so")


def test_the_host_is_kept_off(applet, system):
    applet.item.click("test", "dedicated")
    wait_until(lambda: policy_of(system) == "dedicated", "the policy is set")
    wait_until(lambda: applet.item.is_enabled("test", "Keep the host off"), "the next click can come")
    applet.item.click("test", "Keep the host off")
    wait_until(lambda: system.domain_properties(TEST_UUID)["PolicyOptions"] == {"isolate": True}, "the option is set")
    wait_until(lambda: applet.item.is_checked("test", "Keep the host off"), "the menu shows it")
    wait_until(lambda: applet.item.is_enabled("test", "Keep the host off"), "the next click can come")
    applet.item.click("test", "Keep the host off")
    wait_until(lambda: system.domain_properties(TEST_UUID)["PolicyOptions"] == {"isolate": False}, "it is off")
    wait_until(lambda: not applet.item.is_checked("test", "Keep the host off"), "the menu shows it")


def test_the_host_is_kept_off_by_configuration_until_somebody_says_no(desktop, make_daemon, make_applet, system):
    make_daemon(config='{"domains": {"test": {"policy": "dedicated", "isolate": "auto"}}}').start()
    system.wait_for_properties(TEST_UUID, lambda seen: True, "the service knows its guest")
    applet = make_applet().start()
    applet.item.wait_for_tooltip("virtpind")
    wait_until(lambda: applet.item.is_checked("test", "Keep the host off"), "the menu shows what is configured")
    applet.item.click("test", "Keep the host off")
    wait_until(lambda: not applet.item.is_checked("test", "Keep the host off"), "it is off")
    assert system.domain_properties(TEST_UUID)["PolicyOptions"]["isolate"] is False


def test_take_everything_back_asks_first(applet, system):
    set_policy(system, "dedicated")
    applet.item.click("test", "Take everything back…")
    window = applet.desktop.wait_for_window(QUESTION)
    applet.desktop.tool("xdotool", "windowactivate", "--sync", window, "key", "--window", window, "Escape")
    wait_until(lambda: not applet.desktop.find_window(QUESTION), "it is answered")
    assert policy_of(system) == "dedicated", "no is the default"
    applet.item.click("test", "Take everything back…")
    window = applet.desktop.wait_for_window(QUESTION)
    applet.desktop.tool("xdotool", "windowactivate", "--sync", window, "key", "Tab", "space")
    wait_until(lambda: policy_of(system) == "none", "it is taken back")


def test_a_pause_ends_with_the_applet(applet, system, system_bus):
    applet.item.click("test", "Pause pinning")
    wait_until(lambda: applet.item.is_checked("test", "Pause pinning"), "the menu shows it")
    holds = system.domain_properties(TEST_UUID)["Holds"]
    assert [reason for _, reason in holds] == ["paused in virtpind-applet"]
    applet.item.wait_for_tooltip("pinning of 1 guest is paused")
    assert applet.item.colours() == {BLUE}
    applet.kill()
    system.wait_for_properties(TEST_UUID, lambda seen: seen["Holds"] == [], "the hold ends with the applet")


def test_all_are_paused_and_go_on(applet, system):
    applet.item.click("Pause pinning of all")
    wait_until(lambda: applet.item.is_checked("Pause pinning of all"), "the menu shows it")
    assert applet.item.is_checked("test", "Pause pinning")
    applet.item.click("Pause pinning of all")
    system.wait_for_properties(TEST_UUID, lambda seen: seen["Holds"] == [], "it goes on")
    wait_until(lambda: not applet.item.is_checked("Pause pinning of all"), "the menu shows it")


def test_what_somebody_else_changes_is_seen(applet, system):
    set_policy(system, "dedicated")
    wait_until(lambda: applet.item.is_checked("test", "dedicated"), "the menu shows it")


def test_a_guest_that_is_not_as_asked_is_told_once(applet, system, notifications):
    set_policy(system, "dedicated", cpus="1,9", smt="require")
    wait_until(lambda: applet.item.is_checked("test", "dedicated"), "the menu shows it")
    assert notifications.all() == []
    set_policy(system, "dedicated", cpus="0", smt="require")
    told = notifications.wait_for("test")
    assert told["icon"] == "virtpind-applet" and told["actions"] == {"why": "Why"}
    assert told["title"] in {"test floats", "test is not as asked"} and told["body"]
    applet.item.wait_for_tooltip("1 guest is not as asked")
    assert applet.item.colours() == {AMBER}
    notifications.choose(1, "why")
    applet.desktop.wait_for_window(MAP)
    set_policy(system, "dedicated", cpus="1,9", smt="require")
    again = notifications.wait_for("as asked again")
    assert again["replaces"] == 1
    assert len(notifications.all()) == 2


def test_undo_of_a_notification(applet, system, notifications):
    set_policy(system, "shared", cpus="1")
    before = system.domain_properties(TEST_UUID)
    applet.item.click("test", "dedicated")
    told = wait_until(lambda: next((one for one in notifications.all() if "undo" in one["actions"]), None),
                      lambda: f"what does not fit can be undone; told: {notifications.all()}")
    assert told["actions"] == {"why": "Why", "undo": "Undo"}
    notifications.choose(max(1, told["replaces"]), "undo")
    wait_until(lambda: policy_of(system) == "shared", "it is undone")
    assert system.domain_properties(TEST_UUID)["PolicyOptions"] == before["PolicyOptions"]


def test_nothing_is_told_where_nobody_wants_it(applet, system, notifications):
    applet.item.click("Tell me when")
    wait_until(lambda: not applet.item.is_checked("Tell me when"), "it is off")
    set_policy(system, "dedicated", cpus="0", smt="require")
    applet.item.wait_for_tooltip("1 guest is not as asked")
    assert notifications.all() == []


def test_a_click_that_fails_says_why(applet, system, make_daemon, notifications):
    set_policy(system, "dedicated", cpus="1,9", smt="require")
    wait_until(lambda: applet.item.is_checked("test", "dedicated"), "the menu shows it")
    applet.item.click("test", "shared")
    told = notifications.wait_for("test: this did not work")
    assert "smt" in told["body"]
    wait_until(lambda: applet.item.is_checked("test", "dedicated"), "the menu shows what is, not what was clicked")


def test_doctor_in_words(applet):
    applet.item.click("Check the guests…")
    applet.desktop.wait_for_window("Check of the guests")


def test_the_mouse(applet):
    """The left button opens the map; the right one the menu, whose last entry ends the applet."""
    desktop = applet.desktop
    wait_until(lambda: colours(take(desktop, "mouse"))[GREEN] > 20, "the panel has drawn the icon")
    desktop.tool("xdotool", "mousemove", 16, 16)
    desktop.tool("xdotool", "click", 1)
    window = desktop.wait_for_window(MAP)

    def press_escape():
        desktop.tool("xdotool", "windowactivate", window, "key", "Escape")
        return not desktop.find_window(MAP)

    wait_until(press_escape, "Escape closes the map")
    desktop.tool("xdotool", "click", 3)
    x, y, width, height = wait_until(lambda: menu_window(desktop),
                                     lambda: f"a menu opens: {desktop.tool('xwininfo', '-root', '-tree')}")
    desktop.tool("xdotool", "mousemove", x + width // 2, y + height - 20, "click", 1)
    wait_until(lambda: not applet.is_running(), "Quit is the last entry")
    assert applet.process.returncode == 0


def test_the_applet_before_its_panel(bare_desktop, daemon, make_applet):
    applet = make_applet().start()
    wait_until(lambda: bare_desktop.has_owner("org.virtpind1.Applet"), "the applet is up")
    bare_desktop.start_panel()
    applet.item.wait_for_tooltip("everything is as asked")


def test_the_panel_restarts(applet):
    applet.desktop.stop_panel()
    applet.desktop.start_panel()
    applet.item.wait_for_tooltip("everything is as asked")
    assert applet.item.has_entry("test", "dedicated")


def test_the_service_restarts(applet, daemon, system):
    applet.item.click("test", "Pause pinning")
    wait_until(lambda: applet.item.is_checked("test", "Pause pinning"), "it is paused")
    daemon.stop()
    applet.item.wait_for_tooltip("virtpind is not running")
    assert applet.item.colours() == {GREY}
    assert not applet.item.has_entry("test") and not applet.item.has_entry("Pause")
    daemon.start()
    applet.item.wait_for_tooltip("everything is as asked")
    assert not applet.item.is_checked("test", "Pause pinning"), "holds end with the service"
    applet.item.click("test", "dedicated")
    wait_until(lambda: policy_of(system) == "dedicated", "it can be used again")


def test_the_service_is_not_started(desktop, system, make_applet):
    applet = make_applet().start()
    applet.item.wait_for_tooltip("virtpind is not running")
    assert applet.item.lines()[0] == "virtpind is not running; it is started by: systemctl start virtpind (disabled)"


def test_the_bus_goes_and_comes_back(applet, daemon, system_bus):
    daemon.stop()
    system_bus.stop()
    applet.item.wait_for_tooltip("the message bus is gone")
    system_bus.start()
    daemon.start()
    applet.item.wait_for_tooltip("everything is as asked")


def test_access_is_denied(desktop, system_bus, daemon, make_applet):
    system_bus.open_to_all()
    # Nobody but its owner may talk to this service; the applet is told so.
    policy = ("<busconfig><policy context='mandatory'><deny send_destination='org.virtpind1' "
              "send_interface='org.freedesktop.DBus.Properties'/></policy></busconfig>")
    extra = system_bus.directory / "bus.conf"
    extra.write_text(extra.read_text().replace("</busconfig>", policy.removeprefix("<busconfig>")))
    system_bus.process.send_signal(signal.SIGHUP)
    applet = make_applet().start()
    applet.item.wait_for_tooltip("access is denied")


def test_two_hundred_guests(desktop, make_daemon, make_applet, tmp_path):
    make_daemon(uri=make_host(tmp_path / "host.xml", 200)).start()
    applet = make_applet().start()
    applet.item.wait_for_tooltip("everything is as asked")
    wait_until(lambda: applet.item.has_entry("More (188 guests)"), "the menu has them")
    lines = applet.item.lines()
    assert sum(line.startswith(("○ d", "● d", "▲ d")) for line in lines) == 12
    more = applet.item.entry("More")[2]
    assert len(more) == 10 and all(len(part[2]) <= 20 for part in more)


def test_a_second_one_shows_the_map_of_the_first(applet):
    second = applet.start_another()
    assert second.wait(20) == 0
    applet.desktop.wait_for_window(MAP)
    assert applet.is_running()


def test_a_desktop_without_a_tray_is_told_once(bare_desktop, daemon, notifications, make_applet):
    applet = make_applet("--wait-for-tray", "0").start()
    told = notifications.wait_for("virtpind has no place for its icon")
    assert "gnome-shell-extension-appindicator" in told["body"] and told["actions"] == {"default": "Show map"}
    applet.stop()
    again = make_applet("--wait-for-tray", "0").start()
    wait_until(lambda: "no tray" in again.log_text(), "it is seen again")
    assert len(notifications.all()) == 1, "and not told again"


def test_arguments_that_do_not_exist(desktop, make_applet):
    applet = make_applet()
    assert applet.start_another("--maap").wait(20) == 2
    assert "maap" in applet.log_text() and "--help" in applet.log_text()


def test_german(desktop, daemon, make_applet):
    applet = make_applet(environment={"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}).start()
    applet.item.wait_for_tooltip("virtpind: alles ist wie gewünscht")
    assert applet.item.has_entry("test", "dedicated   eigene CPUs")
    assert applet.item.has_entry("Beenden")
    applet.item.click("Anheften aller laufenden")
    applet.item.wait_for_tooltip("das Anheften von 1 Gast ist angehalten")


def test_without_a_display_it_says_what_is_missing():
    names = ("DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "QT_QPA_PLATFORM")
    without = {name: value for name, value in os.environ.items() if name not in names}
    for environment in (without, {**without, "DISPLAY": ":7777"}):
        done = subprocess.run([BINARY], capture_output=True, text=True, env=environment, timeout=60, check=False)
        assert done.returncode == 1 and done.stderr.startswith("virtpind-applet: there is no display"), done
