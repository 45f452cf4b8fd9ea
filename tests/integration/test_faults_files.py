# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callers at once, disks that are full, files that are corrupt, clocks that jump; tests/FAULTS.md is the list."""
import contextlib
import os
import subprocess
import threading
from pathlib import Path

import pytest

from fault_steps import BY_CONFIGURATION, NO_HOUSEKEEPING, complaints, known, problems, set_policy, wait_pinned
from host_cpus import ALL, FIRST, HAS_TWO, SECOND, TWO_CPUS
from private_bus import BusError
from virtpind_daemon import BINARY
from waiting import wait_until

pytestmark = pytest.mark.skipif(not HAS_TWO, reason=TWO_CPUS)
WITH_POLICY = """<domain type="test">
  <name>{name}</name><memory>65536</memory><vcpu>1</vcpu><os><type>hvm</type></os>
  <metadata><virtpind:policy xmlns:virtpind="https://virtpind.org/policy/1" name="dedicated"/></metadata>
</domain>
"""


def test_writers_at_once(make_daemon, make_guest, bus, client):
    guest = make_guest("writers", vcpus=1).start()
    make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    generations = {FIRST: [], SECOND: [], "reset": []}

    def write(cpus):
        writer = bus.connect()
        for _ in range(15):
            generations[cpus].append(writer.manager("ResetPolicy", "(st)", guest.name, 0) if cpus == "reset"
                                     else set_policy(writer, guest, cpus=cpus))
        writer.close()

    writers = [threading.Thread(target=write, args=(cpus,)) for cpus in generations]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    told = sum(generations.values(), [])
    assert len(set(told)) == len(told) == 45, "each has its own generation"
    last = max(generations, key=lambda cpus: max(generations[cpus]))
    seen = client.wait_for_properties(guest.uuid, lambda is_: is_["PinState"] in ("pinned", "idle"), "it is over")
    assert seen["Generation"] == max(told)
    if last == "reset":
        assert guest.affinity()["vcpus"] == {0: ALL}
        assert "vcpupin" not in guest.xml("--inactive") and "virtpind" not in guest.xml("--inactive")
    else:
        assert guest.affinity()["vcpus"] == {0: last} == dict(seen["VcpuPins"])
        assert f"<vcpupin vcpu='0' cpuset='{last}'/>" in guest.xml("--inactive")


