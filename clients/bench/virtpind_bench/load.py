# SPDX-License-Identifier: LGPL-2.1-or-later
"""What competes with the guest: as much as users and services could want, for a bounded time, and no longer than the
measurement lives. Through systemd, in user.slice and system.slice, where the kernel weighs them against machine.slice;
without systemd as child processes."""
import os
import signal
import subprocess
import sys
from pathlib import Path

from .hog import die_with_parent

HOG = str(Path(__file__).with_name("hog.py"))
PER_KIND_MAX = 16


def systemd_runs():
    return os.path.isdir("/run/systemd/system")


def processes_of(groups):
    """The processes of these process groups."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) in groups:
                found.append((int(process.name), fields))
    return found


class Load:
    def __init__(self, cpus, seconds):
        """For a host of so many CPUs; not begun. One spinner and one burster for each CPU, at most 16 of each."""
        self.count = min(cpus, PER_KIND_MAX)
        self.seconds = seconds
        self.units, self.children, self.groups = [], [], []
        self.through_systemd = systemd_runs()

    def describe(self):
        where = ("transient units in user.slice and system.slice" if self.through_systemd else
                 "child processes, since no systemd runs here: nothing weighs them against the guest as slices would")
        return (f"{self.count} that always run, as users' programs, and {self.count} that come and go, as services; "
                f"{where}")

    def start(self):
        """Stopped at first."""
        for slice_, spinners, bursters in (("user.slice", self.count, 0), ("system.slice", 0, self.count)):
            command = [sys.executable, "-I", "-S", HOG, str(spinners), str(bursters), str(self.seconds),
                       str(os.getpid())]
            if self.through_systemd:
                self.groups.append(self._start_unit(slice_, command))
            else:
                self.children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                                                      preexec_fn=die_with_parent))
                self.groups.append(self.children[-1].pid)
        self.pause()

    def _start_unit(self, slice_, command):
        unit = f"virtpind-bench-{os.getpid()}-{slice_.partition('.')[0]}.service"
        subprocess.run(["systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--slice={slice_}",
                        "-p", f"RuntimeMaxSec={self.seconds + 5:.0f}", "-p", f"CPUQuota={100 * self.count}%",
                        "-p", "TasksMax=64", "-p", "MemoryMax=512M", *command], check=True)
        self.units.append(unit)
        shown = subprocess.run(["systemctl", "show", "--value", "-p", "MainPID", unit], capture_output=True, text=True,
                               check=True)
        return int(shown.stdout)

    def _signal(self, which):
        for group in self.groups:
            try:
                os.killpg(group, which)
            except ProcessLookupError:
                pass

    def pause(self):
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def keep_to(self, cpus):
        """Its own processes only; those of others run where they did."""
        for pid, _ in processes_of(self.groups):
            try:
                os.sched_setaffinity(pid, cpus)
            except ProcessLookupError:
                pass

    def cpu_seconds(self):
        tick = os.sysconf("SC_CLK_TCK")
        return sum(int(fields[11]) + int(fields[12]) for _, fields in processes_of(self.groups)) / tick

    def stop(self):
        self._signal(signal.SIGKILL)
        for unit in self.units:
            subprocess.run(["systemctl", "stop", "--quiet", unit], capture_output=True, check=False)
        for child in self.children:
            child.wait()
        self.units, self.children, self.groups = [], [], []
