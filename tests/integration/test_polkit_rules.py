# SPDX-License-Identifier: LGPL-2.1-or-later
"""The polkit files we ship, read by the real polkitd, and the daemon running as its own user."""
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from gi.repository import GLib

from polkit_mock import INTERFACE, NAME, PATH
from private_bus import BusError
from private_libvirtd import HOW, inside_private_host
from virtpinctl import BINARY, DENIED, OK, Virtpinctl
from virtpind_daemon import VirtpindDaemon
from waiting import wait_until

SHIPPED = Path(__file__).resolve().parents[2] / "dbus"
POLKITD = Path("/usr/lib/polkit-1/polkitd")
AGENT_HELPER = POLKITD.parent / "polkit-agent-helper-1"
TEST_UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
VIRTPIND, MEMBER, NOBODY, ADMINISTRATOR = 970, 5, 65534, 4242
PASSWORD = "secret"
PASSWORD_HASH = ("$6$virtpind$LGZ/ImVo76H0FT/ubWyJOe5uqamwBSzu42bjy"
                 "Op62n1jwVF3m2Em5/W3.l/vM9naVYeXd.odNmplifnTO1D4C1")
MANAGE = "org.libvirt.unix.manage"


def run(*command):
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)


def cover(path, content):
    """Shows `content` in place of a file, in this mount namespace only."""
    copy = Path("/run") / f"covered-{path.name}"
    copy.write_text(content)
    run("mount", "--bind", copy, path)


@pytest.fixture(scope="module", autouse=True)
def host():
    """User virtpind, a member of group libvirt, an administrator, and polkit's files with ours among them."""
    if not inside_private_host():
        pytest.skip(HOW)
    if not POLKITD.exists():
        pytest.skip("polkitd is not installed: tests/install-deps, or apt-get install polkitd")
    passwd, group = Path("/etc/passwd"), Path("/etc/group")
    users = [line for line in passwd.read_text().splitlines() if not line.startswith("virtpind:")]
    cover(passwd, "\n".join([*users, f"virtpind:x:{VIRTPIND}:{VIRTPIND}::/:/usr/sbin/nologin",
                             f"ada:x:{ADMINISTRATOR}:{ADMINISTRATOR}::/:/bin/sh", ""]))
    shadow = Path("/etc/shadow")
    cover(shadow, f"{shadow.read_text()}ada:{PASSWORD_HASH}:19000:0:99999:7:::\n")
    groups = [line for line in group.read_text().splitlines()
              if not line.startswith(("libvirt:", "virtpind:", "sudo:"))]
    member = next(line.split(":")[0] for line in users if line.split(":")[2] == str(MEMBER))
    cover(group, "\n".join([*groups, f"libvirt:x:971:{member}", f"virtpind:x:{VIRTPIND}:",
                            "sudo:x:27:ada", f"ada:x:{ADMINISTRATOR}:", ""]))
    for name, suffix in (("actions", "policy"), ("rules.d", "rules")):
        shipped = Path("/usr/share/polkit-1") / name
        others = Path("/run") / name
        shutil.copytree(shipped, others)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", shipped)
        for file in [*others.iterdir(), *SHIPPED.glob(f"*.{suffix}")]:
            shutil.copy(file, shipped)
            (shipped / file.name).chmod(0o644)
    # The host's own rules are not ours to depend on.
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/etc/polkit-1")
    Path("/etc/polkit-1/rules.d").mkdir()


@pytest.fixture
def polkit(open_bus, client):
    process = subprocess.Popen([POLKITD, "--no-debug"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               env=dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=open_bus.address))
    wait_until(lambda: client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "(s)", NAME,
                                   destination="org.freedesktop.DBus"), "polkitd is on the bus")
    yield process
    process.terminate()
    process.wait(10)


