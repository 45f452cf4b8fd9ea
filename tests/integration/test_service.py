# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service tells systemd and the journal: readiness, status, the watchdog, entries with fields."""
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from gi.repository import GLib

from driver_host import TEST_URI, TEST_UUID, TOPOLOGY, make_host
from host_cpus import FIRST
from private_bus import MANAGER, NAME, ROOT, BusError
from private_libvirtd import HOW, URI, inside_private_host
from virtpind_daemon import BINARY
from waiting import wait_until

JOURNAL = Path("/run/systemd/journal/socket")
CATALOG = Path(__file__).resolve().parents[2] / "systemd" / "journal" / "virtpind.catalog"

WATCHDOG = {"WATCHDOG_USEC": "1000000"}
# Half an interval passes between two feedings; so much silence is that of several.
SILENCE_S = 3


def message_id(subject):
    return re.search(rf"^-- (\w+)\nSubject: {re.escape(subject)}$", CATALOG.read_text(encoding="utf-8"), re.M).group(1)


class Journal:
    """Stands in for journald: what comes to its socket, as dictionaries."""

    def __init__(self):
        JOURNAL.parent.mkdir(parents=True, exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(JOURNAL))
        self.entries = []

    def close(self):
        self.socket.close()
        JOURNAL.unlink()

    def read(self):
        while True:
            try:
                lines = self.socket.recv(1 << 20).decode().splitlines()
            except BlockingIOError:
                return self.entries
            self.entries.append(dict(line.split("=", 1) for line in lines))

    def wait_for(self, subject, **fields):
        """The entry of this kind with these fields."""
        wanted = {"MESSAGE_ID": message_id(subject), **{f"VIRTPIND_{k}": v for k, v in fields.items()}}
        return wait_until(lambda: next((e for e in self.read() if wanted.items() <= e.items()), None),
                          lambda: f"'{subject}' with {fields} is in the journal, which has {self.entries}")


@pytest.fixture
def journal():
    if not inside_private_host():
        pytest.skip(HOW)
    listening = Journal()
    yield listening
    listening.close()


def test_ready_and_status(make_daemon, client):
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY)
    daemon.wait_for_notification("STATUS=ready, 1 domains, 0 pinned, 0 problems")
    client.manager("SetPolicy", "(ssa{sv}t)", "test", "dedicated", {}, 0)
    daemon.wait_for_notification("STATUS=ready, 1 domains, 1 pinned, 0 problems")
    assert daemon.notified("READY=1") == 1


def test_peer_that_closes_its_connection_ends_nobody(make_daemon, client):
    """libvirt's client writes to its socket as it is; a libvirtd that ended a moment ago makes that a SIGPIPE."""
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY)
    daemon.process.send_signal(signal.SIGPIPE)
    assert client.manager("ListDomains")
    assert daemon.process.poll() is None


def test_output_that_nobody_takes_is_an_error(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run([BINARY, "--help"], stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "virtpind: the output could not be written\n")


def test_reload_takes_a_good_configuration_and_keeps_the_former_one_over_a_bad_one(make_daemon, client):
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY, config="{}")
    config = daemon.directory / "virtpind.json"

    config.write_text('{"default-policy": "shared"}')
    client.manager("Reload", "(t)", 0)
    assert client.properties(ROOT, MANAGER)["DefaultPolicy"] == "shared"

    config.write_text('{\n"default-policy": "nonsense"}')
    with pytest.raises(BusError) as refused:
        client.manager("Reload", "(t)", 0)
    assert refused.value.name == "org.virtpind1.Error.InvalidConfig"
    assert refused.value.text.startswith(f"{config}:2: "), refused.value.text
    assert ("InvalidConfig", refused.value.text, "/") in client.properties(ROOT, MANAGER)["Problems"]
    assert client.properties(ROOT, MANAGER)["DefaultPolicy"] == "shared"

    config.unlink()
    with pytest.raises(BusError) as missing:
        client.manager("Reload", "(t)", 0)
    assert missing.value.name == "org.virtpind1.Error.InvalidConfig", missing.value

    os.mkfifo(config)  # nobody ever writes to it
    with pytest.raises(BusError) as pipe:
        client.manager("Reload", "(t)", 0)
    assert pipe.value.name == "org.virtpind1.Error.InvalidConfig", pipe.value
    assert f"'{config}' is not a regular file" in pipe.value.text, pipe.value
    config.unlink()

    config.write_text('{"default-policy": "dedicated"}')
    daemon.reload()
    wait_until(lambda: client.properties(ROOT, MANAGER)["DefaultPolicy"] == "dedicated", "SIGHUP does the same")
    assert not client.properties(ROOT, MANAGER)["Problems"]

    # READY at the start, and after each of the five, whatever came of it.
    wait_until(lambda: daemon.notified("READY=1") == 6, "systemd hears the end of the last")
    said = [line for line in daemon.read_notifications() if not line.startswith(("STATUS=", "MONOTONIC_USEC="))]
    assert said == ["READY=1"] + ["RELOADING=1", "READY=1"] * 5
    since = [int(line.split("=")[1]) for line in daemon.read_notifications() if line.startswith("MONOTONIC_USEC=")]
    assert len(since) == 5 and since == sorted(since) and since[-1] <= time.monotonic_ns() // 1000


