# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service on its bus. One connection lives as long as the measurement: policies end with it (WHILE_CONNECTED)."""
import json

from .errors import DENIED, FAILED, NO_SUCH_GUEST, UNREACHABLE, USAGE, Refused

NAME, ROOT = "org.virtpind1", "/org/virtpind1"
MANAGER, DOMAIN = "org.virtpind1.Manager", "org.virtpind1.Domain"
RUNTIME_ONLY, WHILE_CONNECTED = 0x1, 0x8
TIMEOUT_MS = 120_000

try:
    from gi.repository import Gio, GLib
except ImportError:
    Gio = GLib = None


class ServiceError(Exception):
    """An answer of the service that is an error."""

    def __init__(self, name, text):
        super().__init__(text)
        self.name = name.rpartition(".")[2]


# The next step, and the exit status, of errors that every measurement can meet.
ADVICE = {
    "ServiceUnknown": ("is virtpind installed and running? systemctl status virtpind", UNREACHABLE),
    "LibvirtUnavailable": ("is libvirt running? systemctl status libvirtd", UNREACHABLE),
    "AccessDenied": ("run this as root, or as a member of the group libvirt", DENIED),
    "NoSuchDomain": ("on a terminal: virtpinctl list", NO_SUCH_GUEST),
    "AmbiguousDomain": ("give its UUID instead of its name", USAGE),
    "InvalidArgs": ("is the virtpind that runs older than virtpind-bench? install both of one version, and restart it",
                    FAILED),
    "InvalidPolicy": ("on a terminal: virtpinctl policies", USAGE),
}


def refusal(error, doing):
    """The sentence and status for an error of the service."""
    advice, status = ADVICE.get(error.name, ("", FAILED))
    return Refused(f"{doing}: {error}" + (f"; {advice}" if advice else ""), status)


class Service:
    def __init__(self, bus):
        """`bus`: "system" or "session"."""
        if Gio is None:
            raise Refused("python3-gi is not installed, by which the bus is reached; apt-get install python3-gi",
                          UNREACHABLE)
        kind = Gio.BusType.SYSTEM if bus == "system" else Gio.BusType.SESSION
        flags = Gio.DBusConnectionFlags
        try:
            # A connection of its own: a shared one would outlive close().
            self.connection = Gio.DBusConnection.new_for_address_sync(
                Gio.dbus_address_get_for_bus_sync(kind, None),
                flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)
        except GLib.Error as error:
            raise Refused(f"the {bus} bus cannot be reached: {error.message}; is dbus running?", UNREACHABLE) from None

    def close(self):
        """Ends every policy that was set by this connection."""
        if not self.connection.is_closed():
            self.connection.close_sync(None)

    def call(self, path, interface, method, signature="()", *values):
        """The reply's single value, or a tuple."""
        try:
            reply = self.connection.call_sync(NAME, path, interface, method, GLib.Variant(signature, values), None,
                                              Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, TIMEOUT_MS, None)
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error) or "local.Failed"
            raise ServiceError(name, error.message.removeprefix(f"GDBus.Error:{name}: ")) from None
        unpacked = reply.unpack()
        return unpacked[0] if len(unpacked) == 1 else unpacked

    def properties(self, path, interface):
        return self.call(path, "org.freedesktop.DBus.Properties", "GetAll", "(s)", interface)

    def manager(self):
        """The manager's properties; refused where there is no service, or it has no libvirt."""
        try:
            seen = self.properties(ROOT, MANAGER)
        except ServiceError as error:
            raise refusal(error, "virtpind does not answer") from None
        if seen["State"] in ("starting", "disconnected", "stopping"):
            raise Refused(f"virtpind is {seen['State']} and not at work; try again, or see virtpinctl status",
                          UNREACHABLE)
        return seen

    def find(self, name):
        """The path of a guest's object."""
        return self.call(ROOT, MANAGER, "GetDomain", "(s)", name)

    def guest(self, path):
        """Its properties; ServiceError NoSuchDomain where it is gone."""
        try:
            return self.properties(path, DOMAIN)
        except ServiceError as error:
            gone = error.name in ("UnknownObject", "UnknownMethod", "UnknownInterface")
            raise ServiceError("NoSuchDomain" if gone else error.name, str(error)) from None

    def lend(self, path, policy, options):
        """Sets a policy that ends with this connection. `options`: name to (type, value)."""
        values = {name: GLib.Variant(kind, value) for name, (kind, value) in options.items()}
        return self.call(path, DOMAIN, "SetPolicy", "(sa{sv}t)", policy, values, RUNTIME_ONLY | WHILE_CONNECTED)

    def plan(self, name, policy, options):
        """What the policy would do, without any effect: the plan of that guest."""
        values = {option: GLib.Variant(kind, value) for option, (kind, value) in options.items()}
        every = json.loads(self.call(ROOT, MANAGER, "Plan", "(ssa{sv})", name, policy, values))
        return next((domain for domain in every["domains"] if name in (domain["name"], domain["uuid"])), {})

    def why(self, name):
        """Sentences on what the guest asked for and does not get."""
        return [text for level, _, text in self.call(ROOT, MANAGER, "Why", "(s)", name) if level == "short"]

    def sync(self):
        """Returns when every pass that was asked for before has ended."""
        self.call(ROOT, MANAGER, "Reapply", "(st)", "", 0)
