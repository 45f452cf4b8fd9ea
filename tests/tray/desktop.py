# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop without a screen: a message bus, an X server in memory, a window manager, and a panel with nothing but its
tray. What runs in it ends with it."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

from private_bus import BusError, PrivateBus
from waiting import wait_until

PROGRAMS = ("Xvfb", "openbox", "xfce4-panel", "xdotool", "import", "convert", "xwininfo")
WATCHER = "org.kde.StatusNotifierWatcher"
PANEL_CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/><property name="size" type="uint" value="32"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property></property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
  </property></property>
</channel>
"""


def missing_programs():
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    return missing if missing or list_xfconfd() else ["xfconfd"]


def list_xfconfd():
    """xfce4-panel reads its settings from it; it is in no PATH."""
    return [*Path("/usr/lib").glob("*/xfce4/xfconf/xfconfd"), *Path("/usr/libexec").glob("**/xfconfd")]


class Desktop:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.bus = PrivateBus(self._folder("bus"))
        self.processes = []
        self.environment = {}
        self.panel = None
        self.client = None

    def _folder(self, name):
        folder = self.directory / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def start(self):
        self.bus.start()
        self.client = self.bus.connect()
        config = self._folder("config/xfce4/xfconf/xfce-perchannel-xml")
        (config / "xfce4-panel.xml").write_text(PANEL_CONFIG, encoding="utf-8")
        runtime = self._folder("run")
        runtime.chmod(0o700)
        reading, writing = os.pipe()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self._folder("home")), "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_HOME": str(self.directory / "config"), "XDG_CACHE_HOME": str(self._folder("cache")),
            "XDG_DATA_HOME": str(self._folder("data")), "XDG_RUNTIME_DIR": str(runtime),
            "DBUS_SESSION_BUS_ADDRESS": self.bus.address, "XDG_CURRENT_DESKTOP": "XFCE", "NO_AT_BRIDGE": "1"}
        self.run(["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-ac"],
                 "xvfb", pass_fds=(writing,))
        os.close(writing)
        with os.fdopen(reading) as told:
            self.environment["DISPLAY"] = f":{told.readline().strip()}"
        self.run(["openbox"], "openbox")
        self.run([str(list_xfconfd()[0])], "xfconfd")
        return self

    def run(self, command, name, environment=None, **options):
        """Starts a program of the desktop; its output is in a file of that name."""
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**self.environment, **(environment or {})}, **options)
        self.processes.append(process)
        return process

    def log_of(self, name):
        log = self.directory / f"{name}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def end(self, process, how=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(how)
        process.wait(10)
        self.processes.remove(process)

    def start_panel(self):
        """Returns when the panel takes icons."""
        self.panel = self.run(["xfce4-panel", "--disable-wm-check"], "panel")
        wait_until(self.has_tray, lambda: f"the panel has a tray; its log: {self.log_of('panel')[-2000:]}")

    def stop_panel(self):
        self.end(self.panel)
        self.panel = None
        wait_until(lambda: not self.has_tray(), "the tray goes with the panel")

    def has_owner(self, name):
        return self.client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "(s)", name,
                                destination="org.freedesktop.DBus")

    def has_tray(self):
        try:
            return self.client.call(
                "/StatusNotifierWatcher", "org.freedesktop.DBus.Properties", "Get", "(ss)", WATCHER,
                "IsStatusNotifierHostRegistered", destination=WATCHER)
        except BusError:  # there is none, or it is just going
            return False

    def tool(self, *command):
        """Runs a program to its end; returns what it prints."""
        done = subprocess.run([str(word) for word in command], env=self.environment, capture_output=True, text=True,
                              timeout=30, check=False)
        return done.stdout.strip()

    def find_window(self, title):
        """The id of a window that can be seen, by its whole title, or None."""
        found = self.tool("xdotool", "search", "--onlyvisible", "--name", f"^{title}$").split()
        return found[0] if found else None

    def wait_for_window(self, title):
        return wait_until(lambda: self.find_window(title), f"a window {title!r} opens")

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        if self.client:
            self.client.close()
            self.bus.stop()


def has_dunst():
    return shutil.which("dunst") is not None
