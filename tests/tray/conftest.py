# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the tray tests. Run them by `meson test --suite tray`, or one by hand:

tests/support/private-host env VIRTPIND_BINARY=BUILD/daemon/virtpind \
    VIRTPIND_APPLET_BINARY=BUILD/clients/tray/virtpind-applet /usr/bin/python3 -B -m pytest tests/tray -k icon
"""
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "support")]

from applet import Applet  # noqa: E402
from desktop import Desktop, missing_programs  # noqa: E402
from driver_host import TEST_URI, TEST_UUID, TOPOLOGY  # noqa: E402
from fake_notifications import NotificationMock  # noqa: E402
from private_bus import PrivateBus  # noqa: E402
from random_order import pytest_collection_modifyitems, pytest_terminal_summary  # noqa: E402,F401
from virtpind_daemon import VirtpindDaemon  # noqa: E402


@pytest.fixture(scope="session")
def session_desktop(tmp_path_factory):
    missing = missing_programs()
    if missing:
        pytest.skip(f"there is no {', '.join(missing)}: tests/install-deps")
    desktop = Desktop(tmp_path_factory.mktemp("desktop")).start()
    yield desktop
    desktop.stop()


@pytest.fixture
def bare_desktop(session_desktop):
    """A desktop without a panel."""
    if session_desktop.panel:
        session_desktop.stop_panel()
    return session_desktop


@pytest.fixture
def desktop(session_desktop):
    """A desktop with a tray."""
    if not session_desktop.panel:
        session_desktop.start_panel()
    return session_desktop


@pytest.fixture
def system_bus(tmp_path):
    folder = tmp_path / "system"
    folder.mkdir()
    bus = PrivateBus(folder).start()
    yield bus
    bus.stop()


@pytest.fixture
def system(system_bus):
    """A connection to the system bus."""
    client = system_bus.connect()
    yield client
    if not client.connection.is_closed():
        client.close()


@pytest.fixture
def make_daemon(tmp_path, system_bus):
    """make_daemon(config=..., uri=...) makes one on libvirt's test driver; it is not started."""
    made = []

    def make(uri=TEST_URI, **options):
        made.append(VirtpindDaemon(tmp_path, system_bus, uri, topology=TOPOLOGY, **options))
        return made[-1]

    yield make
    for daemon in made:
        daemon.close()


@pytest.fixture
def daemon(make_daemon, system):
    """One that has looked at its guest."""
    started = make_daemon().start()
    system.wait_for_properties(TEST_UUID, lambda seen: True, "the service knows its guest")
    return started


@pytest.fixture
def make_applet(session_desktop, system_bus):
    """make_applet(ARGUMENT..., environment=...) makes one; it is not started."""
    made = []

    def make(*arguments, **options):
        made.append(Applet(session_desktop, system_bus, *arguments, **options))
        return made[-1]

    yield make
    for applet in made:
        applet.stop()
    for settings in (session_desktop.directory / "config" / "virtpind").glob("*"):
        settings.unlink()


@pytest.fixture
def applet(desktop, daemon, make_applet):
    """The applet in its tray, with a service."""
    started = make_applet().start()
    started.item.wait_for_tooltip("everything is as asked")
    return started


@pytest.fixture
def notifications(session_desktop):
    """Whom notifications are sent to."""
    mock = NotificationMock(session_desktop.bus)
    yield mock
    mock.stop()