@pytest.fixture
def connect_as(open_bus):
    made = []

    def connect(uid):
        made.append(open_bus.connect_as(uid))
        return made[-1]

    yield connect
    for connected in made:
        connected.close()


@pytest.fixture
def daemon(open_bus, tmp_path, client):
    """Runs as its own user: polkit answers it only because of the owner named in our policy."""
    directory = tmp_path / "daemon"
    directory.mkdir()
    made = VirtpindDaemon(directory, open_bus, "test:///default", topology="synthetic:pack:1 l3:2 core:4 pu:2")
    made.command = ["setpriv", f"--reuid={VIRTPIND}", f"--regid={VIRTPIND}", "--clear-groups", *made.command]
    run("chown", "-R", VIRTPIND, directory)
    made.start()
    client.wait_for_properties(TEST_UUID, lambda is_: True, "the domain is known")
    yield made
    made.close()


def set_policy(caller):
    return caller.manager("SetPolicy", "(ssa{sv}t)", "test", "dedicated", {}, 0)


def test_members_of_group_libvirt_may_and_others_need_a_password(daemon, polkit, connect_as, client):
    assert set_policy(connect_as(MEMBER)) == client.domain_properties(TEST_UUID)["Generation"]
    with pytest.raises(BusError) as denied:
        set_policy(connect_as(NOBODY))
    assert denied.value.name == "org.freedesktop.DBus.Error.AccessDenied"
    assert "polkit requires a password for org.virtpind1.set-policy" in denied.value.text


@pytest.fixture
def ctl(open_bus, tmp_path):
    """virtpinctl on what it takes for the system bus; so does polkit's helper, which trusts no environment."""
    if (not AGENT_HELPER.exists() or not os.stat(AGENT_HELPER).st_mode & stat.S_ISUID
            or os.statvfs(AGENT_HELPER).f_flag & os.ST_NOSUID
            or "NoNewPrivs:\t1" in Path("/proc/self/status").read_text()):
        pytest.skip(f"{AGENT_HELPER} cannot become root here")
    well_known = Path("/run/dbus/system_bus_socket")
    well_known.parent.mkdir(exist_ok=True)
    well_known.symlink_to(open_bus.socket)
    binary = tmp_path / "virtpinctl"  # the build may be out of the user's reach
    shutil.copy(BINARY, binary)
    for directory in list(binary.parents)[:3]:
        directory.chmod(0o755)
    yield Virtpinctl(open_bus.address, binary, "system")
    well_known.unlink()


@pytest.mark.parametrize("password, status, says", [(PASSWORD, OK, "test: dedicated"),
                                                    ("guess", DENIED, "virtpinctl: ")], ids=["right", "wrong"])
def test_virtpinctl_asks_for_a_password(daemon, polkit, ctl, password, status, says):
    """Also where the terminal belongs to no session, as after su: pkttyagent as a fallback is not asked there."""
    done, shown = ctl.on_terminal("set", "test", "dedicated", user=ADMINISTRATOR,
                                  secrets=[("assword:", password + "\n")])
    assert done == status and "Authenticating as: ada" in shown and says in shown, shown
    assert PASSWORD not in shown


def test_virtpinctl_does_not_ask_where_told_so(daemon, polkit, ctl):
    done, shown = ctl.on_terminal("set", "test", "dedicated", "--no-ask-password", user=ADMINISTRATOR)
    assert done == DENIED and "org.virtpind1.set-policy" in shown and "assword:" not in shown, shown


def may(client, subject, action, **details):
    name = subject.connection.get_unique_name()
    return client.call(PATH, INTERFACE, "CheckAuthorization", "((sa{sv})sa{ss}us)",
                       ("system-bus-name", {"name": GLib.Variant("s", name)}), action, details, 0, "",
                       destination=NAME)[0]


def may_manage_libvirt(client, subject):
    return may(client, subject, MANAGE)


