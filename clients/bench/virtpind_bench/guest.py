# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest of our own on libvirt, which ends with this process, however that ends: libvirt destroys it when the
connection that created it closes (autodestroy), and that connection is a child's whose input we hold."""
import os
import re
import select
import shutil
import subprocess
import tempfile
import termios
import time
import tty
import uuid
from pathlib import Path
from xml.sax.saxutils import escape

from . import gaps, interrupts
from .errors import FAILED, UNREACHABLE, Refused
from .load import die_with_parent
from .proc import qemu_of, threads_of

IMAGE = Path(os.environ.get("VIRTPIND_BENCH_GUEST") or Path(__file__).resolve().parents[1] / "guest.img")
BOOT_S = {"kvm": 30, "qemu": 90}


class GuestEnded(Exception):
    """The guest is not there any more."""


def has_kvm():
    return os.access("/dev/kvm", os.R_OK | os.W_OK)


def virsh(uri, *words, check=True):
    if not shutil.which("virsh"):
        raise Refused("virsh is not installed, by which the guest is made; apt-get install libvirt-clients",
                      UNREACHABLE)
    done = subprocess.run(["virsh", "-q", "-c", uri, *words], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise Refused(f"libvirt at {uri} does not answer: {done.stderr.strip()}; is it running, and may you use it?",
                      UNREACHABLE)
    return done.stdout


def definition(name, identity, kind, vcpus, memory_mib, boot, emulator):
    """Of a transient guest; `boot` are the elements of <os> and <devices> that it starts from."""
    in_os, in_devices = boot
    # A machine without a CPU model of its own runs on every host; the guest needs nothing of one.
    return f"""<domain type='{kind}'>
<name>{escape(name)}</name><uuid>{identity}</uuid><memory unit='MiB'>{memory_mib}</memory>
<vcpu placement='static'>{vcpus}</vcpu><os><type arch='x86_64' machine='q35'>hvm</type>{in_os}</os>
<features><acpi/><apic/></features>
<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
<devices><emulator>{escape(emulator)}</emulator>{in_devices}<controller type='usb' model='none'/>
<memballoon model='none'/><serial type='pty'/></devices></domain>"""


def disk_of(image):
    return "", (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{escape(str(image))}'>"
                "<seclabel model='dac' relabel='no'/></source><target dev='vda' bus='virtio'/><readonly/></disk>")


class Guest:
    """`boot`: as for definition(). Between start() and stop()."""

    def __init__(self, uri, kind, vcpus, memory_mib, boot):
        self.uri, self.kind, self.vcpus = uri, kind, vcpus
        self.name, self.uuid = f"virtpind-bench-{os.getpid()}", str(uuid.uuid4())
        capabilities = virsh(uri, "domcapabilities", "--arch", "x86_64", "--virttype", kind, check=False)
        path = re.search(r"<path>(.*)</path>", capabilities)
        if not path:
            raise Refused(f"libvirt at {uri} has no emulator for {kind} guests of x86_64; install QEMU "
                          "(apt-get install qemu-system-x86)", FAILED)
        self.xml = definition(self.name, self.uuid, kind, vcpus, memory_mib, boot, path.group(1))
        self.owner = self.port = None
        self.text = ""

    def start(self):
        with tempfile.NamedTemporaryFile("w", suffix=".xml", encoding="utf-8") as file, \
                tempfile.TemporaryFile("w+") as said:
            file.write(self.xml)
            file.flush()
            # A shell of virsh's: it ends when its input does, and its connection with it. A session of its own, since a
            # terminal's Ctrl-C is for us.
            self.owner = subprocess.Popen(["virsh", "-q", "-c", self.uri], stdin=subprocess.PIPE, stdout=said,
                                          stderr=said, text=True, start_new_session=True, preexec_fn=die_with_parent)
            # It runs once somebody reads its port: QEMU throws away what it says before that.
            self.owner.stdin.write(f"create --paused --autodestroy {file.name}\necho created-or-not\n")
            self.owner.stdin.flush()
            self._wait_for(said)
        console = virsh(self.uri, "ttyconsole", self.name).strip()
        self.port = os.open(console, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.port, termios.TCSANOW)
        self.pid = qemu_of(self.name, self.uuid)
        self.threads = list(threads_of(self.pid).values())
        virsh(self.uri, "resume", self.name)

    def _wait_for(self, said):
        """virsh's answer to create."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            said.seek(0)
            text = said.read()
            if "created-or-not" in text or self.owner.poll() is not None:
                if "error" in text or self.owner.poll() is not None:
                    raise Refused("libvirt does not start the guest of the measurement: "
                                  + text.replace("created-or-not", "").strip(), FAILED)
                return
            time.sleep(0.02)
        raise Refused("libvirt has not started the guest of the measurement in 120 s; see its journal", FAILED)

    def stop(self):
        if self.port is not None:
            os.close(self.port)
            self.port = None
        if self.owner is not None:
            self.owner.stdin.close()
            try:
                self.owner.wait(30)
            except subprocess.TimeoutExpired:
                self.owner.kill()
                self.owner.wait()
            self.owner = None

    def read_line(self, seconds):
        """The next line from its serial port; None when it says nothing for so long."""
        end = time.monotonic() + seconds
        while "\n" not in self.text:
            interrupts.check()
            left = end - time.monotonic()
            if left <= 0:
                return None
            if not select.select([self.port], [], [], min(left, interrupts.CHECKED_EACH_S))[0]:
                continue
            try:
                more = os.read(self.port, 65536)
            except OSError:
                more = b""
            if not more:
                raise GuestEnded("the guest of the measurement has ended; somebody destroyed it, or QEMU crashed")
            self.text = (self.text + more.decode("ascii", "replace"))[-1_000_000:]
        line, _, self.text = self.text.partition("\n")
        return line.strip()


class TinyGuest(Guest):
    """The boot sector of guest.s."""

    def __init__(self, uri, kind, vcpus):
        if not IMAGE.exists():
            raise Refused(f"the image of the guest is missing: {IMAGE}; install virtpind-bench again, or set "
                          "VIRTPIND_BENCH_GUEST", FAILED)
        super().__init__(uri, kind, vcpus, 16, disk_of(IMAGE))
        self.hz = None
        self.first = self.last = None  # (tsc, seconds)

    def boot(self):
        """True once it runs; False where it says nothing: some KVM cannot run it."""
        self.start()
        end = time.monotonic() + BOOT_S[self.kind]
        while time.monotonic() < end:
            line = self.read_line(max(0.01, end - time.monotonic()))
            if line and line.endswith("R"):  # behind what the firmware says
                return True
        return False

    def order(self, cycles, seconds):
        """One window; the Report. `seconds` is how long it may take."""
        os.write(self.port, b"%08x" % max(1, min(cycles // 1024, 0xffffffff)))
        end, lines = time.monotonic() + seconds, []
        while not lines or not lines[-1].startswith("E"):
            line = self.read_line(max(0.01, end - time.monotonic()))
            if line is None:
                raise GuestEnded(f"the guest of the measurement has not answered in {seconds:.0f} s")
            if line.startswith("W"):
                self.last, lines = (int(line.split()[3], 16), time.monotonic()), []
            lines.append(line)
        self.first = self.first or self.last
        return gaps.parse_report(lines)

    def calibrate(self):
        """Measures the TSC; the floor of gaps in seconds."""
        for _ in range(3):
            report = self.order(1 << 28, 120)
        self.hz = gaps.measured_hz(self.first, self.last)
        return gaps.floor_of(report, self.hz)

    def window(self, seconds):
        report = self.order(int(seconds * self.hz), 20 * seconds + 60)
        self.hz = gaps.measured_hz(self.first, self.last)
        return report
