#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What virtpind costs while nothing happens, beside libvirt-dbus and numad where they are installed: resident
memory, CPU time and wake-ups, in one run, with real QEMU guests on a private libvirtd. And how long it takes to
find so many running guests and pin them all.

    tests/support/private-host tests/bench/resources.py BUILD/daemon/virtpind [GUESTS [MINUTES]]

A wake-up is a voluntary context switch of one of its threads. numad looks at the host every 15 seconds, as
it does by itself; libvirt-dbus is asked once for its domains, which makes it connect.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import virtpind_daemon  # noqa: E402
from private_bus import BusError, PrivateBus  # noqa: E402
from private_libvirtd import URI, Guest, Libvirtd  # noqa: E402
from waiting import wait_until  # noqa: E402

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
CONFIGURATION = '{"housekeeping": "", "default-policy": "shared"}'


def field(pid, file, name):
    text = Path(f"/proc/{pid}/{file}").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1))


def wakeups(pid):
    """Of each thread."""
    return {task: field(f"{pid}/task/{task}", "status", "voluntary_ctxt_switches")
            for task in os.listdir(f"/proc/{pid}/task")}


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


class Idle:
    """What a process uses from now on."""

    def __init__(self, name, pid):
        self.name, self.pid = name, pid
        self.wakeups, self.cpu, self.begin = wakeups(pid), cpu_s(pid), time.monotonic()

    def row(self):
        hours = (time.monotonic() - self.begin) / 3600
        woken = sum(count - self.wakeups.get(task, 0) for task, count in wakeups(self.pid).items())  # some have ended
        return (f"| {self.name} | {field(self.pid, 'status', 'VmRSS') / 1024:.1f} | "
                f"{field(self.pid, 'status', 'RssAnon') / 1024:.1f} | "
                f"{field(self.pid, 'smaps_rollup', 'Pss') / 1024:.1f} | "
                f"{woken / hours:.0f} | {(cpu_s(self.pid) - self.cpu) / hours:.2f} |")


def start_libvirt_dbus(bus):
    program = shutil.which("libvirt-dbus", path="/usr/sbin:/usr/bin")
    if not program:
        return None
    process = subprocess.Popen([program, "--session"], env=dict(os.environ, DBUS_SESSION_BUS_ADDRESS=bus.address))
    client = bus.connect()

    def answers():
        try:
            return client.call("/org/libvirt/QEMU", "org.libvirt.Connect", "ListDomains", "(u)", 0,
                               destination="org.libvirt")
        except BusError:
            return None

    wait_until(answers, "libvirt-dbus lists the domains")
    client.close()
    return process.pid


def start_numad(directory):
    if not shutil.which("numad"):
        return None
    subprocess.run(["numad", "-S", "0", "-l", "3"], check=False, cwd=directory, capture_output=True)
    found = subprocess.run(["pgrep", "-x", "numad"], capture_output=True, text=True, check=False).stdout.split()
    return int(found[0]) if found else None


def start_virtpind(directory, bus, guests):
    """Seconds until it is ready, and until all guests are pinned."""
    daemon = virtpind_daemon.VirtpindDaemon(directory, bus, URI, config=CONFIGURATION, log_level="info")
    begin = time.monotonic()
    daemon.start()
    ready = time.monotonic() - begin
    client = bus.connect()
    wait_until(lambda: sum(line[3] == "pinned" for line in client.manager("ListDomains")) == guests, "all are pinned",
               300)
    pinned = time.monotonic() - begin
    client.close()
    return daemon, ready, pinned


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    guests = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    with tempfile.TemporaryDirectory() as directory:
        libvirtd = Libvirtd(Path(directory) / "libvirtd.log").start()
        bus = PrivateBus(directory).start()
        made = []
        try:
            for i in range(guests):
                # Paused: so many guests that run their firmware would keep a small machine busy.
                guest = Guest(libvirtd, f"guest{i}", vcpus=2)
                made.append(guest)
                definition = guest.definition.replace("<memory unit='MiB'>128", "<memory unit='MiB'>32")
                libvirtd.virsh("create", "/dev/stdin", "--paused", stdin=definition)
            daemon, ready, pinned = start_virtpind(directory, bus, guests)
            print(f"start with {guests} running guests: ready after {ready:.2f} s, "
                  f"all of them pinned after {pinned:.2f} s")
            others = [("libvirt-dbus", start_libvirt_dbus(bus)), ("numad", start_numad(directory))]
            idle = [Idle(name, pid) for name, pid in [("virtpind", daemon.process.pid), *others] if pid]
            time.sleep(minutes * 60)
            print(f"{minutes:g} minutes with {guests} guests and nothing to do")
            print("| | RSS, MiB | its own part | PSS | wake-ups an hour | CPU seconds an hour |\n"
                  "|---|---|---|---|---|---|")
            for process in idle:
                print(process.row())
            for name, pid in others:
                if pid:
                    os.kill(pid, signal.SIGTERM)
                else:
                    print(f"{name} is not installed, or did not start")
            daemon.close()
        finally:
            for guest in made:
                guest.destroy()
            bus.stop()
            libvirtd.stop()


if __name__ == "__main__":
    main()
