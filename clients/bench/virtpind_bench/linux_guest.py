# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpind-bench --linux: as the tiny guest, with the host's kernel and a probe as the first process, which measures
timers, memory, and how far vCPUs are from each other."""
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from .errors import FAILED, USAGE, Refused
from .guest import Guest, GuestEnded
from .initramfs import archive
from .metrics import LINUX_GUEST
from .proc import parse_cpulist, siblings_of
from .tiny_guest import Bench

PROBE = Path(os.environ.get("VIRTPIND_BENCH_PROBE") or "/usr/libexec/virtpind-bench/probe")
MEMORY_MIB, VCPUS_MAX = 512, 4
BOOT_S = {"kvm": 60, "qemu": 180}


def libraries_of(program):
    """Paths of what the program is linked with, its loader among them."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return sorted(set(re.findall(r"(/\S+) \(0x", said)))


def make_archive():
    if not PROBE.exists():
        raise Refused(f"the probe is missing: {PROBE}; install virtpind-bench again, or set VIRTPIND_BENCH_PROBE",
                      FAILED)
    files = {path: Path(path).read_bytes() for path in libraries_of(PROBE)}
    return archive({"/init": PROBE.read_bytes(), **files})


def find_kernel(named):
    """The image of the host's kernel, or the one that is named."""
    path = Path(named or f"/boot/vmlinuz-{os.uname().release}")
    if not path.is_file():
        raise Refused(f"no kernel at {path}; name one with --kernel FILE, an image that boots x86-64 with a serial "
                      "console and an initial RAM disk, such as /boot/vmlinuz-VERSION of Debian", USAGE)
    return path


def percentile(counts, share):
    """`counts`: by value. The smallest value that only `share` of all exceed."""
    rest = sum(counts.values()) * share
    for value in sorted(counts, reverse=True):
        rest -= counts[value]
        if rest < 0:
            return value
    return min(counts)


def parse_answer(lines):
    """Figures of the probe, and nanoseconds by pair of vCPUs. ValueError where it says something else."""
    late, pairs, found = {}, {}, {}
    for line in lines:
        kind, *words = line.split()
        if kind == "T" and len(words) == 2:
            late[int(words[0])] = int(words[1])
        elif kind == "M" and len(words) == 2:
            found["cache"], found["memory"] = map(float, words)
        elif kind == "C" and len(words) == 3:
            pairs[int(words[0]), int(words[1])] = float(words[2])
        else:
            raise ValueError(f"the probe said {line[:80]!r}")
    if not late or "memory" not in found:
        raise ValueError("the probe's answer is not whole")
    found.update(late99=percentile(late, 0.01), late_max=max(late))
    if pairs:
        found["apart"] = max(pairs.values())
    return found, pairs


class LinuxGuest(Guest):
    def __init__(self, uri, kind, vcpus, kernel):
        # Copies: libvirt gives what a guest starts from to QEMU's user.
        self.folder = tempfile.mkdtemp(prefix="virtpind-bench-")
        os.chmod(self.folder, 0o755)
        copy, initrd = Path(self.folder, "kernel"), Path(self.folder, "initrd")
        shutil.copyfile(kernel, copy)
        initrd.write_bytes(make_archive())
        super().__init__(uri, kind, vcpus, MEMORY_MIB, (
            f"<kernel>{copy}</kernel><initrd>{initrd}</initrd><cmdline>console=ttyS0 quiet panic=-1</cmdline>", ""))

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def boot(self):
        """True once the probe runs in it."""
        self.start()
        end = time.monotonic() + BOOT_S[self.kind]
        while time.monotonic() < end:
            line = self.read_line(max(0.01, end - time.monotonic()))
            if line and re.fullmatch(r"R \d+", line):
                shutil.rmtree(self.folder, ignore_errors=True)  # it is in memory
                return True
        return False

    def ask(self, seconds):
        """One measurement: figures, and nanoseconds by pair."""
        os.write(self.port, b"go %.3f\n" % seconds)
        end, lines = time.monotonic() + 20 * seconds + 120, []
        while True:
            line = self.read_line(max(0.01, end - time.monotonic()))
            if line is None:
                raise GuestEnded("the Linux guest of the measurement does not answer any more")
            if line == "E":
                return parse_answer(lines)
            if line[:2] in ("T ", "M ", "C "):  # the kernel may speak in between
                lines.append(line)


class LinuxBench(Bench):
    METRICS = LINUX_GUEST

    def start_guest(self):
        kernel = find_kernel(self.settings.kernel)
        free = self.online - parse_cpulist(self.manager["HousekeepingCPUs"])
        vcpus = max(1, min(VCPUS_MAX, len(free)))
        self.pairs = {}
        self.boot_one_of(lambda kind: LinuxGuest(self.manager["LibvirtURI"], kind, vcpus, kernel))
        self.left_out.append(("siblings-wrong", "is measured without --linux."))
        if vcpus < 2:
            self.left_out.append(("core to core", "needs room for a dedicated guest of two vCPUs."))

    def pairs_siblings(self):
        return False

    def prepare(self):
        """Nothing to calibrate."""

    def measure_window(self, name):
        figures, pairs = self.guest.ask(self.settings.window)
        for pair, nanoseconds in pairs.items():
            self.pairs.setdefault((name, pair), []).append(nanoseconds)
        return figures

    def finish(self, policies, windows):
        placed = {index: thread for index, thread in enumerate(self.cpus_of_claim)}
        for (name, (first, second)), values in sorted(self.pairs.items()):
            if name == "dedicated":
                near = placed[second] in siblings_of(placed[first])
                self.notes.append(f"vCPUs {first} and {second}: {median(values):.0f} ns apart; by the plan they are on "
                                  f"CPUs {placed[first]} and {placed[second]}"
                                  + (", threads of one core" if near else ""))
        return {}

    def title(self):
        return f"virtpind-bench: a Linux guest of {self.guest.vcpus} vCPU ({self.kind_word()}) under load"


def measure(service, settings):
    return LinuxBench.measure(service, settings)
