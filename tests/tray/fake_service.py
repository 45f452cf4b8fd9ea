#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service with the name of virtpind that does not mean well, or is old: fake_service.py SCENARIO, on the session bus
of its environment. What it is asked to change is printed, a line each; for each line that it reads, it says that
something changed."""
import json
import sys

import dbus
import dbus.lowlevel
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

ROOT = "/org/virtpind1"
MANAGER, DOMAIN = "org.virtpind1.Manager", "org.virtpind1.Domain"
PROPERTIES, OBJECTS = "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
NAMES = ["<b>bold</b><img src='file:///etc/passwd'>", "a & b &amp; c", "evil\u202egnp.exe\u2066", "line\nend\ttab\x07",
         "x" * 10_000, "שרת ראשי", "", "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "%1 %n %s", "--under_score"]
EVIL = "<a href='https://example.org/'>click</a>\n\u202e" + "y" * 5_000


def guest(number, name, **changes):
    element = f"11111111-2222-3333-4444-{number:012}"
    values = {"UUID": element, "Name": name, "RunState": "running", "Policy": "dedicated", "PolicySource": "bus",
              "PolicyOptions": dbus.Dictionary({"smt": "require"}, signature="sv"), "Generation": dbus.UInt64(3),
              "PinState": "pinned", "VcpuPins": dbus.Array([(dbus.UInt32(0), "1")], signature="(us)"),
              "EmulatorCPUs": "0", "Satisfied": True, "Placement": "own"}
    values.update(changes)
    return f"{ROOT}/domain/_{element.replace('-', '_')}", values


def layout(**changes):
    return json.dumps({"layout": {"packages": [{"cpus": "0-3"}], "nodes": [{"id": 0, "cpus": "0-3"}],
                                  "l3s": [{"cpus": "0-3", "size-bytes": 1 << 25}],
                                  "cores": [{"cpus": "0,2"}, {"cpus": "1,3"}], **changes}})


def hostile():
    """Texts of every kind, words that nobody knows, values of wrong types."""
    guests = [guest(number, name) for number, name in enumerate(NAMES)]
    guests.append(guest(100, "short", Satisfied=False, Shortfall=dbus.Struct(("code", EVIL))))
    guests.append(guest(101, "odd", RunState=EVIL, PinState=EVIL, Policy=EVIL, Placement=dbus.Int32(5),
                        VcpuPins="0-3", Satisfied="no", Holds=dbus.Array([dbus.Struct((":1.5", EVIL))]),
                        EmulatorCPUs="0-4294967295", Generation="x"))
    guests.append(guest(102, "bare"))
    guests[-1][1].clear()
    return {"manager": {"Version": EVIL, "State": "degraded", "Policies": dbus.Array(["none", EVIL, "dedicated"]),
                        "HousekeepingCPUs": "0-99999999", "PoolCPUs": EVIL, "IsolatedCPUs": "",
                        "Problems": "none", "TopologyGeneration": dbus.UInt64(1)},
            "guests": guests, "describe": layout(l3s=[{"cpus": "0-16383", "size-bytes": (1 << 64) - 1}] * 3)}


def old():
    """As first released."""
    path, values = guest(1, "win11")
    for name in ("Satisfied", "Placement"):
        del values[name]
    return {"manager": {"Version": "0.1.0", "State": "ready", "Policies": dbus.Array(["none", "dedicated"])},
            "guests": [(path, values)], "describe": "{}"}


SCENARIOS = {
    "hostile": hostile,
    "old": old,
    "unreadable": lambda: {"manager": "a text", "guests": [], "describe": "{"},
    "refusing": lambda: {"error": "org.freedesktop.DBus.Error.AccessDenied"},
    "silent": lambda: {"silent": True},
}


class Service(dbus.service.Object):
    def __init__(self, bus, scenario):
        super().__init__(bus, ROOT)
        self.scenario = scenario

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="", async_callbacks=("reply", "fail"),
                         message_keyword="message", connection_keyword="connection")
    def GetAll(self, interface, reply, fail, message, connection):
        if self.scenario.get("silent"):
            return
        if "error" in self.scenario:
            fail(dbus.DBusException(EVIL.replace("\n", " "), name=self.scenario["error"]))
            return
        answer = dbus.lowlevel.MethodReturnMessage(message)
        values = self.scenario["manager"]
        answer.append(signature="a{sv}" if isinstance(values, dict) else "s", *[values])
        connection.send_message(answer)

    @dbus.service.method(OBJECTS, out_signature="a{oa{sa{sv}}}")
    def GetManagedObjects(self):
        return {path: {DOMAIN: values} for path, values in self.scenario["guests"]}

    @dbus.service.method(MANAGER, out_signature="s")
    def Describe(self):
        return self.scenario["describe"]

    @dbus.service.method(MANAGER, in_signature="s", out_signature="a(sss)")
    def Why(self, domain):
        return [(EVIL, "code", EVIL)] * 1000

    @dbus.service.method(MANAGER, in_signature="s", out_signature="s")
    def Doctor(self, domain):
        return json.dumps({"guests": [EVIL], "findings": [{"id": EVIL, "severity": "error", "guest": EVIL,
                                                          "evidence": EVIL, "why": EVIL, "fix": EVIL}]})

    @dbus.service.method(MANAGER, in_signature="ssa{sv}t", out_signature="t")
    def SetPolicy(self, domain, policy, options, flags):
        print("SetPolicy", domain, policy, dict(options), int(flags), flush=True)
        raise dbus.DBusException(EVIL, name="org.virtpind1.Error.Unsatisfiable")

    @dbus.service.signal(PROPERTIES, signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, gone):
        pass


def main(scenario):
    loop = dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus(mainloop=loop)
    service = Service(bus, SCENARIOS[scenario]())
    name = dbus.service.BusName("org.virtpind1", bus)
    print("ready", flush=True)

    def on_line(source, condition):
        if not source.readline():
            return False
        service.PropertiesChanged(MANAGER, {"State": "ready"}, [])
        return True

    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_line)
    GLib.MainLoop().run()
    del name


main(sys.argv[1])
