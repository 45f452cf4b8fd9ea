# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpinctl against the service on libvirt's test driver: what it says, and its exit status."""
import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

from driver_host import TEST_URI, TOPOLOGY, make_host
from private_bus import NOBODY
from private_libvirtd import URI
from virtpinctl import (DENIED, FAILED, NO_SUCH_GUEST, NOT_AS_ASKED, OK, UNREACHABLE, USAGE, Virtpinctl,
                        make_folder_with, says)
from waiting import wait_until


@pytest.fixture
def ctl(bus):
    return Virtpinctl(bus.address)


@pytest.fixture
def host(make_daemon, ctl, client):
    """A host of 16 CPUs with the test driver's guest."""
    daemon = make_daemon(TEST_URI, topology=TOPOLOGY)
    wait_until(lambda: "test" in ctl.run("list").stdout, "the guest is known")
    return daemon


@pytest.fixture
def crowd(make_daemon, ctl, tmp_path):
    """A host of 16 CPUs with eight guests of two vCPUs, more than have CPUs of their own."""
    daemon = make_daemon(make_host(tmp_path / "host.xml", 8), topology=TOPOLOGY)
    wait_until(lambda: "d7" in ctl.run("list").stdout, "the guests are known")
    return daemon


def test_three_commands_to_success(host, ctl):
    says(ctl.run(), OK, "virtpind ", ": ready; test:///default", "○ test")
    says(ctl.run("set", "test", "dedicated", "smt=require"), OK, "test: dedicated smt=require", "● pinned on ")
    says(ctl.run("explain", "test"), OK, "● test: dedicated smt=require (from its metadata)", "undo: virtpinctl reset")
    says(ctl.run("reset", "test"), OK, "test: policy none; left alone")


def test_map_tells_the_size_of_an_l3(make_daemon, ctl):
    make_daemon(TEST_URI, topology=TOPOLOGY.replace("l3:2", "l3:2(size=33554432)"))
    says(ctl.run("map"), OK, "L3 #0 32 MiB", "L3 #1 32 MiB")


def test_map_and_plan(crowd, ctl):
    says(ctl.run("set", "d1", "dedicated"), OK)
    done = says(ctl.run("map"), OK, "Package 0", "L3 #0", "│ A0 ", "A d1", "h host", "· pool")
    assert "B0" not in done.stdout
    done = says(ctl.run("plan", "d0", "dedicated"), OK, "now:", "then:", "A d0  B d1", "+    <vcpupin",
                "Nobody else moves", "to do it: virtpinctl set d0 dedicated")
    assert done.stdout.index("now:") < done.stdout.index("then:")
    done = says(ctl.run("plan", "d1", "dedicated", "priority=1"), OK, "now and then:", "Nobody else moves")
    assert done.stdout.count("Package 0") == 1, "the same map twice tells nothing"
    xml = "<domain type='test'><name>new</name><memory>1024</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>"
    done = subprocess.run(ctl.command("plan", "--xml", "-", "dedicated"), input=xml, capture_output=True, text=True,
                          env=ctl.environment, timeout=60, check=False)
    says(done, OK, "new: dedicated would get all", "libvirt does not have it")


def test_set_keeps_the_options_that_are_not_named(host, ctl):
    says(ctl.run("set", "test", "dedicated", "smt=require"), OK)
    says(ctl.run("set", "test", "priority=5"), OK, "dedicated priority=5 smt=require", "options kept; --clear")
    says(ctl.run("set", "test", "smt="), OK, "test: dedicated priority=5")
    says(ctl.run("set", "test", "dedicated", "--clear"), OK, "test: dedicated\n")


def test_what_is_not_as_asked_has_a_status_of_its_own(crowd, ctl):
    for number in range(7):
        says(ctl.run("set", f"d{number}", "dedicated"), OK)
    done = says(ctl.run("set", "d7", "dedicated"), NOT_AS_ASKED, "▲ not as asked: 2 vCPUs need", "It floats on ",
                "virtpinctl explain d7")
    assert "Traceback" not in done.stderr
    says(ctl.run("set", "d7", "fallback=fail"), FAILED, "nothing was changed")
    says(ctl.run("set", "d7", "priority=3"), OK, "● pinned", "▲ d")  # and who lost
    says(ctl.run("list", "--problems"), OK, "floats")
    says(ctl.run("plan", "d0", "dedicated", "smt=isolate"), NOT_AS_ASKED, "would not get all")


