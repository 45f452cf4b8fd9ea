#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""power-profiles-daemon on a private bus, as far as holds go: they end with their holder's connection, and when
somebody chooses a profile, of which the holder is told. Run as a program it is the service; `PowerProfilesMock` starts
and asks it.
"""
import os
import subprocess
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402  (only after require_version)

from waiting import wait_until  # noqa: E402

NAMES = ("org.freedesktop.UPower.PowerProfiles", "net.hadess.PowerProfiles")  # since 0.20, and before
CONTROL = "org.virtpind1.Test.PowerProfiles"
XML = """<node><interface name='{name}'>
<method name='HoldProfile'><arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='s' direction='in'/>
<arg type='u' direction='out'/></method>
<method name='ReleaseProfile'><arg type='u' direction='in'/></method>
<signal name='ProfileReleased'><arg type='u'/></signal></interface>
<interface name='{control}'><method name='Holds'><arg type='a(sss)' direction='out'/></method>
<method name='Choose'/><method name='Behave'><arg type='s' direction='in'/></method>
<method name='Asked'><arg type='u' direction='out'/></method></interface></node>"""


def path_of(name):
    return "/" + name.replace(".", "/")


class Service:
    def __init__(self, name):
        self.name = name
        self.holds = {}  # cookie: (holder's unique name, profile, reason, application)
        self.cookies = self.asked = 0
        self.behaviour = "kind"  # or refuse, ignore
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        for interface in Gio.DBusNodeInfo.new_for_xml(XML.format(name=name, control=CONTROL)).interfaces:
            self.bus.register_object(path_of(name), interface, self.called, None, None)
        self.bus.signal_subscribe("org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged", None, None,
                                  Gio.DBusSignalFlags.NONE, self.owner_changed)
        Gio.bus_own_name_on_connection(self.bus, name, Gio.BusNameOwnerFlags.NONE, None, None)

    def owner_changed(self, _bus, _sender, _path, _interface, _signal, values):
        name, _before, now = values.unpack()
        if not now:
            self.holds = {cookie: hold for cookie, hold in self.holds.items() if hold[0] != name}

    def called(self, _bus, sender, _path, _interface, method, values, invocation):
        answer = getattr(self, method)(sender, invocation, *values.unpack())
        if answer is not Ellipsis:
            invocation.return_value(answer)

    def HoldProfile(self, sender, invocation, profile, reason, application):  # noqa: N802 (as on the bus)
        self.asked += 1
        if self.behaviour == "refuse":
            invocation.return_dbus_error("org.freedesktop.DBus.Error.AccessDenied", "not while this test runs")
        if self.behaviour != "kind":
            return ...
        self.cookies += 1
        self.holds[self.cookies] = (sender, profile, reason, application)
        return GLib.Variant("(u)", (self.cookies,))

    def Holds(self, _sender, _invocation):  # noqa: N802
        return GLib.Variant("(a(sss))", ([hold[1:] for hold in self.holds.values()],))

    def Asked(self, _sender, _invocation):  # noqa: N802
        return GLib.Variant("(u)", (self.asked,))

    def Behave(self, _sender, _invocation, behaviour):  # noqa: N802
        self.behaviour = behaviour

    def Choose(self, _sender, _invocation):  # noqa: N802
        for cookie, hold in self.holds.items():
            self.bus.emit_signal(hold[0], path_of(self.name), self.name, "ProfileReleased",
                                 GLib.Variant("(u)", (cookie,)))
        self.holds = {}


class PowerProfilesMock:
    def __init__(self, bus, name=NAMES[0]):
        self.name = name
        self.client = bus.connect()
        self.environment = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=bus.address)
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-B", __file__, self.name], stdin=subprocess.DEVNULL,
                                        env=self.environment)
        wait_until(self._is_there, "the mocked power-profiles-daemon is on the bus")

    def _is_there(self):
        return self.client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "(s)", self.name,
                                destination="org.freedesktop.DBus")

    def _call(self, method, signature="()", *values):
        return self.client.call(path_of(self.name), CONTROL, method, signature, *values, destination=self.name)

    def holds(self):
        """(profile, reason, application) of each."""
        return self._call("Holds")

    def asked(self):
        return self._call("Asked")

    def behave(self, how):
        self._call("Behave", "(s)", how)

    def choose(self):
        """Somebody chooses a profile by hand."""
        self._call("Choose")

    def end(self):
        self.process.kill()
        self.process.wait(10)
        wait_until(lambda: not self._is_there(), "the mocked power-profiles-daemon has left the bus")

    def stop(self):
        self.client.close()
        self.process.kill()
        self.process.wait(10)


if __name__ == "__main__":
    KEPT = Service(sys.argv[1])
    GLib.MainLoop().run()
