# SPDX-License-Identifier: LGPL-2.1-or-later
"""The private host itself: what the other integration tests stand on."""
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from gi.repository import GLib

from faults import LIBRARY
from host_cpus import ALL, FIRST, SECOND
from private_bus import BusError
from two_hosts import PRIVATE_HOST
from virtpind_daemon import BINARY

# What libvirt answers by itself: there is nothing that could go wrong on the way.
ASKS_NOBODY = re.compile(r"virEvent.*|virTypedParams.*|vir(Get|Set|Reset).*Error.*"
                         r"|virDomain(Free|GetID|GetName|GetUUIDString)"
                         r"|virConnect(GetType|IsAlive)")


def test_guest_threads_and_their_affinity_are_seen(make_guest):
    guest = make_guest("plain", vcpus=2, max_vcpus=3, iothreads=1,
                       cputune=f"<vcpupin vcpu='1' cpuset='{FIRST}'/>"
                               f"<iothreadpin iothread='1' cpuset='{FIRST}'/>").start()
    seen = guest.affinity()
    assert seen["vcpus"] == {0: ALL, 1: FIRST}
    assert seen["iothreads"] == {1: FIRST}
    assert seen["emulator"] == ALL


def test_live_pin_and_hotplug_reach_the_kernel(make_guest, libvirtd):
    guest = make_guest("pinned", vcpus=1, max_vcpus=2).start()
    libvirtd.virsh("vcpupin", guest.name, 0, FIRST, "--live")
    libvirtd.virsh("setvcpus", guest.name, 2, "--live")
    assert guest.affinity()["vcpus"] == {0: FIRST, 1: ALL}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_guest_survives_the_end_of_libvirtd(make_guest, libvirtd, how):
    guest = make_guest("survivor").start()
    pid = guest.qemu_pid()
    libvirtd.restart(how)
    assert guest.qemu_pid() == pid
    assert libvirtd.virsh("domstate", guest.name).stdout.strip() == "running"


def test_errors_of_calls_carry_their_name(client):
    with pytest.raises(BusError) as refused:
        client.manager("Describe")
    assert refused.value.name == "org.freedesktop.DBus.Error.ServiceUnknown"


def test_namespace_hides_the_system_sockets():
    assert os.environ["VIRTPIND_PRIVATE_HOST"] == "yes"
    assert not os.path.exists("/run/dbus/system_bus_socket")


def test_hosts_within_a_private_host_share_its_turn(tmp_path):
    outside = {key: value for key, value in os.environ.items()
               if key not in ("VIRTPIND_PRIVATE_HOST", "VIRTPIND_PRIVATE_TURN")}
    within = f"env -u VIRTPIND_PRIVATE_HOST {PRIVATE_HOST} sh -c 'echo both >{tmp_path}/ran'"
    done = subprocess.run([PRIVATE_HOST, "sh", "-c", within], timeout=30, check=False, capture_output=True, text=True,
                          env={**outside, "VIRTPIND_PRIVATE_TURN": "yes", "TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ran").read_text() == "both\n"


def libvirt_symbols(file, which):
    said = subprocess.run(["nm", "--dynamic", which, file], capture_output=True, text=True, check=True).stdout
    return {name for name in re.findall(r" (vir[A-Z]\w+)", said) if not ASKS_NOBODY.fullmatch(name)}


def test_faults_can_meet_every_call_to_libvirt_and_no_other():
    assert libvirt_symbols(LIBRARY, "--defined-only") == libvirt_symbols(BINARY, "--undefined-only")


@pytest.mark.parametrize(("action", "is_done"), [("kill", False), ("kill-in", True)])
def test_a_kill_comes_before_a_call_or_within_it(make_daemon, make_guest, client, faults, action, is_done):
    guest = make_guest("killed", vcpus=1).start()
    daemon = make_daemon(config='{"housekeeping": ""}', environment=faults.environment)
    client.wait_for_properties(guest.uuid, lambda is_: True, "known")
    faults.plan(action, calls="virDomainPinVcpuFlags", milliseconds=1000)
    with pytest.raises((BusError, GLib.Error)):
        client.manager("SetPolicy", "(ssa{sv}t)", guest.name, "dedicated", {"cpus": GLib.Variant("s", SECOND)}, 0)
    assert daemon.process.wait(30) == -signal.SIGKILL
    assert faults.calls() == ["virDomainPinVcpuFlags"]
    assert guest.affinity()["vcpus"] == {0: SECOND if is_done else ALL}


COUNT_RESULTS = Path(__file__).resolve().parents[1] / "support" / "count_results.py"
REPORT = """<?xml version="1.0" encoding="utf-8"?><testsuites>
<testsuite name="virtpind.test_a.Kind"><testcase name="holds"/><testcase name="breaks"><failure/></testcase>
<testcase name="waits"><skipped/></testcase></testsuite>
<testsuite name="virtpind.test_b"><testcase name="test_b"/><system-out>\x1b[1mPassword:\x00</system-out></testsuite>
</testsuites>"""


def test_failed_cases_are_counted_and_named_whatever_a_test_has_printed(tmp_path):
    """A terminal's control characters have no place in XML, and meson copies them."""
    logs = tmp_path / "meson-logs"
    logs.mkdir()
    (logs / "testlog-standard.junit.xml").write_text(REPORT)
    results = {"test_a": "FAIL", "test_b": "OK", "test_c": "TIMEOUT", "test_d": "SKIP"}
    (logs / "testlog-standard.json").write_text(
        "\n".join(json.dumps({"name": name, "result": result}) for name, result in results.items()))
    counted = subprocess.run([sys.executable, "-B", COUNT_RESULTS, tmp_path, "standard"], capture_output=True,
                             text=True, check=True)
    assert counted.stdout.splitlines() == ["2 2 2", "test_a: breaks", "test_c: timeout"]