def test_what_is_deferred_waits_and_no_plan_says_that_it_moves(crowd, ctl):
    for number in range(7):
        says(ctl.run("set", f"d{number}", "dedicated"), OK)
    says(ctl.run("set", "d7", "dedicated", "--defer"), NOT_AS_ASKED, "\n  It waits.\n")
    done = ctl.run("plan", "d1", "shared")
    assert "d7" not in done.stdout, done.stdout
    assert ctl.run("set", "d1", "shared").returncode in (OK, NOT_AS_ASKED)
    assert re.search("d7 .*waits", ctl.run("list").stdout)


@pytest.mark.parametrize("arguments, status, texts", [
    (["set", "test", "dedicatd"], USAGE, ["unknown policy 'dedicatd'; did you mean 'dedicated'?"]),
    (["set", "test", "smtt=require"], USAGE, ["did you mean 'smt'?"]),
    (["set", "test", "dedicated", "cpus=0-99"], USAGE, ["no such CPU"]),
    (["set", "tesst", "dedicated"], NO_SUCH_GUEST, ["no guest 'tesst'; did you mean 'test'?"]),
    (["explain", "x\x1b[31m"], NO_SUCH_GUEST, ["x\\x1b[31m"]),
    (["set"], USAGE, ["name a guest"]),
    (["test", "explain"], USAGE, ["the verb comes first: virtpinctl explain test"]),
    (["statsu"], USAGE, ["did you mean 'status'?"]),
    (["list", "--colour"], USAGE, ["unknown option '--colour'"]),
    (["list", "--json"], USAGE, ["--json needs a value: off|short|pretty; see virtpinctl list --help"]),
    (["doctor", "--fix"], USAGE, ["--fix needs a value: ID"]),
    (["reset", "--all"], USAGE, ["--yes"]),
    (["plan", "--xml", "/nonexistent", "dedicated"], USAGE, ["/nonexistent"]),
])
def test_bad_input_gets_a_sentence_and_a_status(host, ctl, arguments, status, texts):
    if arguments == ["reset", "--all"]:
        says(ctl.run("set", "test", "dedicated"), OK)
    done = says(ctl.run(*arguments), status, *texts)
    assert done.stdout == "" and done.stderr.startswith("virtpinctl: ") and done.stderr.count("\n") == 1


