# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applet as a panel sees it: its StatusNotifierItem, and the menu over DBusMenu."""
import gi

gi.require_version("Gio", "2.0")
from gi.repository import GLib  # noqa: E402  (only after require_version)

from private_bus import BusError  # noqa: E402
from waiting import wait_until  # noqa: E402

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
MARKS = {("radio", 1): "(*) ", ("radio", 0): "( ) ", ("checkmark", 1): "[x] ", ("checkmark", 0): "[ ] "}


class TrayItem:
    """The icon of a program, by its id."""

    def __init__(self, desktop, name="virtpind-applet"):
        self.desktop = desktop
        self.client = desktop.client
        self.name = name

    def _get(self, owner, path, interface, name):
        return self.client.call(path, "org.freedesktop.DBus.Properties", "Get", "(ss)", interface, name,
                                destination=owner, timeout_s=10)

    def find(self):
        """(owner, path) of the item, or None."""
        try:
            items = self._get(WATCHER, "/StatusNotifierWatcher", WATCHER, "RegisteredStatusNotifierItems")
        except BusError:
            return None
        for item in items:
            owner, _, path = item.partition("/")
            try:
                if self._get(owner, "/" + path, ITEM, "Id") == self.name:
                    return owner, "/" + path
            except BusError:
                continue  # it has just gone
        return None

    def wait(self):
        """Returns when the icon is in the tray."""
        return wait_until(self.find, f"the icon of {self.name} is in the tray")

    def get(self, name):
        owner, path = self.wait()
        return self._get(owner, path, ITEM, name)

    @property
    def tooltip(self):
        return self.get("ToolTip")[2]

    def wait_for_tooltip(self, text, deadline_s=30):
        last = {}

        def has_text():
            try:
                last["is"] = self.tooltip
            except BusError as error:
                last["is"] = str(error)
            return text in last["is"]

        wait_until(has_text, lambda: f"the tooltip has {text!r}; it is {last['is']!r}", deadline_s)

    def colours(self):
        """The opaque colours of the icon, "rrggbb"."""
        width, height, pixels = max(self.get("IconPixmap"))
        assert width and height
        data = bytes(pixels)
        return {data[at + 1:at + 4].hex() for at in range(0, len(data), 4) if data[at] == 255}

    def _menu(self):
        owner, path = self.wait()
        return owner, self._get(owner, path, ITEM, "Menu")

    def layout(self):
        """The whole menu: (id, properties, children)."""
        owner, path = self._menu()
        self.client.call(path, MENU, "AboutToShow", "(i)", 0, destination=owner)
        return self.client.call(path, MENU, "GetLayout", "(iias)", 0, -1, [], destination=owner)[1]

    def lines(self, node=None, depth=0):
        """The menu as text, as it would be seen with all sub-menus open; what is hidden is not there."""
        number, properties, children = node or self.layout()
        found = []
        if number:
            if not properties.get("visible", True):
                return []
            mark = MARKS.get((properties.get("toggle-type"), properties.get("toggle-state", 0)), "")
            text = "---" if properties.get("type") == "separator" else mark + properties.get("label", "")
            found.append("  " * (depth - 1) + text + ("" if properties.get("enabled", True) else " (disabled)"))
        for child in children:
            found += self.lines(child, depth + 1)
        return found

    def entry(self, *labels):
        """The node below these labels, each a part of the entry's own."""
        node = self.layout()
        for label in labels:
            children = [child for child in node[2]
                        if label in child[1].get("label", "").replace("__", "_") and child[1].get("visible", True)]
            assert children, f"there is no entry {label!r} among {[child[1].get('label') for child in node[2]]}"
            node = children[0]
        return node

    def has_entry(self, *labels):
        try:
            return bool(self.entry(*labels))
        except AssertionError:
            return False

    def is_checked(self, *labels):
        return self.entry(*labels)[1].get("toggle-state") == 1

    def is_enabled(self, *labels):
        return self.entry(*labels)[1].get("enabled", True)

    def click(self, *labels):
        owner, path = self._menu()
        number = self.entry(*labels)[0]
        self.client.call(path, MENU, "Event", "(isvu)", number, "clicked", GLib.Variant("i", 0), 0, destination=owner)

    def click_icon(self):
        owner, path = self.wait()
        self.client.call(path, ITEM, "Activate", "(ii)", 0, 0, destination=owner)
