# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verbs of virtpinctl that stay: what they say meanwhile, and what becomes of the service."""
import os
import signal
import subprocess

import pytest

from driver_host import TEST_URI, TOPOLOGY
from virtpinctl import OK, Virtpinctl, says
from waiting import wait_until


@pytest.fixture
def ctl(bus):
    return Virtpinctl(bus.address)


@pytest.fixture
def host(make_daemon, ctl):
    """A host of 16 CPUs with the test driver's guest."""
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY)
    wait_until(lambda: "test" in ctl.run("list").stdout, "the guest is known")
    return daemon


def wait_for_line(watching, text):
    """Reads until a line has this text: on a busy host, states in between are seen, too."""
    lines = [watching.stdout.readline()]
    while text not in lines[-1]:
        assert lines[-1], f"it ended: {lines}"
        lines.append(watching.stdout.readline())


def test_watch_and_hold(host, ctl, bus):
    watching = ctl.start("watch")
    assert "watching 1 guest" in watching.stdout.readline()
    says(ctl.run("set", "test", "dedicated"), OK)
    assert "policy none → dedicated" in watching.stdout.readline()
    wait_for_line(watching, "● pinned on ")
    done = ctl.run("hold", "test", "--reason", "backup", "--", *ctl.command("show", "test"))
    says(done, OK, "held", "backup")
    wait_for_line(watching, "held by backup")
    wait_for_line(watching, "● pinned on ")
    host.stop()
    wait_for_line(watching, "is gone")
    watching.terminate()
    watching.communicate()


def test_what_waits_never_starts_a_service_that_was_stopped(host, ctl, bus, tmp_path):
    """Whoever stops the service, on a bus that starts it when it is called, finds it stopped afterwards."""
    started = tmp_path / "started"
    bus.activate_by(f"/bin/sh -c 'touch {started}; exit 1'")
    watching, holding = ctl.start("watch"), ctl.start("hold", "test")
    assert "watching 1 guest" in watching.stdout.readline()
    assert "left alone until Ctrl-C" in holding.stdout.readline()
    command = ctl.start("hold", "test", "--", "sh", "-c", "echo begins; read line", stdin=subprocess.PIPE)
    assert "begins" in command.stdout.readline()
    host.stop()
    wait_for_line(watching, "is gone")
    _, said = holding.communicate(timeout=60)
    assert "virtpind is gone, and the hold with it" in said
    _, said = command.communicate("go on\n", timeout=60)
    assert "the hold had ended before the command" in said and command.returncode == OK
    assert ctl.run("complete", "--", "--bus", "session", "set", "t").stdout == ""
    watching.terminate()
    watching.communicate()
    assert not started.exists(), "somebody called for the service"
    ctl.run("list")
    wait_until(started.exists, "the bus starts it for whoever asks for it now")


def test_hold_passes_the_status_on(host, ctl):
    assert ctl.run("hold", "test", "--", "sh", "-c", "exit 42").returncode == 42
    assert ctl.run("hold", "test", "--", "sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM
    says(ctl.run("hold", "test", "--", "/nonexistent/command"), 127, "cannot run '/nonexistent/command'")
    holding = ctl.start("hold", "test")
    assert "left alone until Ctrl-C" in holding.stdout.readline()
    assert "held" in ctl.run("list").stdout
    holding.terminate()
    holding.communicate()
    wait_until(lambda: "held" not in ctl.run("list").stdout, "the hold ends with its holder")


def test_a_hold_tells_the_name_of_its_command_alone(host, ctl):
    done = ctl.run("hold", "test", "--", "/bin/sh", "-c", "echo done", "secret", "é" * 120)
    says(done, OK, "done")
    done = ctl.run("hold", "test", "--", "/bin/sh", "-c", f"{' '.join(ctl.command('show', 'test'))} # secret")
    says(done, OK, "virtpinctl hold -- sh")
    assert "secret" not in done.stdout
    for arguments in (["--", "true", b"\xff"], ["--reason", b"\xff", "--", "true"]):
        says(ctl.run("hold", "test", *arguments), OK)


def test_what_holds_ends_with_its_holder(host, ctl):
    holding = ctl.start("hold", "test", "--", "sh", "-c", "echo $$; exec sleep 1000")
    pid = int(holding.stdout.readline())
    holding.kill()
    holding.communicate()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the command ends with virtpinctl")