def test_only_our_user_gains_libvirt_by_our_rule(polkit, connect_as, client):
    actions = client.call(PATH, INTERFACE, "EnumerateActions", "(s)", "C", destination=NAME)
    if MANAGE not in [action[0] for action in actions]:
        pytest.skip("libvirt's polkit actions are not installed: tests/install-deps, "
                    "or apt-get install libvirt-daemon-system")
    assert may_manage_libvirt(client, connect_as(VIRTPIND))
    assert not may_manage_libvirt(client, connect_as(NOBODY))


def test_our_action_is_as_strict_as_documented(polkit, client):
    actions = client.call(PATH, INTERFACE, "EnumerateActions", "(s)", "C", destination=NAME)
    (ours,) = [action for action in actions if action[0] == "org.virtpind1.set-policy"]
    # polkit's numbers: 2 auth_admin, 4 auth_admin_keep
    assert ours[6:9] == (2, 2, 4)
    assert ours[9] == {"org.freedesktop.policykit.owner": "unix-user:virtpind"}


# Of the permissions that libvirt has (org.libvirt.api.policy), those that the profile names, and some that it must not.
READS = ["connect.getattr", "connect.read", "connect.search-domains", "domain.getattr", "domain.read"]
CHANGES = ["domain.read-secure", "domain.write", "domain.save"]
NEVER = ["connect.write", "connect.pm-control", "domain.start", "domain.stop", "domain.delete", "domain.reset",
         "domain.mem-read", "domain.core-dump", "domain.open-device", "domain.set-password", "domain.snapshot",
         "storage-vol.create", "network.write", "secret.read-secure", "node-device.write"]
POLICY = """<!DOCTYPE policyconfig PUBLIC "-//freedesktop//DTD PolicyKit Policy Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/PolicyKit/1/policyconfig.dtd">
<policyconfig>{actions}</policyconfig>"""
ACTION = """<action id="org.libvirt.api.{name}"><description>x</description><message>x</message>
<defaults><allow_any>{default}</allow_any><allow_inactive>{default}</allow_inactive>
<allow_active>{default}</allow_active></defaults></action>"""


@pytest.fixture
def strict(request):
    """The stricter profile, as an administrator copies it, and libvirt's actions, which may be those of its package."""
    actions = Path("/usr/share/polkit-1/actions/org.libvirt.api.policy")
    if not actions.exists():
        named = [(name, "yes") for name in READS] + [(name, "no") for name in CHANGES + NEVER]
        actions.write_text(POLICY.format(
            actions="".join(ACTION.format(name=name, default=default) for name, default in named)))
    rules = Path(__file__).resolve().parents[2] / "systemd" / "libvirt" / "libvirt-strict.rules"
    text = rules.read_text()
    if request.param:
        assert "const managed = null;" in text
        text = text.replace("const managed = null;", f'const managed = ["{request.param}"];')
    copied = Path("/etc/polkit-1/rules.d/40-virtpind-libvirt.rules")
    copied.write_text(text)
    copied.chmod(0o644)
    yield request.param
    copied.unlink()


def allowed(client, subject, names, **details):
    return [name for name in names if may(client, subject, f"org.libvirt.api.{name}", **details)]


OTHER_UUID = "0a7c9b6e-5d8c-4f0e-9a51-2f4f6d3c7e11"


@pytest.mark.parametrize("strict", [None, TEST_UUID], indirect=True, ids=["all", "one"])
def test_the_stricter_profile_allows_what_the_manual_says(strict, polkit, connect_as, client):
    service = connect_as(VIRTPIND)
    every = READS + CHANGES + NEVER
    assert allowed(client, service, every, domain_uuid=TEST_UUID) == READS + CHANGES
    assert allowed(client, service, every, domain_uuid=OTHER_UUID) == READS + ([] if strict else CHANGES)
    assert allowed(client, connect_as(NOBODY), CHANGES + NEVER, domain_uuid=TEST_UUID) == [], "nobody else gains by it"