def test_reload_takes_files_of_conf_d_and_keeps_the_former_configuration_over_a_bad_one(make_daemon, client):
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY, config='{"default-policy": "none"}')

    def default_policy():
        return client.properties(ROOT, MANAGER)["DefaultPolicy"]

    def refused_problems():
        return [text for code, text, _ in client.properties(ROOT, MANAGER)["Problems"] if code == "InvalidConfig"]

    assert default_policy() == "none"
    directory = daemon.directory / "conf.d"
    directory.mkdir()
    added = directory / "10-site.json"
    added.write_text('{"default-policy": "shared"}')
    client.manager("Reload", "(t)", 0)
    assert default_policy() == "shared"
    added.write_text('{"default-policy": "dedicated"}')
    daemon.reload()
    wait_until(lambda: default_policy() == "dedicated", "SIGHUP takes the changed file")

    added.write_text('{"default-policy": "auto"}')  # good, but not without the next
    bad = directory / "20-guests.json"
    bad.write_text('{\n"domains": {\n"web": {"policy": "shared", "placment": "none"}}}')
    with pytest.raises(BusError) as refused:
        client.manager("Reload", "(t)", 0)
    assert refused.value.name == "org.virtpind1.Error.InvalidConfig"
    assert refused.value.text.startswith(f"{bad}:3: "), refused.value.text
    assert "placment" in refused.value.text and "placement" in refused.value.text, refused.value.text
    assert refused_problems() == [refused.value.text] and default_policy() == "dedicated"

    bad.write_text("{\n\n\n!")
    daemon.reload()
    wait_until(lambda: any(text.startswith(f"{bad}:4: ") for text in refused_problems()), "SIGHUP tells of it, too")
    assert default_policy() == "dedicated"

    bad.unlink()
    daemon.reload()
    wait_until(lambda: default_policy() == "auto", "the others are taken without it")
    assert not refused_problems()
    added.unlink()
    client.manager("Reload", "(t)", 0)
    assert default_policy() == "none"


def test_watchdog_starves_while_libvirt_hangs_and_the_bus_does_not(make_daemon, client, libvirtd):
    daemon = make_daemon(URI, environment=WATCHDOG)
    wait_until(lambda: daemon.notified("WATCHDOG=1") >= 5, "the watchdog is fed")

    libvirtd.hang()
    last = {"count": 0, "at": time.monotonic()}

    def silent():
        client.manager("Describe")  # the loop turns and answers
        count = daemon.notified("WATCHDOG=1")
        if count != last["count"]:
            last.update(count=count, at=time.monotonic())
        return time.monotonic() - last["at"] > SILENCE_S

    # The period's pass is the first to run into it; keepalive ends that call, the next attempt to connect hangs.
    daemon.reload()
    wait_until(silent, "the watchdog is fed no more", 90)
    assert daemon.process.poll() is None

    libvirtd.resume()
    wait_until(lambda: daemon.notified("WATCHDOG=1") > last["count"], "the watchdog is fed again")


