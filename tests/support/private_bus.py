# SPDX-License-Identifier: LGPL-2.1-or-later
"""A dbus-daemon of the test's own, calls on it with the errors' names, and busctl as users type it."""
import json
import os
import pwd
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402  (only after require_version)

from waiting import wait_until  # noqa: E402

NAME = "org.virtpind1"
ROOT = "/org/virtpind1"
MANAGER = "org.virtpind1.Manager"
DOMAIN = "org.virtpind1.Domain"
NOBODY = 65534  # a user without any right
SET_POLICY = "org.virtpind1.set-policy"  # the action that polkit is asked about


def domain_path(domain_uuid):
    return f"{ROOT}/domain/_{domain_uuid.replace('-', '_')}"


class BusError(Exception):
    """A D-Bus error reply: its name ("org.virtpind1.Error.NoSuchDomain") and its text."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


class PrivateBus:
    CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
  <include>{policy}</include>
{limits}</busconfig>
"""
    # Ours, as on a system bus.
    POLICY = Path(__file__).resolve().parent.parent.parent / "dbus" / "org.virtpind1.conf"

    def __init__(self, directory, **limits):
        """`limits` of the bus that differ from those of a system bus: max_replies_per_connection=1000."""
        self.directory = Path(directory)
        self.limits = limits
        self.socket = self.directory / "bus"
        self.services = self.directory / "services"  # activation files
        self.address = f"unix:path={self.socket}"
        self.process = None

    def start(self):
        configuration = self._configure()
        self.process = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--nosyslog", f"--config-file={configuration}"], stdin=subprocess.DEVNULL)
        wait_until(self._listens, "the private bus listens")
        return self

    def _configure(self):
        configuration = self.directory / "bus.conf"
        self.services.mkdir(exist_ok=True)
        limits = "".join(f'  <limit name="{name}">{most}</limit>\n' for name, most in self.limits.items())
        configuration.write_text(self.CONFIGURATION.format(socket=self.socket, policy=self.POLICY, limits=limits,
                                                           services=self.services))
        return configuration

    def _listens(self):
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.socket)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def connect(self):
        return Client(self.address)

    def activate_by(self, command):
        """What the bus runs from now on when a call goes to virtpind and it is not there."""
        (self.services / f"{NAME}.service").write_text(f"[D-BUS Service]\nName={NAME}\nExec={command}\n")
        self.call_bus("ReloadConfig")

    def call_bus(self, method):
        client = self.connect()
        client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", method, destination="org.freedesktop.DBus")
        client.close()

    def open_to_all(self):
        """Brings the socket within reach of every user."""
        for directory in list(self.socket.parents)[:4]:
            directory.chmod(0o755)
        return self

    def connect_as(self, uid):
        """A connection of another user, with that user's groups: the socket carries who opened it."""
        entry = pwd.getpwuid(uid)
        groups = os.getgroups()
        os.setgroups(os.getgrouplist(entry.pw_name, entry.pw_gid))
        os.setegid(entry.pw_gid)
        os.seteuid(uid)
        try:
            return self.connect()
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)

    def busctl(self, *arguments):
        """What a user would type; returns the finished process."""
        return subprocess.run(["busctl", f"--address={self.address}", *map(str, arguments)],
                              capture_output=True, text=True, timeout=60, check=False)

    def busctl_json(self, *arguments):
        done = self.busctl("--json=short", *arguments)
        assert done.returncode == 0, f"busctl {' '.join(map(str, arguments))}: {done.stderr}"
        return json.loads(done.stdout)["data"]


class PrivateBroker(PrivateBus):
    """The same by dbus-broker. Its launcher wants a listening socket, a journal to write to, and systemd, for the names
    that are activated, on the bus that it makes; here there are none."""

    JOURNAL = Path("/run/systemd/journal/socket")

    @staticmethod
    def is_there():
        return shutil.which("dbus-broker-launch") and os.environ.get("VIRTPIND_PRIVATE_HOST")

    def start(self):
        configuration = self._configure()
        self.JOURNAL.parent.mkdir(parents=True, exist_ok=True)
        self.JOURNAL.unlink(missing_ok=True)  # of one that did not come up
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.journal.bind(str(self.JOURNAL))
        threading.Thread(target=self._read_journal, args=(self.journal,), daemon=True).start()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.socket))
            self.socket.chmod(0o666)
            listener.listen(128)
            self.process = subprocess.Popen(
                ["bash", "-c", 'exec 3<&0; LISTEN_FDS=1 LISTEN_PID=$$ exec dbus-broker-launch --scope user '
                 f'--config-file="{configuration}"'],
                stdin=listener.fileno(), env=dict(os.environ, DBUS_SESSION_BUS_ADDRESS=self.address))
        wait_until(self._listens, "the private bus listens")
        self.connect().close()
        return self

    @staticmethod
    def _read_journal(journal):
        while journal.recv(65536):
            pass
        journal.close()

    def stop(self):
        super().stop()
        self.JOURNAL.unlink()
        self.journal.shutdown(socket.SHUT_RDWR)


class Client:
    """One connection. Values go in as (signature, values...) and come back as plain Python."""

    def __init__(self, address):
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                 | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.connection.set_exit_on_close(False)

    def close(self):
        self.connection.close_sync(None)

    def call(self, path, interface, method, signature="()", *values, timeout_s=60, destination=NAME):
        """The reply's single value, a tuple of several, or None."""
        try:
            reply = self.connection.call_sync(
                destination, path, interface, method, GLib.Variant(signature, values), None,
                Gio.DBusCallFlags.NONE, timeout_s * 1000, None)
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error)
            if name is None:
                raise
            raise BusError(name, error.message.removeprefix(f"GDBus.Error:{name}: ")) from None
        values = reply.unpack()
        return values[0] if len(values) == 1 else values or None

    @staticmethod
    def options(values):
        """Policy options as a{sv}: str, unsigned int, bool, or a list of str."""
        signatures = {bool: "b", int: "u", str: "s", list: "as"}
        return {name: GLib.Variant(signatures[type(value)], value) for name, value in values.items()}

    def manager(self, method, signature="()", *values):
        return self.call(ROOT, MANAGER, method, signature, *values)

    def domain(self, domain_uuid, method, signature="()", *values):
        return self.call(domain_path(domain_uuid), DOMAIN, method, signature, *values)

    def properties(self, path, interface):
        return self.call(path, "org.freedesktop.DBus.Properties", "GetAll", "(s)", interface)

    def domain_properties(self, domain_uuid):
        return self.properties(domain_path(domain_uuid), DOMAIN)

    def wait_for_properties(self, domain_uuid, condition, what, deadline_s=30):
        """Waits until `condition(properties)` holds and returns them; a missing object is "not yet"."""
        last = {}

        def seen():
            try:
                last["is"] = self.domain_properties(domain_uuid)
            except BusError as error:
                last["is"] = error
                return None
            return last["is"] if condition(last["is"]) else None

        return wait_until(seen, lambda: f"{what}; last seen: {last['is']}", deadline_s)

    def record_signals(self, interface=None, member=None):
        """A list that grows while `pump` runs: (path, interface, member, values)."""
        seen = []
        self.connection.signal_subscribe(
            None, interface, member, None, None, Gio.DBusSignalFlags.NONE,
            lambda _c, _s, path, iface, name, values: seen.append((path, iface, name, values.unpack())))
        return seen

    @staticmethod
    def pump():
        """Delivers the signals that have arrived."""
        context = GLib.MainContext.default()
        while context.iteration(False):
            pass
