# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names and metadata of domains are written by their owners: they are shown escaped, and no path has them."""
import json
import os
import unicodedata
from pathlib import Path

import pytest

from host_cpus import BOTH
from private_bus import MANAGER, ROOT, BusError, domain_path
from waiting import wait_until

TOPOLOGY = "synthetic:pack:1 l3:2 core:4 pu:2"
TOO_LARGE = "^[^ ]*: large-[0-9a-f]*: Its XML has [0-9]* KiB; virtpind changes domains of at most 1024 KiB.*virsh edit"
UUIDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 6)]
# As libvirt lets them pass: it refuses newlines and slashes, XML the rest of the old control characters.
NAMES = [
    "\u009b2J\u0085\u2028a line of its own",
    "\u202egnp.exe\u2066",
    "%s%n{}{0}$(reboot)`reboot`",
    "../etc/passwd".replace("/", "\uff0f"),
    "-" + "x" * 3000,
]
DOMAIN = """<domain type="test">
  <name>{name}</name><uuid>{uuid}</uuid><memory>65536</memory><vcpu>2</vcpu>
  <metadata><virtpind:policy xmlns:virtpind="https://virtpind.org/policy/1" name="{policy}"/></metadata>
  <os><type>hvm</type></os>
</domain>
"""


@pytest.fixture
def daemon(make_daemon, tmp_path):
    domains = "".join(DOMAIN.format(name=name, uuid=uuid, policy="no\u009bsuch\u202epolicy")
                      for name, uuid in zip(NAMES, UUIDS))
    host = tmp_path / "host.xml"
    host.write_text(f"<node>{domains}</node>")
    return make_daemon(f"test://{host}", topology=TOPOLOGY)


def is_harmless(text):
    """No control character, line separator or bidirectional override, a line end of our own aside."""
    return all(unicodedata.category(char) not in ("Cc", "Zl", "Zp") and not "\u202a" <= char <= "\u202e"
               and not "\u2066" <= char <= "\u2069" for char in text)


def test_names_and_metadata_are_escaped_and_never_in_paths(daemon, client):
    for uuid in UUIDS:
        seen = client.wait_for_properties(uuid, lambda is_: is_["PinState"] == "failed", "its policy is refused")
        assert is_harmless(seen["Name"]) and len(seen["Name"]) < 300, seen["Name"]
        assert seen["LastError"][1] and is_harmless(seen["LastError"][1]), seen["LastError"]
        client.manager("SetPolicy", "(ssa{sv}t)", uuid, "dedicated", {}, 0)
        assert client.domain_properties(uuid)["PinState"] == "pinned"
        explained = client.domain(uuid, "Explain")
        assert json.loads(explained)["uuid"] == uuid and is_harmless(explained)
        assert all(is_harmless(text) for _, _, text in client.manager("Why", "(s)", uuid))
        assert is_harmless(client.manager("Doctor", "(s)", uuid))
    assert sorted(row[4] for row in client.manager("ListDomains")) == [domain_path(uuid) for uuid in UUIDS]
    assert is_harmless("".join(row[2] for row in client.manager("List")))
    assert is_harmless(client.manager("Describe"))
    for code, text, _object in client.properties(ROOT, MANAGER)["Problems"]:
        assert is_harmless(code + text)
    log = daemon.log_text()
    assert UUIDS[0] in log
    for line in log.splitlines():
        assert is_harmless(line), line
    files = [path.name for path in Path(daemon.directory).rglob("*") if path.is_file()]
    assert any(UUIDS[0] in name for name in files), "before-images are there"
    for name in files:
        assert not any(wild in name for wild in ("x" * 50, "passwd", "reboot", "gnp")), name


def test_hostile_arguments_come_back_escaped(daemon, client):
    for call in (("GetDomain", "(s)", "\x1b[2J\u202ename\n"),
                 ("SetPolicy", "(ssa{sv}t)", UUIDS[0], "\x1b[2J\u202epolicy\n", {}, 0),
                 ("Set", "(ss)", UUIDS[0], "\x1b[2J\u202epolicy"), ("Set", "(ss)", UUIDS[0], "smt=\x1b[2J\u202e"),
                 ("Set", "(ss)", UUIDS[0], "\x1b[2J=x"), ("Why", "(s)", "\x1b[2J\u202ename\n"),
                 ("Doctor", "(s)", "\x1b[2J\u202ename\n")):
        with pytest.raises(BusError) as refused:
            client.manager(*call)
        assert is_harmless(refused.value.text), refused.value.text
    assert is_harmless("".join(daemon.log_text().splitlines()))


def shown_problems(client):
    return {code: text for code, text, _object in client.properties(ROOT, MANAGER)["Problems"]}


def test_names_of_files_need_not_be_text(make_daemon, client, tmp_path):
    """One of them on the bus would make GetAll and Describe fail, for everybody."""
    state = tmp_path / os.fsdecode(b"st\xff\x1bte")
    (state / "domains").mkdir(parents=True)
    for name in (b"\xff\xfe.json", b"a\nb.json", b"\xe2\x80\xae.json"):
        (state / "domains" / os.fsdecode(name)).write_text("{")
    make_daemon("test:///default", topology=TOPOLOGY, state_dir=state)
    problems = shown_problems(client)
    assert "\\xff" in problems["StateFile"] and is_harmless(problems["StateFile"]), problems
    assert is_harmless(client.manager("Describe"))


def test_problems_are_escaped_whatever_they_quote(make_daemon, client, tmp_path):
    daemon = make_daemon("test:///default", topology=TOPOLOGY, config="{}")
    Path(daemon.directory / "virtpind.json").write_bytes(b'{"default-policy": "\xff\x1b[2J"}')
    daemon.reload()
    wait_until(lambda: "InvalidConfig" in shown_problems(client), "the mistake is shown")
    assert is_harmless(str(client.properties(ROOT, MANAGER)["Problems"]))


def long_text(kib):
    """Many short elements, which cost libvirtd more than one long text."""
    many = "<b>yyyyyyyyyyyyy</b>" * (kib * 1024 // 20)
    return f"<description>x</description><metadata><a xmlns='urn:x'>{many}</a></metadata>"


def test_domain_whose_xml_is_too_long_is_left_alone(host, make_guest):
    small = make_guest("small", vcpus=1)
    large = make_guest("large", vcpus=1, extra=long_text(1900))
    host.wait_known(small)
    host.wait_known(large)
    before = large.xml("--inactive")
    for call in (lambda: host.set_policy(large, "dedicated"), lambda: host.plan(large, "dedicated"),
                 lambda: host.reset(large)):
        with pytest.raises(BusError, match=TOO_LARGE) as refused:
            call()
        assert refused.value.name == "org.freedesktop.DBus.Error.LimitsExceeded"
    host.set_policy(small, "dedicated", cpus=BOTH)
    assert large.xml("--inactive") == before

    large.definition = large.definition.replace(long_text(1900), long_text(500))
    large.define()
    wait_until(lambda: can_be_set(host, large), "what is short enough by now is taken")
    after = large.xml("--inactive")
    assert "<vcpupin" in after and after.count("<b>yyyyyyyyyyyyy</b>") == long_text(500).count("<b>")


def can_be_set(host, guest):
    try:
        host.set_policy(guest, "dedicated", cpus=BOTH)
    except BusError:
        return False
    return True
