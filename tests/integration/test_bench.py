# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpind-bench, from end to end with short windows: what it tells, and that nothing is left of it however it ends."""
import json
import os
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from host_cpus import FIRST, HAS_TWO, INDEXES, SECOND, TWO_CPUS
from private_bus import NOBODY
from virtpinctl import make_folder_with
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
GUEST = os.environ.get("VIRTPIND_BENCH_GUEST", "build/clients/bench/guest.img")
FAILED, USAGE, NO_SUCH_GUEST, DENIED, UNREACHABLE, INTERRUPTED = 1, 2, 4, 5, 6, 130

pytestmark = [pytest.mark.skipif(not HAS_TWO, reason=TWO_CPUS),
              pytest.mark.skipif(not os.path.exists(GUEST), reason=f"{GUEST} is not built; it is made on x86 only")]


class Bench:
    def __init__(self, address):
        self.environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": address, "VIRTPIND_BENCH_GUEST": GUEST,
                            "PYTHONPATH": str(ROOT / "clients/bench"), "LC_ALL": "C.UTF-8"}

    def start(self, *arguments, user=None):
        return subprocess.Popen([sys.executable, "-B", "-m", "virtpind_bench", "--bus", "session", *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment, cwd="/", user=user, group=user, extra_groups=[] if user else None,
                                # Not as in the background of a shell that has no jobs.
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def run(self, *arguments, user=None):
        process = self.start(*arguments, user=user)
        out, errors = process.communicate(timeout=120)
        return process.returncode, out, errors

    def refused(self, status, *parts, arguments, user=None):
        """That it ends with this status and these texts, and prints no result."""
        code, out, errors = self.run(*arguments, user=user)
        assert (code, out) == (status, ""), (code, out, errors)
        for part in parts:
            assert part in errors, errors


@pytest.fixture
def bench(bus):
    return Bench(bus.address)


def shape(client, guest):
    """What is to be as it was: policy, its source, and where every thread may run."""
    seen = client.domain_properties(guest.uuid)
    return {key: seen[key] for key in ("Policy", "PolicySource", "PolicyOptions", "PinState")}, guest.affinity()


def wait_for_cpus(guest, cpus):
    wait_until(lambda: guest.affinity()["vcpus"][0] == cpus, lambda: f"vCPU 0 on {cpus}: {guest.affinity()}")


def hogs():
    """Processes of the load; those that have ended and wait for their parent do not count."""
    return [process.name for process in Path("/proc").iterdir()
            if process.name.isdecimal() and b"hog.py" in read_bytes(process / "cmdline")]


def read_bytes(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_own_guest_of_the_bench_tells_a_table_and_a_picture_and_leaves_nothing(bench, host, libvirtd, tmp_path):
    picture = tmp_path / "bench.svg"
    code, out, errors = bench.run("--tcg", "--rounds", "8", "--window", "0.05", "--svg", str(picture),
                                  "--conditions", "unpinned,dedicated")
    assert (code, errors) == (0, "")
    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    assert {"work done, %", "away, %", "wait p99, ms", "run delay, %"} <= rows.keys(), out
    assert rows["away, %"].count("[") == 3, "each condition's figure has its interval"
    assert "unpinned -> dedicated" in rows
    for said in ("Left out: isolated:", "emulated (TCG)", "child processes, since no systemd", "in random order"):
        assert said in " ".join(out.split())
    # On a quiet host nothing may wait in some conditions: there is no curve then, and the picture says so.
    curves = list(ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(curves) + picture.read_text(encoding="utf-8").count(": never<") == 3
    assert libvirtd.virsh("list", "--name").stdout.strip() == ""
    assert not hogs()


def test_killed_bench_takes_its_guest_and_its_load_along(bench, host, libvirtd):
    process = bench.start("--tcg", "--rounds", "500", "--window", "0.5", "--conditions", "unpinned,dedicated")
    wait_until(hogs, "the load runs")
    assert libvirtd.virsh("list", "--name").stdout.startswith("virtpind-bench-")
    process.kill()
    process.communicate()
    wait_until(lambda: not hogs() and not libvirtd.virsh("list", "--name").stdout.strip(),
               lambda: f"load {hogs()} and guest are gone")


def test_own_guest_of_the_bench_says_nothing_before_its_port_is_read(bench, host, tmp_path):
    """QEMU throws away what a guest says while nobody has its port open."""
    seen = tmp_path / "state"
    folder = make_folder_with(tmp_path / "bin", "virsh", f"""#!/bin/sh
case " $* " in
*" ttyconsole "*) for name; do :; done; {shutil.which("virsh")} "$1" "$2" "$3" domstate "$name" >{seen} ;;
esac
exec {shutil.which("virsh")} "$@"
""")
    bench.environment["PATH"] = f"{folder}:{os.environ['PATH']}"
    code, _, errors = bench.run("--tcg", "--rounds", "8", "--window", "0.05", "--conditions", "unpinned,dedicated")
    assert (code, errors) == (0, "")
    assert seen.read_text().strip() == "paused"


def test_users_guest_is_measured_and_as_before(bench, host, client, make_guest):
    guest = make_guest("win11", vcpus=1, cputune=f"<vcpupin vcpu='0' cpuset='{FIRST},{SECOND}'/>").start()
    host.wait_known(guest)
    before = shape(client, guest)
    code, out, errors = bench.run("--domain", guest.name, "--policies", f"none,dedicated+cpus={SECOND}",
                                  "--rounds", "8", "--window", "0.05", "--json")
    assert (code, errors) == (0, "")
    told = json.loads(out)
    assert [condition["name"] for condition in told["conditions"]] == ["none", f"dedicated+cpus={SECOND}"]
    assert len(told["windows"]) == 16
    assert {window["pins"] for window in told["windows"] if window["condition"] != "none"} == {SECOND}
    assert {row["metric"] for row in told["comparisons"]} >= {"delay", "migrations", "involuntary"}
    assert "policy and affinities of all threads are as before" in told["notes"]
    assert shape(client, guest) == before
    assert "vcpupin" in guest.xml("--inactive")


@pytest.mark.parametrize("how,status", [(signal.SIGINT, INTERRUPTED), (signal.SIGKILL, -signal.SIGKILL)])
def test_ended_in_the_middle_it_leaves_policy_and_pins_as_before(bench, host, client, make_guest, how, status):
    guest = make_guest("win11", vcpus=1).start()
    host.wait_known(guest)
    host.set_policy(guest, "dedicated", cpus=FIRST)
    before = shape(client, guest)
    process = bench.start("--domain", guest.name, "--policies", f"dedicated+cpus={SECOND},none", "--rounds", "500",
                          "--window", "0.2")
    wait_for_cpus(guest, SECOND)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == status
    wait_for_cpus(guest, FIRST)
    wait_until(lambda: shape(client, guest) == before, lambda: f"{before}, now {shape(client, guest)}")


def test_guest_that_ends_meanwhile_is_told(bench, host, make_guest):
    guest = make_guest("win11", vcpus=1).start()
    host.wait_known(guest)
    process = bench.start("--domain", guest.name, "--policies", f"dedicated+cpus={SECOND},none", "--rounds", "500",
                          "--window", "0.2")
    wait_for_cpus(guest, SECOND)
    guest.destroy()
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (NO_SUCH_GUEST, ""), errors
    assert f"--domain {guest.name}: the guest ended while it was measured" in errors


def test_mistakes_are_told_before_anything_changes(bench, host, client, make_guest):
    guest = make_guest("win11", vcpus=1).start()
    host.wait_known(guest)
    before = shape(client, guest)
    bench.refused(NO_SUCH_GUEST, "--domain nobody", "virtpinctl list", arguments=["--domain", "nobody"])
    bench.refused(USAGE, "dedicate", "dedicated", "virtpinctl policies",
                  arguments=["--domain", guest.name, "--policies", "none,dedicate"])
    bench.refused(USAGE, "smt", "prefer", arguments=["--domain", guest.name, "--policies", "none,dedicated+smt=x"])
    bench.refused(USAGE, "--rounds: 3", "8 to 1000", arguments=["--domain", guest.name, "--rounds", "3"])
    bench.refused(USAGE, "--conditions: 'noisy'", "quiet, unpinned", arguments=["--tcg", "--conditions", "noisy"])
    bench.refused(USAGE, "--svg: /proc/none/x", arguments=["--svg", "/proc/none/x"])
    client.manager("Hold", "(ss)", guest.name, "a backup")
    bench.refused(FAILED, "is held by", "a backup", arguments=["--domain", guest.name])
    guest.destroy()
    bench.refused(NO_SUCH_GUEST, "shutoff", "virsh start", arguments=["--domain", guest.name])
    assert before[0]["Policy"] == client.domain_properties(guest.uuid)["Policy"]


def test_who_may_not_is_told_so(open_bus, polkit, host, make_guest):
    guest = make_guest("win11", vcpus=1).start()
    host.wait_known(guest)
    bench = Bench(open_bus.address)
    bench.refused(DENIED, "sudo virtpind-bench", "--domain", arguments=[], user=NOBODY)
    bench.refused(DENIED, "group libvirt", arguments=["--domain", guest.name], user=NOBODY)


def test_without_a_service_it_is_said_where_to_look(bench, libvirtd):
    bench.refused(UNREACHABLE, "virtpind does not answer", "systemctl status virtpind", arguments=["--domain", "win11"])


def test_without_room_for_its_guest_it_says_so(bench, make_daemon, client, make_guest, libvirtd):
    make_daemon(topology=f"synthetic:core:2 pu:1{INDEXES}", config='{"housekeeping": ""}')
    guest = make_guest("win11", vcpus=2).start()
    client.wait_for_properties(guest.uuid, lambda is_: True, f"{guest.name} is known")
    client.manager("SetPolicy", "(ssa{sv}t)", guest.name, "dedicated", {}, 0)
    before = shape(client, guest)
    bench.refused(FAILED, "no room for a dedicated guest of 1 vCPU", arguments=["--tcg"])
    assert libvirtd.virsh("list", "--name").stdout.strip() == guest.name
    assert shape(client, guest) == before
