# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the integration tests. Run them by `meson test --suite integration`, or one by hand:

tests/support/private-host env VIRTPIND_BINARY=BUILD/daemon/virtpind /usr/bin/python3 -B -m pytest FILE
"""
import os
import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from faults import LIBRARY, Faults  # noqa: E402
from nothing_left import Before  # noqa: E402
from polkit_mock import PolkitMock  # noqa: E402
from private_bus import NOBODY, PrivateBus  # noqa: E402
from private_libvirtd import HOW, LIBVIRTD, URI, Libvirtd, inside_private_host  # noqa: E402
from random_order import pytest_collection_modifyitems, pytest_terminal_summary  # noqa: E402,F401
from virtpind_daemon import VirtpindDaemon  # noqa: E402

RUNNING = []  # the session's libvirtd, once a test wants it
DAEMONS = pytest.StashKey()  # of a test: the daemons that it has made
SHOWN = 200  # lines of a log


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows how its logs end: what fails rarely, and elsewhere, cannot be run again to see them."""
    report = (yield).get_result()
    if not report.failed:
        return
    logs = [("virtpind", daemon.log) for daemon in item.stash.get(DAEMONS, [])]
    logs += [("libvirtd", libvirtd.log) for libvirtd in RUNNING]
    for name, log in logs:
        if log.exists():
            lines = log.read_text(errors="replace").splitlines()
            report.sections.append((f"the last {SHOWN} of {len(lines)} lines of {name}", "\n".join(lines[-SHOWN:])))


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Of all that a test starts, defines or writes on the private host; it is set up first, and looks last."""
    if not inside_private_host():
        yield
        return
    before = Before()
    yield
    left = before.left(RUNNING[0] if RUNNING else None)
    assert not left, "the test leaves behind: " + "; ".join(left)


@pytest.fixture
def bus(tmp_path):
    """A private message bus."""
    private = PrivateBus(tmp_path).start()
    yield private
    private.stop()


@pytest.fixture
def open_bus(bus):
    """The private bus, its socket within reach of every user."""
    return bus.open_to_all()


@pytest.fixture
def client(bus):
    """A connection to the private bus."""
    connected = bus.connect()
    yield connected
    if not connected.connection.is_closed():
        connected.close()


@pytest.fixture
def user(open_bus):
    """A connection of a user without any right."""
    connected = open_bus.connect_as(NOBODY)
    yield connected
    if not connected.connection.is_closed():
        connected.close()


@pytest.fixture
def polkit(open_bus):
    """polkit on the private bus, which refuses everything that a test does not let it allow."""
    mock = PolkitMock(open_bus)
    yield mock
    mock.stop()


@pytest.fixture(scope="session")
def session_libvirtd(tmp_path_factory):
    if not inside_private_host():
        pytest.skip(HOW)
    if not Path(LIBVIRTD).exists() or not shutil.which("qemu-system-x86_64"):
        pytest.skip("libvirtd or QEMU is not installed: tests/install-deps")
    running = Libvirtd(tmp_path_factory.mktemp("libvirtd") / "log").start()
    RUNNING.append(running)
    yield running
    RUNNING.clear()
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def libvirtd(session_libvirtd):
    """The private libvirtd, running and answering at the start of each test."""
    if session_libvirtd.process.poll() is not None:
        session_libvirtd.start()
    yield session_libvirtd
    session_libvirtd.resume()


@pytest.fixture
def make_guest(libvirtd):
    """make_guest(name, vcpus=2, max_vcpus=4, iothreads=1, cputune="...") defines a guest."""
    made = []

    def make(name, **options):
        made.append(libvirtd.guest(name, **options))
        return made[-1]

    yield make
    if libvirtd.process.poll() is not None:
        libvirtd.start()
    for guest in made:
        guest.remove()


@pytest.fixture
def faults(tmp_path):
    """Faults inside the calls of a daemon that is made with environment=faults.environment."""
    if not os.path.exists(LIBRARY):
        pytest.skip(f"{LIBRARY} is not built: ninja -C BUILD, and VIRTPIND_FAULT_LIBRARY names it")
    return Faults(tmp_path)


@pytest.fixture
def make_daemon(request, tmp_path, bus):
    """make_daemon(uri=..., topology=..., config=...) starts virtpind on the private bus."""
    made = request.node.stash[DAEMONS] = []

    def make(uri=URI, **options):
        directory = tmp_path / f"daemon{len(made)}"
        directory.mkdir()
        made.append(VirtpindDaemon(directory, bus, uri, **options))
        return made[-1].start()

    yield make
    for daemon in made:
        daemon.close()


class QemuHost:
    """A running daemon without housekeeping, since test hosts have few CPUs, and what users do with it."""

    def __init__(self, daemon, client):
        self.daemon = daemon
        self.client = client

    def set_policy(self, guest, policy, flags=0, **options):
        values = self.client.options({name.replace("_", "-"): value for name, value in options.items()})
        return self.client.manager("SetPolicy", "(ssa{sv}t)", guest.name, policy, values, flags)

    def plan(self, guest, policy, **options):
        answer = self.client.manager("Plan", "(ssa{sv})", guest.name, policy, self.client.options(options))
        return next(domain for domain in json.loads(answer)["domains"] if domain["uuid"] == guest.uuid)

    def reset(self, guest):
        return self.client.manager("ResetPolicy", "(st)", guest.name, 0)

    def explain(self, guest):
        return json.loads(self.client.domain(guest.uuid, "Explain"))

    def wait(self, guest, state):
        return self.client.wait_for_properties(
            guest.uuid, lambda is_: is_["PinState"] == state, f"{guest.name} is {state}")

    def wait_known(self, guest):
        return self.client.wait_for_properties(guest.uuid, lambda is_: True, f"{guest.name} is known")


@pytest.fixture
def host(make_daemon, client, libvirtd):
    return QemuHost(make_daemon(config='{"housekeeping": ""}'), client)
