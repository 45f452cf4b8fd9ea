# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts on this machine that migrate guests to each other: each is a private host (tests/support/private-host)
with its own libvirtd, host name and host UUID, and at most one virtpind. They share the kernel with its CPUs and
control groups: guests of both need different ids."""
import os
import re
import signal
import subprocess
import uuid
from pathlib import Path

from private_bus import PrivateBus
from private_libvirtd import URI, Guest
from virtpind_daemon import VirtpindDaemon
from waiting import wait_until

PRIVATE_HOST = Path(__file__).resolve().parent / "private-host"
MARK = "VIRTPIND_TEST_HOST"
SETUP = """#!/bin/bash
set -e
mkdir -p /run/libvirt
mount --bind "$1/run-libvirt" /run/libvirt
echo "host_uuid = \\"$2\\"" >>/etc/libvirt/libvirtd.conf
[ ! -e "$1/hook" ] || install -D -m 755 "$1/hook" /etc/libvirt/hooks/qemu.d/virtpind
/usr/sbin/libvirtd </dev/null >>"$1/libvirtd.log" 2>&1 &
exec sleep infinity
"""
AFFINITY = """
p=$(cat "/run/libvirt/qemu/$1.pid") || exit
for t in /proc/$p/task/*; do
    case $(cat "$t/comm") in CPU*) echo "$(cat "$t/comm") $(grep Cpus_allowed_list "$t/status" | cut -f 2)" ;; esac
done
"""


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class HostDaemon(VirtpindDaemon):
    """Within the namespaces of its host. What is to be signalled is the one child of what enters them."""

    def __init__(self, host, directory, bus, **options):
        super().__init__(directory, bus, URI, **options)
        self.command = [*host.entering(), *self.command]

    def launch(self):
        super().launch()
        process = self.process
        wait_until(lambda: process.poll() is not None or children(process.pid), "virtpind runs in its host")
        if process.poll() is None:
            child = children(process.pid)[0]
            process.send_signal = lambda how: os.kill(child, how)


class Host:
    def __init__(self, directory, name, hook=None):
        self.name = name
        self.directory = Path(directory) / name
        (self.directory / "run-libvirt").mkdir(parents=True)
        self.directory.chmod(0o755)
        self.mark = f"{name}-{uuid.uuid4()}"
        if hook:
            (self.directory / "hook").write_text(hook)
        setup = self.directory / "setup"
        setup.write_text(SETUP)
        setup.chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if key != "VIRTPIND_PRIVATE_HOST"}
        environment[MARK] = self.mark
        self.process = subprocess.Popen(
            ["unshare", "--uts", "bash", "-c", 'hostname "$1" && exec "${@:2}"', "bash", f"host-{name}", PRIVATE_HOST,
             setup, self.directory, str(uuid.uuid4())],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        self.pid = wait_until(self._find, f"host {name} is there")
        wait_until(lambda: self.virsh("uri", check=False).returncode == 0, f"libvirtd of host {name} answers", 60)
        self.bus = PrivateBus(self.directory).start()
        self.client = None
        self.daemon = None
        self.daemons = 0
        self.state_dir = self.directory / "state"
        self.state_dir.mkdir()

    def _find(self):
        """The process that holds the namespaces: the one that only sleeps."""
        for entry in Path("/proc").iterdir():
            try:
                if (entry.name.isdigit() and (entry / "comm").read_text() == "sleep\n"
                        and f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes()):
                    return int(entry.name)
            except OSError:
                pass  # it has ended
        return None

    def entering(self):
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-r", "-w", "--"]

    def run(self, *command, stdin=None, timeout=90):
        return subprocess.run([*self.entering(), *map(str, command)], input=stdin, capture_output=True, text=True,
                              timeout=timeout, check=False)

    def virsh(self, *arguments, check=True, stdin=None, timeout=90):
        done = self.run("virsh", "-q", "-c", URI, *arguments, stdin=stdin, timeout=timeout)
        assert not check or done.returncode == 0, f"{self.name}: virsh {' '.join(map(str, arguments))}: {done.stderr}"
        return done

    def skip_ids(self, count):
        """So that guests of this host get other ids than those of the other."""
        filler = Guest(self, "filler", vcpus=1)
        for _ in range(count):
            self.virsh("create", "/dev/stdin", stdin=filler.definition)
            self.virsh("destroy", filler.name)

    def start_daemon(self, **options):
        self.daemons += 1
        directory = self.directory / f"daemon{self.daemons}"
        directory.mkdir()
        self.daemon = HostDaemon(self, directory, self.bus, state_dir=self.state_dir, **options)
        self.daemon.start()
        self.client = self.bus.connect()
        return self.daemon

    def stop_daemon(self):
        if self.client:
            self.client.close()
            self.client = None
        if self.daemon:
            self.daemon.close()
            self.daemon = None

    def set_policy(self, guest, policy, **options):
        return self.client.manager("SetPolicy", "(ssa{sv}t)", guest.name, policy, self.client.options(options), 0)

    def reset(self, guest):
        return self.client.manager("ResetPolicy", "(st)", guest.name, 0)

    def wait(self, guest, state, deadline_s=60):
        return self.client.wait_for_properties(
            guest.uuid, lambda is_: is_["PinState"] == state, f"{guest.name} is {state} on {self.name}", deadline_s)

    def xml(self, guest, *flags):
        return self.virsh("dumpxml", guest.name, *flags).stdout

    def affinity(self, guest):
        """{vCPU: CPUs}, as the kernel has it."""
        shown = self.run("bash", "-c", AFFINITY, "bash", guest.name).stdout
        return {int(vcpu): cpus for vcpu, cpus in re.findall(r"^CPU (\d+)/\S+ (\S+)$", shown, re.M)}

    def qemu_pid(self, guest):
        """As the outer namespace counts, or None."""
        inner = self.run("cat", f"/run/libvirt/qemu/{guest.name}.pid").stdout.strip()
        mine = os.readlink(f"/proc/{self.pid}/ns/pid")
        for entry in Path("/proc").iterdir():
            try:
                if (entry.name.isdigit() and inner and os.readlink(entry / "ns/pid") == mine
                        and re.search(rf"^NSpid:.*\t{inner}$", (entry / "status").read_text(), re.M)):
                    return int(entry.name)
            except OSError:
                pass
        return None

    def migration_to(self, other, guest, *flags):
        """The command that migrates."""
        return [*self.entering(), "virsh", "-q", "-c", URI, "migrate", "--p2p", guest.name, "--desturi",
                f"qemu+unix:///system?socket={other.directory}/run-libvirt/libvirt-sock", *map(str, flags)]

    def live(self, guest):
        """Where its memory goes: over a socket of the file system's, as both hosts have the same network."""
        return ["--live", "--migrateuri", f"unix://{self.directory.parent}/{guest.name}-{uuid.uuid4().hex[:6]}.sock"]

    def migrate(self, other, guest, *flags):
        done = subprocess.run(self.migration_to(other, guest, *self.live(guest), *flags), capture_output=True,
                              text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, f"migrating to {other.name}: {done.stderr}"

    def close(self):
        self.stop_daemon()
        self.bus.stop()
        os.kill(self.pid, signal.SIGKILL)  # whom the first process of its namespace waits for; all else ends with that
        self.process.wait(30)
