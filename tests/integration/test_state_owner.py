# SPDX-License-Identifier: LGPL-2.1-or-later
"""The state directory belongs to the service's user, and root works beside it: what `virtpind restore` makes there
as root stays that user's, and root is led nowhere by what that user may have put there."""
import os
import shutil
import stat
import subprocess

import pytest

from host_cpus import FIRST
from virtpind_daemon import BINARY, VirtpindDaemon
from waiting import wait_until

OWNER, STRANGER = 65534, 1  # nobody, and somebody else again
NO_START_UNTIL_MENDED = 78
TEST_URI, TEST_TOPOLOGY = "test:///default", "synthetic:pack:1 l3:2 core:4 pu:2"


@pytest.fixture
def reachable(tmp_path):
    """A directory that every user reaches."""
    for directory in list(tmp_path.parents)[:2] + [tmp_path]:
        directory.chmod(0o755)
    return tmp_path


@pytest.fixture
def state(reachable):
    """A state directory as the unit's StateDirectory= makes it."""
    directory = reachable / "state"
    directory.mkdir(mode=0o700)
    os.chown(directory, OWNER, OWNER)
    return directory


@pytest.fixture
def domains(state):
    directory = state / "domains"
    directory.mkdir(mode=0o700)
    os.chown(directory, OWNER, OWNER)
    return directory


@pytest.fixture
def make_service(reachable, open_bus, state):
    """A daemon that runs as the directory's owner."""
    made = []

    def make(uri=TEST_URI, topology=TEST_TOPOLOGY, **options):
        directory = reachable / f"service{len(made)}"
        directory.mkdir()
        service = VirtpindDaemon(directory, open_bus, uri, topology=topology, state_dir=state, **options)
        service.command = ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups", *service.command]
        subprocess.run(["chown", "-R", str(OWNER), directory], check=True)
        made.append(service)
        return service

    yield make
    for service in made:
        if service.process and service.process.poll() is None:
            service.close()


def restore(state, *, uri=TEST_URI, topology=TEST_TOPOLOGY):
    """`virtpind restore`, as root."""
    return subprocess.run([BINARY, "restore", "--uri", uri, "--topology", topology, "--state-dir", state, "--all"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def owners(directory):
    """{name: user} of all that is in it."""
    return {path.name: path.lstat().st_uid for path in directory.rglob("*")}


def test_what_root_restores_stays_the_services(state, make_service):
    assert restore(state).returncode == 0
    assert owners(state) == {"lock": OWNER}
    assert stat.S_IMODE((state / "lock").stat().st_mode) == 0o600
    make_service().start()
    refused = restore(state)
    assert refused.returncode == 2 and "stop it first" in refused.stderr, refused


def test_root_makes_a_state_directory_where_there_is_none(reachable):
    assert restore(reachable / "none").returncode == 0
    assert stat.S_IMODE((reachable / "none").stat().st_mode) == 0o700


def test_a_guest_is_given_back_by_root_and_nothing_of_root_is_left(make_guest, client, state, make_service):
    socket = "/run/libvirt/libvirt-sock"
    os.chmod(socket, 0o777)
    guest = make_guest("owned", vcpus=1).start()
    before = guest.xml("--inactive")
    service = make_service("qemu:///system", None, config='{"housekeeping": ""}').start()
    client.wait_for_properties(guest.uuid, lambda is_: True, "known")
    client.manager("SetPolicy", "(ssa{sv}t)", guest.name, "dedicated", client.options({"cpus": FIRST}), 0)
    assert guest.xml("--inactive") != before
    service.stop()
    os.chmod(socket, 0o700)  # libvirt knows nobody but root now
    (state / "lock").unlink()
    done = restore(state, uri="qemu:///system", topology="live")
    assert done.returncode == 0 and f"{guest.name}: restored" in done.stdout, done
    assert guest.xml("--inactive") == before
    assert owners(state) == {"crash-guard": OWNER, "domains": OWNER, "lock": OWNER}


@pytest.mark.parametrize("in_the_way", ["of root", "link", "pipe", "directory"])
def test_a_lock_that_cannot_be_had_is_no_start(state, make_service, in_the_way):
    lock = state / "lock"
    if in_the_way == "of root":
        lock.touch(mode=0o600)
    elif in_the_way == "link":
        lock.symlink_to("/etc/hostname")
    elif in_the_way == "pipe":
        os.mkfifo(lock, 0o600)
        os.chown(lock, OWNER, OWNER)
    else:
        lock.mkdir()
    service = make_service(journal=True)
    service.launch()
    assert service.process.wait(30) == NO_START_UNTIL_MENDED
    wait_until(lambda: any(said.startswith("STATUS=failed to open the lock") for said in service.read_notifications()),
               "systemd hears why")
    assert "READY=1" not in service.read_notifications()
    refused = restore(state)
    assert refused.returncode == 2 and f"failed to open the lock '{lock}'" in refused.stderr, refused


def test_a_daemon_of_another_user_does_not_use_the_directory(state, make_service):
    service = make_service()
    service.command = service.command[service.command.index(BINARY):]  # as root
    service.launch()
    assert service.process.wait(30) == NO_START_UNTIL_MENDED
    assert f"it belongs to user {OWNER}" in service.log_text()
    assert owners(state) == {}


def test_root_is_not_led_elsewhere(state, reachable):
    elsewhere = reachable / "roots"
    elsewhere.mkdir(mode=0o700)
    for name in ("a.json", "b.json.new"):
        (elsewhere / name).write_text("of root")
    (state / "domains").symlink_to(elsewhere)
    refused = restore(state)
    assert refused.returncode == 1 and "domains" in refused.stderr, refused
    assert {path.name for path in elsewhere.iterdir()} == {"a.json", "b.json.new"}, "neither set aside nor removed"


def test_root_uses_no_directory_of_somebody_else(state):
    foreign = state / "domains"
    foreign.mkdir(mode=0o755)
    os.chown(foreign, STRANGER, STRANGER)
    (foreign / "a.json").write_text("x")
    refused = restore(state)
    assert refused.returncode == 1 and f"belongs to user {STRANGER}" in refused.stderr, refused
    assert [path.name for path in foreign.iterdir()] == ["a.json"]


def test_root_reads_only_what_the_owner_may_and_waits_for_no_pipe(state, domains, reachable):
    secret = reachable / "secret.json"
    secret.write_text("secret")
    secret.chmod(0o600)
    (domains / "link.json").symlink_to(secret)
    os.mkfifo(domains / "pipe.json", 0o600)
    os.chown(domains / "pipe.json", OWNER, OWNER)
    shutil.copy(secret, domains / "roots.json")
    (domains / "roots.json").chmod(0o600)
    refused = restore(state)
    assert refused.returncode == 1, refused
    for name in ("link.json", "pipe.json", "roots.json"):
        assert name in refused.stderr, refused
    assert "secret'" not in refused.stdout and secret.read_text() == "secret"
