# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpinctl doctor: what it mends, and what it takes from virtpind doctor."""
import json
import os
import subprocess

import pytest

from driver_host import TOPOLOGY, make_host
from virtpinctl import FAILED, NOT_AS_ASKED, OK, USAGE, Virtpinctl, make_folder_with, says
from waiting import wait_until


@pytest.fixture
def ctl(bus):
    return Virtpinctl(bus.address)


@pytest.fixture
def uri(make_daemon, ctl, tmp_path):
    """A host with the guest d0, whose two vCPUs are pinned to one CPU."""
    name = make_host(tmp_path / "host.xml", 1)
    pins = "".join(f"<vcpupin vcpu='{vcpu}' cpuset='3'/>" for vcpu in range(2))
    text = (tmp_path / "host.xml").read_text()
    (tmp_path / "host.xml").write_text(text.replace("</vcpu>", f"</vcpu><cputune>{pins}</cputune>"))
    make_daemon(name, topology=TOPOLOGY)
    wait_until(lambda: "d0" in ctl.run("list").stdout, "the guest is known")
    return name


def test_doctor_mends(uri, ctl):
    says(ctl.run("doctor", "--fix", "pin.dup"), USAGE, "this is none; add --yes")
    says(ctl.run("doctor", "--fix", "pin.dupp", "--yes"), USAGE, "did you mean 'pin.dup'?")
    status, shown = ctl.on_terminal("doctor", "--fix", "pin.dup", typed="n\n")
    assert status == FAILED and "fix   virtpinctl set d0 dedicated   (live)" in shown
    assert "nothing was changed" in shown and "foreign" in ctl.run("list").stdout
    status, shown = ctl.on_terminal("doctor", "d0", "--fix", "pin.dup", typed="y\n")
    assert status == OK and "d0: dedicated\n" in shown and "pin.dup is mended\n" in shown
    assert "undo: virtpinctl reset d0\n" in shown and "pinned" in ctl.run("list").stdout
    says(ctl.run("doctor", "--fix", "pin.dup", "--yes"), USAGE, "doctor does not find 'pin.dup'")
    says(ctl.run("reset", "d0"), OK)
    done = says(ctl.run("doctor", "d0", "--fix", "pin.dup", "--yes", "--json=short"), OK)
    assert json.loads(done.stdout)[0]["policy"] == "dedicated"


def test_doctor_completes_the_services_answer_on_its_host(uri, ctl, tmp_path):
    """By virtpind doctor, which runs as the caller."""
    answer = {"guests": ["test"],
              "findings": [{"id": "host.ksm", "severity": "note", "guest": "", "evidence": "ksm runs", "why": "",
                            "fix": "stop it", "automatic": False}],
              "not-measured": [{"id": "host.swap", "guest": "", "reason": "for a test"}]}
    script = f"#!/bin/sh\necho \"$@\" >{tmp_path}/arguments\ncat <<'END'\n{json.dumps(answer)}\nEND\n"
    path = f"{make_folder_with(tmp_path / 'bin', 'virtpind', script)}:{os.environ['PATH']}"
    done = says(ctl.run("doctor", "-v", PATH=path), NOT_AS_ASKED, "host: 1 note", "host.ksm: ksm runs", "fix   stop it",
                "? host.swap: for a test")
    assert "host.ksm: the service" not in done.stdout and "host.thp" not in done.stdout, "measured, and fine"
    assert (tmp_path / "arguments").read_text() == f"doctor --json --fail-on never --uri {uri}\n"
    whole = json.loads(ctl.run("doctor", "--json=short", PATH=path).stdout)
    assert whole["summary"]["notes"] == 2
    (tmp_path / "bin" / "virtpind").write_text("#!/bin/sh\nexit 1\n")
    says(ctl.run("doctor", "-v", PATH=path), NOT_AS_ASKED, "? host.ksm: the service does not look")


def test_doctor_of_another_host_measures_that_one(uri, bus, ctl, tmp_path):
    """Over ssh, as the bus; a name with a port is one for busctl alone."""
    answer = {"guests": ["test"], "findings": [], "not-measured": [{"id": "host.swap", "guest": "", "reason": "there"}]}
    script = ("#!/bin/sh\ncase $* in\n"
              f"*' virtpind doctor '*) echo \"$@\" >>{tmp_path}/arguments; echo '{json.dumps(answer)}' ;;\n"
              f"*) exec systemd-stdio-bridge --bus-path={bus.address} ;;\nesac\n")
    path = f"{make_folder_with(tmp_path / 'bin', 'ssh', script)}:{os.environ['PATH']}"

    def doctor(name):
        return subprocess.run([ctl.command()[0], "-H", name, "doctor", "-v"], capture_output=True, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL,
                              env={**ctl.environment, "PATH": path}).stdout

    assert "host.swap: there" in doctor("ada") and "host.ksm: the service" not in doctor("ada")
    told = (tmp_path / "arguments").read_text().splitlines()
    assert set(told) == {"-xT -o BatchMode=yes -- ada virtpind doctor --json --fail-on never --uri " + uri}
    assert "host.ksm: the service does not look" in doctor("ada:2222")


def test_doctor_of_the_real_command(uri, ctl):
    path = f"{os.path.dirname(os.environ['VIRTPIND_BINARY'])}:{os.environ['PATH']}"
    done = ctl.run("doctor", "-v", "--json=short", PATH=path)
    reasons = [row["reason"] for row in json.loads(done.stdout)["not-measured"]]
    assert done.returncode in (OK, NOT_AS_ASKED) and not any("virtpind doctor does" in reason for reason in reasons)
