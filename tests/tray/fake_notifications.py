# SPDX-License-Identifier: LGPL-2.1-or-later
"""A notification server that keeps what it is sent: python-dbusmock's."""
import json
import os
import subprocess
import sys

from waiting import wait_until

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
MOCK = "org.freedesktop.DBus.Mock"


class NotificationMock:
    def __init__(self, bus, capabilities=("body", "actions", "body-markup")):
        self.client = bus.connect()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dbusmock", "--session", "--template", "notification_daemon",
             "--parameters", json.dumps({"capabilities": " ".join(capabilities)})],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            env=dict(os.environ, DBUS_SESSION_BUS_ADDRESS=bus.address))
        wait_until(self._is_there, "the notification server is on the bus")

    def _is_there(self):
        return self.client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "(s)", NAME,
                                destination="org.freedesktop.DBus")

    def all(self):
        """What was sent: dicts with replaces, icon, title, body, actions (key to label)."""
        calls = self.client.call(PATH, MOCK, "GetMethodCalls", "(s)", "Notify", destination=NAME)
        return [dict(replaces=args[1], icon=args[2], title=args[3], body=args[4],
                     actions=dict(zip(args[5][::2], args[5][1::2]))) for _, args in calls]

    def wait_for(self, title):
        """The first with this in its title."""
        return wait_until(lambda: next((one for one in self.all() if title in one["title"]), None),
                          lambda: f"a notification {title!r} comes; there are {self.all()}")

    def choose(self, number, action):
        """As if a person clicked on the button of the notification with this id."""
        self.client.call(PATH, MOCK, "EmitSignal", "(sssav)", NAME, "ActionInvoked", "us",
                         [self._variant("u", number), self._variant("s", action)], destination=NAME)

    @staticmethod
    def _variant(signature, value):
        from gi.repository import GLib
        return GLib.Variant(signature, value)

    def stop(self):
        self.client.close()
        self.process.terminate()
        self.process.wait(10)
