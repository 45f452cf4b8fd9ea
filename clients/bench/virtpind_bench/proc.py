# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel says of processes and CPUs. Reads /proc and /sys, changes nothing."""
import os
import re
from pathlib import Path


def parse_cpulist(text):
    """ "0-2,5" as a set."""
    cpus = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def online_cpus():
    return parse_cpulist(Path("/sys/devices/system/cpu/online").read_text(encoding="ascii"))


def siblings_of(cpu):
    """The CPUs of its core, itself among them."""
    try:
        return parse_cpulist(
            Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text(encoding="ascii"))
    except OSError:
        return {cpu}


def busy_seconds():
    """Of all CPUs: (user and system, stolen by what this host runs on)."""
    tick = os.sysconf("SC_CLK_TCK")
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    return sum(map(int, (words[1], words[2], words[3], words[6], words[7]))) / tick, int(words[8]) / tick


def host_facts():
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.M)
    cpus = online_cpus()
    return {"kernel": os.uname().release, "cpus": len(cpus), "model": model.group(1) if model else "unknown",
            "threads-per-core": max(len(siblings_of(cpu) & cpus) for cpu in cpus),
            "virtual": " hypervisor" in cpuinfo, "load-average": os.getloadavg()[0]}


def describe_host(facts):
    return (f"{facts['model']}, {facts['cpus']} CPUs, {facts['threads-per-core']} thread(s) a core, "
            f"{'virtual, ' if facts['virtual'] else ''}Linux {facts['kernel']}")


class Thread:
    """One vCPU of a guest."""

    def __init__(self, pid, tid):
        self.folder = Path(f"/proc/{pid}/task/{tid}")
        self.tid = tid

    def affinity(self):
        return re.search(r"^Cpus_allowed_list:\t(.*)$", (self.folder / "status").read_text(), re.M).group(1)

    def counters(self):
        """Since the thread began: seconds that it ran and waited, and how often it was moved and switched."""
        ran, waited, _ = (self.folder / "schedstat").read_text().split()
        status = (self.folder / "status").read_text()
        moved = re.search(r"nr_migrations\s*:\s*(\d+)", self.scheduler())
        switches = {word: int(count) for word, count in re.findall(r"^(\w+)_ctxt_switches:\t(\d+)$", status, re.M)}
        return {"ran": int(ran) / 1e9, "waited": int(waited) / 1e9, "moved": int(moved.group(1)) if moved else None,
                "voluntary": switches.get("voluntary", 0), "involuntary": switches.get("nonvoluntary", 0)}

    def scheduler(self):
        """Empty on kernels without CONFIG_SCHED_DEBUG."""
        try:
            return (self.folder / "sched").read_text()
        except OSError:
            return ""


VCPU = re.compile(r"CPU (\d+)/(?:KVM|TCG)")


def qemu_of(name, uuid):
    """The process that runs the guest; ProcessLookupError where there is none."""
    try:
        return int(Path(f"/run/libvirt/qemu/{name}.pid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        pass
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if (b"-uuid", uuid.encode()) in zip(words, words[1:]):
                return int(process.name)
    raise ProcessLookupError(f"no process runs the guest {name}")


def threads_of(pid):
    """By vCPU."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        vcpu = VCPU.fullmatch((task / "comm").read_text().strip())
        if vcpu:
            found[int(vcpu.group(1))] = Thread(pid, int(task.name))
    return dict(sorted(found.items()))


def affinities_of(pid):
    """Of every thread of a process."""
    return {int(task.name): Thread(pid, int(task.name)).affinity() for task in Path(f"/proc/{pid}/task").iterdir()}


def rates(before, after, seconds):
    """Of the threads of a guest, from the sums of two looks at their counters; None where the kernel does not tell."""
    gone = {key: None if any(look[key] is None for looks in (before, after) for look in looks) else
            sum(look[key] for look in after) - sum(look[key] for look in before) for key in before[0]}
    ready = gone["ran"] + gone["waited"]
    return {"delay": 100 * gone["waited"] / ready if ready > 0 else 0.0, "busy": gone["ran"] / seconds,
            "migrations": None if gone["moved"] is None else gone["moved"] / seconds,
            "involuntary": gone["involuntary"] / seconds, "voluntary": gone["voluntary"] / seconds}
