# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real libvirtd of the test's own, and small QEMU guests on it. Only inside `private-host`."""
import fcntl
import os
import re
import signal
import subprocess
import uuid
from pathlib import Path

from waiting import wait_until

# How to run what is skipped.
HOW = "needs a private host: sudo meson test -C BUILD --suite integration, or tests/support/private-host by hand"
NEEDS_KVM = ("needs KVM: modprobe kvm_intel or kvm_amd, and let root open /dev/kvm; "
             "then meson test -C BUILD --suite integration")

LIBVIRTD = "/usr/sbin/libvirtd"
KVM_GET_API_VERSION = 0xAE00
URI = "qemu:///system"


def inside_private_host():
    return os.environ.get("VIRTPIND_PRIVATE_HOST") == "yes"


def kvm_works():
    try:
        device = os.open("/dev/kvm", os.O_RDWR)
    except OSError:
        return False
    try:
        return fcntl.ioctl(device, KVM_GET_API_VERSION) == 12
    except OSError:
        return False
    finally:
        os.close(device)


class Libvirtd:
    """Started and ended by its pid; its guests survive a restart, as on a real host."""

    def __init__(self, log):
        self.log = Path(log)
        self.process = None

    def start(self):
        assert inside_private_host(), "refusing to start a libvirtd on the system's own paths"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([LIBVIRTD], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, lambda: f"libvirtd answers; its log:\n{self.log.read_text()}", 60)
        return self

    def _answers(self):
        assert self.process.poll() is None, f"libvirtd ended:\n{self.log.read_text()}"
        return self.virsh("uri", check=False).returncode == 0

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)

    def kill(self):
        self.stop(signal.SIGKILL)

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        self.start()

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def virsh(self, *arguments, check=True, stdin=None):
        done = subprocess.run(
            ["virsh", "-q", "-c", URI, *map(str, arguments)], input=stdin, capture_output=True, text=True,
            timeout=60, check=False)
        assert not check or done.returncode == 0, f"virsh {' '.join(map(str, arguments))}: {done.stderr}"
        return done

    def guest(self, name, **options):
        return Guest(self, name, **options).define()


class Guest:
    """128 MiB, q35, no disk, no network: the firmware idles, the threads are there."""

    def __init__(self, libvirtd, name, vcpus=2, max_vcpus=None, iothreads=0, cputune="", extra=""):
        self.libvirtd = libvirtd
        # Control groups are the kernel's, not the namespace's: a name of our own keeps runs apart.
        self.name = f"{name}-{os.environ.get('VIRTPIND_TEST_RUN', uuid.uuid4().hex[:6])}"
        self.uuid = str(uuid.uuid4())
        kind = "kvm" if kvm_works() else "qemu"
        self.definition = f"""
<domain type='{kind}'>
  <name>{self.name}</name>
  <uuid>{self.uuid}</uuid>
  <memory unit='MiB'>128</memory>
  <vcpu placement='static' current='{vcpus}'>{max_vcpus or vcpus}</vcpu>
  {f"<iothreads>{iothreads}</iothreads>" if iothreads else ""}
  {f"<cputune>{cputune}</cputune>" if cputune else ""}
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
  {extra}
</domain>"""

    def define(self):
        self.libvirtd.virsh("define", "/dev/stdin", stdin=self.definition)
        return self

    def start(self):
        self.libvirtd.virsh("start", self.name)
        return self

    def destroy(self):
        self.libvirtd.virsh("destroy", self.name, check=False)

    def remove(self):
        self.destroy()
        self.libvirtd.virsh("undefine", self.name, check=False)

    def xml(self, *flags):
        """`--inactive` for the persistent definition."""
        return self.libvirtd.virsh("dumpxml", self.name, *flags).stdout

    def qemu_pid(self):
        """libvirt's pid file; other processes may come and go, this one is the running guest."""
        return int(Path(f"/run/libvirt/qemu/{self.name}.pid").read_text())

    def affinity(self):
        """The kernel's truth: {"vcpus": {0: "0-1"}, "iothreads": {1: "0"}, "emulator": "0-1"}."""
        pid = self.qemu_pid()
        seen = {"vcpus": {}, "iothreads": {}, "emulator": None}
        for task in Path(f"/proc/{pid}/task").iterdir():
            status = (task / "status").read_text()
            name = re.search(r"^Name:\t(.*)$", status, re.M).group(1)
            cpus = re.search(r"^Cpus_allowed_list:\t(.*)$", status, re.M).group(1)
            vcpu = re.fullmatch(r"CPU (\d+)/(?:KVM|TCG)", name)
            iothread = re.fullmatch(r"IO iothread(\d+)", name)
            if vcpu:
                seen["vcpus"][int(vcpu.group(1))] = cpus
            elif iothread:
                seen["iothreads"][int(iothread.group(1))] = cpus
            elif int(task.name) == pid:
                seen["emulator"] = cpus
        return seen
