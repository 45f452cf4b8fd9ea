# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applet under test, on a desktop, with the system bus of the test's service."""
import os
import shutil
import signal
import tempfile
from pathlib import Path

from sni import TrayItem

BINARY = os.environ.get("VIRTPIND_APPLET_BINARY", "build/clients/tray/virtpind-applet")


class Applet:
    def __init__(self, desktop, system_bus, *arguments, environment=None):
        self.desktop = desktop
        self.arguments = arguments
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": system_bus.address, "QT_QPA_PLATFORM": "xcb",
                            **(environment or {})}
        self.process = None
        self.item = TrayItem(desktop)
        self.log = f"applet{len(desktop.processes)}-{id(self)}"

    def start(self):
        self.process = self.desktop.run([BINARY, *self.arguments], self.log, self.environment)
        return self

    def start_as(self, user):
        """As another user, who has a home of its own; the build may be out of its reach."""
        self.desktop.bus.open_to_all()
        home = Path(tempfile.mkdtemp(dir=self.desktop.directory))
        binary = home / "virtpind-applet"
        shutil.copy(BINARY, binary)
        for path in (home, binary):
            os.chown(path, user, user)
        self.environment.update({name: str(home) for name in (
            "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")})
        self.process = self.desktop.run(
            ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", binary, *self.arguments], self.log,
            self.environment)
        return self

    def start_another(self, *arguments):
        return self.desktop.run([BINARY, *arguments], self.log, self.environment)

    def log_text(self):
        return self.desktop.log_of(self.log)

    def is_running(self):
        return self.process.poll() is None

    def memory_kib(self):
        """Of its own: what it alone keeps from being used by others."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="utf-8") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))

    def kill(self):
        self.desktop.end(self.process, signal.SIGKILL)

    def stop(self):
        if self.process and self.process in self.desktop.processes:
            self.desktop.end(self.process)
            assert self.process.returncode in (0, -signal.SIGTERM), self.log_text()
