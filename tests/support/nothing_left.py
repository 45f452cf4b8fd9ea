# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a test leaves on the private host: it is taken away, so that the next one starts as the first did, and told."""
import os
import signal
from pathlib import Path

from waiting import wait_until

# Where libvirtd and the daemon keep what belongs to domains; of the private host alone, where it is one.
FOLDERS = ("/etc/libvirt/qemu", "/run/libvirt/qemu", "/var/lib/libvirt/qemu", "/run/virtpind", "/var/lib/virtpind")
LIBVIRTDS_OWN = {"autostarted", "driver.pid"}
PYTHONS_OWN = "multiprocessing.resource_tracker"
# Each driver's domains that are always there.
DRIVERS = {"qemu:///system": set(), "test+unix:///default": {"test"}}


def parent_of(pid):
    return int((Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def processes():
    """{pid: what it runs} of all others in this process namespace that have not ended."""
    found, above = {}, {1, os.getpid()}
    parent = os.getppid()
    while parent > 1:
        above.add(parent)
        parent = parent_of(parent)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in above:
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if command and PYTHONS_OWN not in command:  # without one it has ended
                found[int(entry.name)] = command
    return found


def files():
    return {path for folder in FOLDERS for path in Path(folder).rglob("*")
            if path.is_file() and path.name not in LIBVIRTDS_OWN}


class Before:
    """How it was at the start of a test; `libvirtd` is the session's, or None while there is none yet."""

    def __init__(self):
        self.processes = set(processes())
        self.files = files()

    def left(self, libvirtd):
        """Texts that name what is left, which is then taken away."""
        told = self._domains_left(libvirtd) if libvirtd and libvirtd.process.poll() is None else []
        return told + self._processes_left(libvirtd) + self._files_left()

    @staticmethod
    def _domains_left(libvirtd):
        told = []
        for uri, its_own in DRIVERS.items():
            for name in set(libvirtd.virsh("-c", uri, "list", "--all", "--name").stdout.split()) - its_own:
                told.append(f"domain {name} of {uri}")
                libvirtd.virsh("-c", uri, "destroy", name, check=False)
                libvirtd.virsh("-c", uri, "undefine", name, check=False)
        return told

    def _others(self, libvirtd):
        running = {pid: command for pid, command in processes().items() if pid not in self.processes}
        its_own = {libvirtd.process.pid} if libvirtd else set()
        return {pid: command for pid, command in running.items() if pid not in its_own}

    def _processes_left(self, libvirtd):
        try:
            wait_until(lambda: not self._others(libvirtd), "nothing runs that the test started", 10)
        except AssertionError:
            left = self._others(libvirtd)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            return [f"process {pid}: {command[:200]}" for pid, command in left.items()]
        return []

    def _files_left(self):
        left = files() - self.files
        for path in left:
            path.unlink(missing_ok=True)
        return [f"file {path}" for path in sorted(left)]
