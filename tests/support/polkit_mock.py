# SPDX-License-Identifier: LGPL-2.1-or-later
"""polkit's authority on a private bus: python-dbusmock's, which a test makes allow, refuse or hang."""
import os
import subprocess
import sys

from waiting import wait_until

NAME = "org.freedesktop.PolicyKit1"
PATH = "/org/freedesktop/PolicyKit1/Authority"
INTERFACE = "org.freedesktop.PolicyKit1.Authority"
MOCK = "org.freedesktop.DBus.Mock"


class PolkitMock:
    def __init__(self, bus):
        self.client = bus.connect()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dbusmock", "--session", "--template", "polkitd"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env=dict(os.environ, DBUS_SESSION_BUS_ADDRESS=bus.address))
        wait_until(self._is_there, "the mocked polkit is on the bus")
        # The template has no CancelCheckAuthorization; a method added is also recorded.
        self.call("AddMethod", "(sssss)", INTERFACE, "CancelCheckAuthorization", "s", "", "")

    def _is_there(self):
        return self.client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "(s)", NAME,
                                destination="org.freedesktop.DBus")

    def call(self, method, signature="()", *values):
        return self.client.call(PATH, MOCK, method, signature, *values, destination=NAME)

    def allow(self, *actions):
        self.call("SetAllowed", "(as)", list(actions))

    def hang(self, hangs=True):
        self.call("SimulateHang", "(b)", hangs)

    def answer_hanging(self):
        self.call("ReleaseHangingCalls")

    def wait_for_question(self):
        wait_until(lambda: self.call("HaveHangingCalls"), "polkit was asked")

    def cancelled(self):
        return [values for _, values in self.call("GetMethodCalls", "(s)", "CancelCheckAuthorization")]

    def stop(self):
        self.client.close()
        self.process.terminate()
        self.process.wait(10)
