# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop of Wayland without a screen: sway, and waybar with a tray."""
import shutil
from pathlib import Path

from desktop import Desktop
from private_bus import PrivateBus
from waiting import wait_until

PROGRAMS = ("sway", "waybar", "grim", "convert")
BAR = """{"layer": "top", "position": "top", "height": 28, "modules-left": ["tray"],
 "tray": {"icon-size": 18, "spacing": 6}}
"""


def missing_programs():
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    plugins = [*Path("/usr/lib").glob("*/qt6/plugins/platforms/libqwayland*")]
    return missing if missing or plugins else ["qt6-wayland"]


class WaylandDesktop(Desktop):
    def start(self):
        self.bus = PrivateBus(self._folder("bus")).start()
        self.client = self.bus.connect()
        runtime = self._folder("run")
        runtime.chmod(0o700)
        self.environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(self._folder("home")), "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_HOME": str(self.directory / "config"), "XDG_CACHE_HOME": str(self._folder("cache")),
            "XDG_RUNTIME_DIR": str(runtime), "DBUS_SESSION_BUS_ADDRESS": self.bus.address,
            "WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1",
            "WLR_HEADLESS_OUTPUTS": "1", "LIBSEAT_BACKEND": "noop"}
        settings = self.directory / "sway.conf"
        settings.write_text("output HEADLESS-1 resolution 1024x600\n", encoding="utf-8")
        self.run(["sway", "-c", str(settings)], "sway")
        socket = runtime / "wayland-1"
        wait_until(socket.exists, lambda: f"sway is up; its log: {self.log_of('sway')[-2000:]}")
        self.environment["WAYLAND_DISPLAY"] = socket.name
        return self

    def start_panel(self):
        (self._folder("config/waybar") / "config").write_text(BAR, encoding="utf-8")
        self.panel = self.run(["waybar"], "waybar")
        wait_until(self.has_tray, lambda: f"the panel has a tray; its log: {self.log_of('waybar')[-2000:]}")