@pytest.fixture
def small_disk(tmp_path):
    """A state directory that can be full or read-only."""
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def fill(disk):
    with contextlib.suppress(OSError), open(disk / "ballast", "wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    return lambda: (disk / "ballast").unlink()


def make_read_only(disk):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    return lambda: subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


@pytest.mark.parametrize("spoil", [fill, make_read_only])
def test_disk_is_full_or_read_only(make_daemon, make_guest, client, small_disk, spoil):
    guest = make_guest("disk", vcpus=1).start()
    definition = guest.xml("--inactive")
    make_daemon(config=NO_HOUSEKEEPING, state_dir=small_disk)
    known(client, guest)
    mend = spoil(small_disk)
    with pytest.raises(BusError) as refused:
        set_policy(client, guest, flags=1)
    assert refused.value.name == "org.virtpind1.Error.NotPersisted"
    assert guest.affinity()["vcpus"] == {0: ALL} and guest.xml("--inactive") == definition, "nothing is touched"
    mend()
    wait_pinned(client, guest, 90)
    # With the before-image there, the running guest gets its pins; its definition waits, since what
    # is written there could not be told from somebody else's words later.
    mend = spoil(small_disk)
    tuned = guest.xml("--inactive")
    with pytest.raises(BusError) as refused:
        set_policy(client, guest, flags=1, cpus=SECOND)
    assert refused.value.name == "org.virtpind1.Error.PartiallyApplied"
    assert guest.affinity()["vcpus"] == {0: SECOND} and guest.xml("--inactive") == tuned
    mend()
    wait_pinned(client, guest, 90)
    client.manager("ResetPolicy", "(st)", guest.name, 0)
    assert guest.affinity()["vcpus"] == {0: ALL} and guest.xml("--inactive") == definition


@pytest.mark.parametrize("garbage",
                         [b"", b"{", b"\xff\xfe garbage", b'{"version": 1}', b"[" * 100000, b"x" * (2 << 20)],
                         ids=["empty", "cut", "binary", "former", "deep", "huge"])
def test_state_is_corrupt(make_daemon, make_guest, client, garbage):
    guest = make_guest("corrupt", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    set_policy(client, guest)
    (image,) = (daemon.directory / "state").rglob("*.json")
    daemon.stop()
    image.write_bytes(garbage)
    daemon.start()
    wait_pinned(client, guest)
    assert image.name in problems(client)["StateFile"]
    assert image.with_name(image.name + ".corrupt").read_bytes() == garbage, "set aside for a person to look at"


def test_state_is_of_a_later_version(make_daemon, make_guest, client):
    """As after a downgrade: nothing of it is lost, and the next upgrade finds it as it was."""
    guest = make_guest("later", vcpus=1).start()
    definition = guest.xml("--inactive")
    daemon = make_daemon(config=NO_HOUSEKEEPING)
    known(client, guest)
    set_policy(client, guest, cpus=FIRST)
    (image,) = (daemon.directory / "state").rglob("*.json")
    daemon.stop()
    ours = image.read_text()
    later = ours.replace('"version": 2', '"version": 3,\n  "more": true')
    assert later != ours
    image.write_text(later)
    daemon.start()
    wait_pinned(client, guest)
    for told in (image.name, "version 3", "install that virtpind again"):
        assert told in problems(client)["StateFile"]
    pinned = guest.affinity()
    for call in (lambda: set_policy(client, guest, cpus=SECOND),
                 lambda: client.manager("ResetPolicy", "(st)", guest.name, 0)):
        with pytest.raises(BusError) as refused:
            call()
        assert refused.value.name == "org.virtpind1.Error.NotPersisted"
        assert image.name in refused.value.text and "install that virtpind again" in refused.value.text
        assert guest.affinity() == pinned
    daemon.stop()
    restored = daemon.restore("--all")
    assert restored.returncode == 1 and f"{guest.name}: nothing is restored: " in restored.stderr, restored.stderr
    assert guest.affinity() == pinned
    assert image.read_text() == later
    assert list(image.parent.iterdir()) == [image], "neither renamed nor removed"
    image.write_text(ours)
    daemon.start()
    wait_until(lambda: guest.affinity()["vcpus"] == {0: ALL}, lambda: f"what was asked is done: {guest.affinity()}")
    wait_until(lambda: guest.xml("--inactive") == definition, lambda: guest.xml("--inactive"))


@pytest.mark.parametrize("garbage",
                         ["", "garbage {", "[1]", '{"housekeeping": "0-99999"}', '{"polices": {}}', "\0", "[" * 5000],
                         ids=["empty", "text", "list", "no-such-cpu", "unknown-key", "nul", "deep"])
def test_configuration_becomes_garbage(make_daemon, make_guest, client, garbage):
    guest = make_guest("config", vcpus=1).start()
    daemon = make_daemon(config=BY_CONFIGURATION)
    pins = wait_pinned(client, guest)["VcpuPins"]
    path = daemon.directory / "virtpind.json"
    path.write_text(garbage)
    daemon.reload()
    wait_until(lambda: "InvalidConfig" in problems(client), "it is said")
    client.manager("Reapply", "(st)", "", 0)
    assert wait_pinned(client, guest)["VcpuPins"] == pins, "the configuration is still the former one"
    path.write_text(BY_CONFIGURATION)
    daemon.reload()
    wait_until(lambda: problems(client) == {}, "it is good again")


def test_only_what_outlives_the_boot_waits_for_the_disk(make_daemon, make_guest, client, libvirtd, faults):
    guest = make_guest("durable", vcpus=1).start()
    make_daemon(config=BY_CONFIGURATION.replace("dedicated", "none"), environment=faults.environment)
    known(client, guest)
    faults.plan("delay", 1, 0, "fsync")
    set_policy(client, guest)
    assert len(faults.calls()) == 4, "the file and its directory: what was there, then what is written"
    guest.destroy()
    libvirtd.virsh("undefine", guest.name)
    libvirtd.virsh("create", "/dev/stdin", stdin=guest.definition)  # transient
    known(client, guest)
    faults.plan("delay", 1, 0, "fsync,rename")
    set_policy(client, guest)
    assert faults.calls() == ["rename"]


# ---- time ---------------------------------------------------------------------------------------------------

def move_unseen(guest, cpu):
    """Moves the thread of vCPU 0, past libvirt: within the control group that libvirt keeps it in."""
    task = next(task for task in Path(f"/proc/{guest.qemu_pid()}/task").iterdir()
                if (task / "comm").read_text().startswith("CPU 0/"))
    groups = dict(line.split(":", 2)[1:] for line in (task / "cgroup").read_text().splitlines())
    group = Path("/sys/fs/cgroup") / ("cpuset" if "cpuset" in groups else "") \
        / groups.get("cpuset", groups.get("", "")).lstrip("/")
    if (group / "cpuset.cpus").exists():
        (group / "cpuset.cpus").write_text(ALL)
    os.sched_setaffinity(int(task.name), {int(cpu)})
    assert guest.affinity()["vcpus"] == {0: str(cpu)}


@pytest.mark.parametrize("days", [-400, 400])
def test_wall_clock_jumps(make_daemon, make_guest, client, faults, days):
    """The kernel cancels a timer then; the period is an hour away, so that this alone can be what is heard."""
    guest = make_guest("clock", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING.replace("5", "3600"), environment=faults.environment)
    known(client, guest)
    set_policy(client, guest, cpus=SECOND)
    before = client.domain_properties(guest.uuid)["LastAppliedUSec"]
    for jumps in (1, 2):  # heard again only if the timer was set again
        move_unseen(guest, FIRST)
        faults.plan("jump", milliseconds=jumps * days * 86400 * 1000)
        wait_until(lambda: client.manager("Describe") and guest.affinity()["vcpus"] == {0: SECOND},
                   "the thread is back")
        assert daemon.log_text().count("the clock jumped or the machine resumed") == jumps
        client.wait_for_properties(
            guest.uuid, lambda is_, jumps=jumps: abs((is_["LastAppliedUSec"] - before) / 86400e6 - jumps * days) < 1,
            "the clock did jump")
    set_policy(client, guest, cpus=FIRST)
    assert guest.affinity()["vcpus"] == {0: FIRST}
    # The one thing to say is that somebody else moved the thread.
    assert all("was pinned" in said or "by somebody else" in said for said in complaints(daemon)), complaints(daemon)


def test_control_groups_cannot_be_read(tmp_path):
    """Whether a guest has its CPUs to itself is unknown then: nothing of it is restored, and that is no success."""
    host = tmp_path / "host.xml"
    host.write_text("<node>" + "".join(WITH_POLICY.format(name=name) for name in ("dark", "clear")) + "</node>")
    for number, name in enumerate(("dark", "clear"), 1):  # the ids of the test driver
        thread = tmp_path / "groups/machine.slice" / rf"machine-qemu\x2d{number}\x2d{name}.scope" / "libvirt/vcpu0"
        thread.mkdir(parents=True)
        (thread / "cpuset.cpus.partition").write_text("member\n")
        if name == "dark":
            unreadable = thread / "cpuset.cpus.exclusive"
            unreadable.mkdir()  # even root reads no text of it
    restored = subprocess.run(
        ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /sys/fs/cgroup && shift && exec "$@"', "-",
         tmp_path / "groups", BINARY, "restore", "--uri", f"test://{host}", "--state-dir", tmp_path / "state", "--all"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert restored.returncode == 1, restored
    assert restored.stdout.startswith("clear: removed its policy") and "dark" not in restored.stdout, restored
    seen = str(unreadable).replace(str(tmp_path / "groups"), "/sys/fs/cgroup")
    assert "dark: nothing is restored, and nobody can tell" in restored.stderr and seen in restored.stderr, restored
    assert "run this command again" in restored.stderr, restored