def test_long_look_at_many_domains_feeds_the_watchdog(make_daemon, client, faults, tmp_path):
    """Twenty calls of 100 ms, where one call that takes a second would be stuck."""
    daemon = make_daemon(make_host(tmp_path / "host.xml", 20), topology=TOPOLOGY, log_level="warning",
                environment={"WATCHDOG_USEC": "100000", **faults.environment})
    wait_until(lambda: len(client.manager("ListDomains")) == 20, "the domains are known")
    faults.plan("delay", 1, 0, "virDomainGetXMLDesc", 100)
    answers = []
    client.connection.call(NAME, ROOT, MANAGER, "Reapply", GLib.Variant("(st)", ("", 0)), None, 0, 60_000, None,
                           lambda connection, result: answers.append(connection.call_finish(result)))
    began = time.monotonic()
    while not answers:
        fed = daemon.notified("WATCHDOG=1")

        def is_over(fed=fed):
            client.pump()
            return answers or daemon.notified("WATCHDOG=1") > fed

        wait_until(is_over, "the watchdog is fed", 0.9)
    assert time.monotonic() - began > 2, "it was long"


def test_ready_though_libvirt_hangs_from_the_start(make_daemon, libvirtd):
    libvirtd.hang()
    daemon = make_daemon(URI, environment=WATCHDOG)
    assert daemon.notified("READY=1") == 1
    libvirtd.resume()


def test_journal_entries_have_fields(journal, make_daemon, client):
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY, config="{}", journal=True)
    connected = journal.wait_for("Connected to libvirt")
    assert connected["PRIORITY"] == "6" and TEST_URI in connected["MESSAGE"]

    client.manager("SetPolicy", "(ssa{sv}t)", "test", "dedicated", {}, 0)
    about = {"DOMAIN": "test", "DOMAIN_UUID": TEST_UUID}
    caller = client.connection.get_unique_name()
    journal.wait_for("A domain's policy was set", **about, POLICY="dedicated", CALLER=caller, CALLER_UID="0",
                     GENERATION="2")
    pinned = journal.wait_for("A domain is pinned", **about, POLICY="dedicated")
    assert int(pinned["VIRTPIND_PASS"]) > 0

    never = {"cpus": GLib.Variant("s", "3"), "fallback": GLib.Variant("s", "fail")}
    with pytest.raises(BusError):
        client.manager("SetPolicy", "(ssa{sv}t)", "test", "dedicated", never, 2)
    journal.wait_for("A domain's policy cannot be met", **about)

    client.manager("ResetPolicy", "(st)", "test", 0)
    journal.wait_for("A domain's policy was reset", **about, CALLER=caller, CALLER_UID="0")
    journal.wait_for("The former pins of a domain are restored", **about)

    (daemon.directory / "virtpind.json").write_text('{"default-policy": "nonsense"}')
    daemon.reload()
    assert journal.wait_for("The configuration was refused")["PRIORITY"] == "3"
    assert all(name == "MESSAGE" or re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for e in journal.read() for name in e)


def test_journal_says_once_who_is_left_alone(journal, make_daemon, make_guest, client, libvirtd):
    guest = make_guest("mine", vcpus=1, max_vcpus=1, cputune=f"<vcpupin vcpu='0' cpuset='{FIRST}'/>")
    libvirtd.restart()
    make_daemon(URI, journal=True)
    about = {"DOMAIN": guest.name, "DOMAIN_UUID": guest.uuid}
    client.wait_for_properties(guest.uuid, lambda is_: is_["PinState"] == "foreign", "the guest is foreign")
    client.manager("Reapply", "(st)", guest.name, 0)
    subject = "A domain with pins of somebody else is left alone"
    journal.wait_for(subject, **about)
    assert sum(e.get("MESSAGE_ID") == message_id(subject) for e in journal.read()) == 1

    libvirtd.stop()
    assert journal.wait_for("libvirt is not reachable")["PRIORITY"] == "4"


def test_without_a_journal_stderr_has_the_text(make_daemon, client):
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY, environment={"JOURNAL_STREAM": "1:1"})
    client.manager("SetPolicy", "(ssa{sv}t)", "test", "dedicated", {}, 0)
    wait_until(lambda: re.search(r"^\d{4}-.* info test: pinned, ", daemon.log_text(), re.M), "stderr says so")