def test_without_a_service(ctl):
    says(ctl.run(), UNREACHABLE, "virtpind is not running", "systemctl start virtpind")
    says(ctl.run(DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent"), UNREACHABLE, "the message bus cannot be reached")


def test_without_libvirt(make_daemon, ctl):
    make_daemon("test:///nonexistent", topology=TOPOLOGY)
    says(ctl.run(), UNREACHABLE, "disconnected; not connected to libvirt", "No guests are known")
    says(ctl.run("set", "test", "dedicated"), UNREACHABLE, "no connection to libvirt")
    says(ctl.run("list", "--json=short"), UNREACHABLE)
    for arguments in (["reset", "--all", "--yes"], ["apply"], ["map"], ["map", "--json=short"], ["top"]):
        done = says(ctl.run(*arguments), UNREACHABLE)
        assert (done.stdout, done.stderr) == \
            ("", "virtpinctl: virtpind has no connection to libvirt; see virtpinctl status\n"), arguments


def test_without_rights(host, open_bus, ctl, polkit, tmp_path):
    binary = tmp_path / "virtpinctl"  # the build may be out of the user's reach
    shutil.copy(ctl.command()[0], binary)
    for directory in list(binary.parents)[:3]:
        directory.chmod(0o755)
    done = subprocess.run([binary, "--bus", "session", "set", "test", "dedicated"], user=NOBODY, group=NOBODY,
                          extra_groups=[], capture_output=True, text=True, env=ctl.environment, timeout=60, check=False)
    says(done, DENIED, "org.virtpind1.set-policy")
    done = subprocess.run([binary, "--bus", "session", "list"], user=NOBODY, group=NOBODY, extra_groups=[],
                          capture_output=True, text=True, env=ctl.environment, timeout=60, check=False)
    says(done, OK, "test")


def ssh(tmp_path, script):
    """PATH with an ssh that is this script; a bus by ssh is what it says on standard input and output."""
    return f"{make_folder_with(tmp_path / 'bin', 'ssh', script)}:{os.environ['PATH']}"


def remote(ctl, *arguments, **environment):
    return subprocess.run([ctl.command()[0], *arguments], capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL, env={**ctl.environment, **environment})


def test_another_host(host, bus, ctl, tmp_path):
    path = ssh(tmp_path, f"#!/bin/sh\nexec systemd-stdio-bridge --bus-path={bus.address}\n")
    says(remote(ctl, "-H", "ada", PATH=path), OK, "○ test")
    says(remote(ctl, "-H", "ada", "-H", "bob", "list", PATH=path), OK, "ada:\n", "bob:\n")


def test_documents_name_their_hosts(host, bus, ctl, tmp_path):
    path = ssh(tmp_path, f"#!/bin/sh\nexec systemd-stdio-bridge --bus-path={bus.address}\n")
    two = ["-H", "ada", "-H", "bob", "--json=short"]
    guests = [json.loads(line) for line in remote(ctl, *two, "list", PATH=path).stdout.splitlines()]
    assert [[(guest["host"], guest["name"]) for guest in of_one] for of_one in guests] == \
        [[("ada", "test")], [("bob", "test")]]
    services = [json.loads(line) for line in remote(ctl, *two, "status", PATH=path).stdout.splitlines()]
    assert [service["host"] for service in services] == ["ada", "bob"]
    assert "host" not in json.loads(ctl.run("status", "--json=short").stdout)


def test_a_dead_host(ctl, tmp_path):
    path = ssh(tmp_path, "#!/bin/sh\necho 'ssh: connect to host ada port 22: No route to host' >&2\nexit 255\n")
    says(remote(ctl, "-H", "ada", PATH=path), UNREACHABLE, "No route to host", "ada cannot be reached",
         "does ssh ada work?")


def test_a_reader_that_has_gone(host, ctl):
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(ctl.command("set", "test", "dedicated"), stdout=theirs, stderr=subprocess.PIPE, text=True,
                          env=ctl.environment, timeout=60, check=False)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (OK, ""), "it is done all the same"
    says(ctl.run("list"), OK, "pinned")


def test_a_full_disk(host, ctl):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(ctl.command("list"), stdout=full, stderr=subprocess.PIPE, text=True, env=ctl.environment,
                              timeout=60, check=False)
    assert done.returncode == FAILED and "disk full" in done.stderr


def test_terminals(host, ctl):
    says(ctl.run("set", "test", "dedicated"), OK)
    status, shown = ctl.on_terminal("status", columns=80)
    assert status == OK and "\x1b[32m●\x1b[0m" in shown
    status, shown = ctl.on_terminal("status", columns=20)
    assert status == OK and "pinned" in shown and "EMULATOR" not in shown
    _, shown = ctl.on_terminal("status", NO_COLOR="1")
    assert "\x1b" not in shown
    done = ctl.run(LC_ALL="C")
    assert done.stdout.isascii() and "* test" in done.stdout


def test_long_texts_have_a_pager(host, ctl):
    says(ctl.run("set", "test", "dedicated"), OK)
    _, shown = ctl.on_terminal("explain", "test", rows=4, SYSTEMD_PAGER="sed s/^/paged:/")
    assert "paged:" in shown and "undo: virtpinctl reset test" in shown
    for arguments, variables in [(["explain", "test"], {"SYSTEMD_PAGER": ""}), (["explain", "test", "--no-pager"], {}),
                                 (["status"], {"PAGER": "sed s/^/paged:/"})]:
        _, shown = ctl.on_terminal(*arguments, rows=4, **{"PAGER": "sed s/^/paged:/", **variables})
        assert "paged:" not in shown and "test" in shown
    status, shown = ctl.on_terminal("explain", "test", rows=4, SYSTEMD_PAGER="/nonexistent/pager")
    assert status == OK and "undo: virtpinctl reset test" in shown


def test_a_name_that_is_not_ascii(make_daemon, ctl, tmp_path):
    uri = make_host(tmp_path / "host.xml", 1)
    (tmp_path / "host.xml").write_text((tmp_path / "host.xml").read_text().replace(">d0<", ">虚拟机 ä<"))
    make_daemon(uri, topology=TOPOLOGY)
    wait_until(lambda: "虚拟机" in ctl.run("list").stdout, "the guest is known")
    says(ctl.run("set", "虚拟机 ä", "dedicated"), OK, "virtpinctl reset '虚拟机 ä'")
    done = ctl.run("list", LC_ALL="C")
    assert done.returncode == OK and done.stdout.isascii() and "\\xe8\\x99\\x9a" in done.stdout


def test_reset_of_all_asks_on_a_terminal(crowd, ctl):
    for number in range(3):
        says(ctl.run("set", f"d{number}", "dedicated"), OK)
    status, shown = ctl.on_terminal("reset", "--all", typed="n\n")
    assert status == FAILED and "of 3 guests?" in shown and "nothing was changed" in shown
    status, shown = ctl.on_terminal("reset", "--all", typed="y\n")
    assert status == OK
    assert "dedicated" not in ctl.run("list").stdout


def test_output_for_programs(host, ctl):
    says(ctl.run("set", "test", "dedicated"), OK)
    status = json.loads(ctl.run("--json=pretty").stdout)
    assert status["guests"][0]["state"] == "pinned" and status["guests"][0]["as-asked"] is True
    assert [guest["name"] for guest in json.loads(ctl.run("list", "--json=short").stdout)] == ["test"]
    assert json.loads(ctl.run("explain", "test", "--json=short").stdout)["plan"]["reasons"]
    assert json.loads(ctl.run("plan", "test", "shared", "--json=short").stdout)["domains"]
    assert 'virtpind_guest_as_asked{guest="test"' in ctl.run("metrics").stdout
    assert ctl.run("list", "-q").stdout == ""
    assert "GUEST" not in ctl.run("list", "--no-legend").stdout


def test_a_thousand_guests(make_daemon, ctl, tmp_path):
    make_daemon(make_host(tmp_path / "host.xml", 1000), topology=TOPOLOGY, log_level="warning")
    wait_until(lambda: ctl.run("list").stdout.count("left alone") == 1000, "all guests are known", 120)
    says(ctl.run("explain", "d1"), OK, "d1: none")
    says(ctl.run("show", "d99"), OK, "d99")
    says(ctl.run("show", "11111111"), NO_SUCH_GUEST, "is the beginning of 1000 guests")


def test_virsh_sets_policies_by_metadata(make_daemon, make_guest, libvirtd, ctl, client):
    """As README.md has it."""
    make_daemon(config='{"housekeeping": ""}')
    guest = make_guest("declared")
    guest.start()
    virsh = ["virsh", "-q", "-c", URI, "metadata", guest.name, "--uri", "https://virtpind.org/policy/1"]
    policy = '<policy name="dedicated" smt="prefer"/>'
    subprocess.run([*virsh, "--key", "virtpind", "--live", "--config", "--set", policy], check=True, timeout=60)
    client.wait_for_properties(guest.uuid, lambda is_: is_["PinState"] == "pinned", "the guest is pinned")
    says(ctl.run("list"), OK, guest.name + "  dedicated  smt=prefer", "pinned")
    subprocess.run([*virsh, "--remove", "--live", "--config"], check=True, timeout=60)
    client.wait_for_properties(guest.uuid, lambda is_: is_["PinState"] == "idle", "all is given back")
    says(ctl.run("list"), OK, "left alone")


def test_policies_name_the_values_of_each_option(host, ctl):
    shown = says(ctl.run("policies"), OK, "OPTION").stdout
    assert re.search(r"^isolate +false\|true\|auto +", shown, re.MULTILINE), shown


def test_the_task_of_the_readme(host, ctl):
    """Ansible's, which runs it again and again."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    program, *arguments = re.search(r"argv: \[(.*)\]", readme)[1].split(", ")
    accepted = json.loads(re.search(r"failed_when: pinned.rc not in (\[.*?\])", readme)[1])
    assert program == "virtpinctl" and accepted == [OK, NOT_AS_ASKED]
    for _ in range(2):
        done = ctl.run(*["test" if word == "win11" else word for word in arguments])
        assert done.returncode in accepted, done
    says(ctl.run("list"), OK, "test   dedicated  smt=require  pinned")


def test_the_stylesheet_of_the_readme(tmp_path):
    """As Terraform's provider applies it."""
    if not shutil.which("xsltproc"):
        pytest.skip("needs xsltproc; apt-get install xsltproc")
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    sheet = re.search(r"( *<xsl:stylesheet.*</xsl:stylesheet>)", readme, re.DOTALL)[1]
    (tmp_path / "virtpind.xsl").write_text(textwrap.dedent(sheet))
    for before in ("<domain type='kvm'><name>a</name></domain>",
                   "<domain type='kvm'><metadata><x:x xmlns:x='urn:x'/></metadata><name>a</name></domain>"):
        (tmp_path / "domain.xml").write_text(before)
        done = subprocess.run(["xsltproc", tmp_path / "virtpind.xsl", tmp_path / "domain.xml"], capture_output=True,
                              text=True, timeout=60, check=True)
        domain = ElementTree.fromstring(done.stdout)
        metadata = domain.findall("metadata")
        assert len(metadata) == 1 and domain.get("type") == "kvm" and domain.findtext("name") == "a"
        policy = metadata[0].find("{https://virtpind.org/policy/1}policy")
        assert policy.attrib == {"name": "dedicated", "smt": "require"}
        assert (metadata[0].find("{urn:x}x") is not None) == ("urn:x" in before)


def test_top_and_doctor(host, ctl):
    says(ctl.run("set", "test", "dedicated"), OK)
    says(ctl.run("top"), OK, "Package 0", "Not measured, as no process of them is seen here: test")
    done = ctl.run("doctor", "test")
    assert done.returncode in (OK, NOT_AS_ASKED), done
    assert "] test" in done.stdout and "nothing was changed" in done.stdout
    assert "not measured\n" in ctl.run("doctor", "-v").stdout, "the service cannot read all of the host"
    assert json.loads(ctl.run("doctor", "--json=short").stdout)["guests"] == ["test"]


def test_top_of_a_real_guest(make_daemon, make_guest, ctl, client):
    make_daemon(config='{"housekeeping": ""}')
    guest = make_guest("measured")
    guest.start()
    says(ctl.run("set", guest.name, "shared"), OK)
    done = says(ctl.run("top"), OK, "GUEST", "WAIT%")
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(guest.name + " ")]
    assert sorted(row[1] for row in rows) == [str(vcpu) for vcpu in range(len(rows))] and rows, done.stdout
    assert all(0 <= float(share) <= 100 for row in rows for share in row[-2:]), done.stdout
    assert "Not measured" not in done.stdout


def test_names_that_would_be_misread(make_daemon, ctl, tmp_path):
    uri = make_host(tmp_path / "host.xml", 3)
    text = (tmp_path / "host.xml").read_text()
    other = "11111111-2222-3333-4444-000000000002"
    (tmp_path / "host.xml").write_text(text.replace(">d0<", ">-rf<").replace(">d1<", f">{other}<"))
    make_daemon(uri, topology=TOPOLOGY)
    wait_until(lambda: "-rf" in ctl.run("list").stdout, "the guest is known")
    says(ctl.run("set", "--", "-rf", "dedicated"), OK, "-rf: dedicated",
         "virtpinctl reset 11111111-2222-3333-4444-000000000000\n")
    says(ctl.run("explain", "-rf"), USAGE, "unknown option '-rf'")
    says(ctl.run("explain", other), OK, "d2: none")
    says(ctl.run("set", "11111111-2222-3333-4444-000000000001", "dedicated"), OK,
         "virtpinctl reset 11111111-2222-3333-4444-000000000001\n")


def test_displaced_guests_are_named(crowd, ctl):
    for number in range(7):
        says(ctl.run("set", f"d{number}", "dedicated"), OK)
    done = says(ctl.run("set", "d7", "dedicated", "priority=3"), OK, " is displaced: floats on ")
    loser = done.stdout.partition(" is displaced")[0].rpartition(" ")[2]
    says(ctl.run("explain", loser), OK, "Displaced by d7.")
    says(ctl.run("explain", "d7"), OK, f"It displaces {loser}.")
    assert json.loads(ctl.run("show", loser, "--json=short").stdout)[0]["displaced-by"] == ["d7"]


@pytest.mark.parametrize("arguments", [
    ["status"], ["list"], ["show", "test"], ["map"], ["explain", "test"], ["plan", "test", "shared"],
    ["set", "test", "dedicated"], ["reset", "test"], ["reset", "--all", "--yes"], ["apply"], ["doctor"], ["policies"]])
def test_each_verb_with_json_prints_one_document(host, ctl, arguments):
    done = ctl.run(*arguments, "--json=short")
    assert done.returncode in (OK, NOT_AS_ASKED), done
    assert done.stdout.count("\n") == 1 and isinstance(json.loads(done.stdout), (dict, list))
