# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpinctl and the layers of a policy: what is of the guest itself, of the configuration, or cannot be read."""
import json
import subprocess

import pytest

from driver_host import TOPOLOGY, make_host
from virtpinctl import NO_SUCH_GUEST, NOT_AS_ASKED, OK, UNREACHABLE, USAGE, Virtpinctl, says
from waiting import wait_until

CONFIG = '{"domains": {"conf": {"policy": "shared", "priority": 3}}}'
NAMESPACE = "https://virtpind.org/policy/1"


def own(attributes):
    return f"<metadata><virtpind:policy xmlns:virtpind='{NAMESPACE}' {attributes}/></metadata>"


@pytest.fixture
def ctl(bus):
    return Virtpinctl(bus.address)


@pytest.fixture
def host(make_daemon, ctl, tmp_path):
    """Guests of two vCPUs: conf, whose policy is the configuration's, badopt and badpol, whose metadata make no
    sense, and web-10."""
    uri = make_host(tmp_path / "host.xml", 4)
    text = (tmp_path / "host.xml").read_text()
    for number, (name, metadata) in enumerate([("conf", ""), ("badopt", own("name='shared' smtt='require'")),
                                               ("badpol", own("name='nosuch'")), ("web-10", "")]):
        text = text.replace(f"<name>d{number}</name>", f"<name>{name}</name>{metadata}")
    (tmp_path / "host.xml").write_text(text)
    daemon = make_daemon(uri, topology=TOPOLOGY, config=CONFIG)
    wait_until(lambda: "web-10" in ctl.run("list").stdout, "the guests are known")
    return daemon


def plan_xml(ctl, *arguments, metadata="", vcpus=2):
    xml = (f"<domain type='test'><name>new</name>{metadata}<memory>1024</memory><vcpu>{vcpus}</vcpu>"
           "<os><type>hvm</type></os></domain>")
    return subprocess.run(ctl.command("plan", "--xml", "-", *arguments), input=xml, capture_output=True, text=True,
                          env=ctl.environment, timeout=60, check=False)


def test_reset_of_all_takes_back_options_beside_a_configured_policy(host, ctl):
    says(ctl.run("set", "conf", "priority=5", "cpus=1-7,9-13"), OK, "conf: shared cpus=1-7,9-13 priority=5\n")
    done = says(ctl.run("reset", "--all", "--yes"), OK,
                "conf: its policy is from the configuration: shared priority=3;",
                "badopt: policy none; left alone", "badpol: policy none; left alone")
    assert "web-10" not in done.stdout, "it has nothing to take back"
    says(ctl.run("list", "--problems"), OK)
    says(ctl.run("reset", "--all", "--yes"), OK, "No guest has a policy or options of its own")


def test_reset_of_what_set_runtime_has_set(host, ctl):
    says(ctl.run("set", "web-10", "dedicated"), OK)
    says(ctl.run("set", "conf", "priority=7", "--runtime"), OK)
    done = says(ctl.run("reset", "--all", "--yes", "--runtime"), OK, "conf: ")
    assert "web-10" not in done.stdout
    says(ctl.run("show", "web-10"), OK, "dedicated")


def test_plan_is_of_what_set_makes(host, ctl):
    says(ctl.run("set", "conf", "priority=5"), OK)
    says(ctl.run("plan", "conf", "cpus=1-7,9-13"), OK, "conf: shared cpus=1-7,9-13 priority=5 would get all",
         "to do it: virtpinctl set conf cpus=1-7,9-13\n")
    says(ctl.run("set", "conf", "cpus=1-7,9-13"), OK, "conf: shared cpus=1-7,9-13 priority=5   (options kept")
    for guest in ["badopt", "badpol"]:
        for verb in ["plan", "set"]:
            says(ctl.run(verb, guest, "shared"), USAGE, "cannot be read", f"virtpinctl set {guest} shared --clear",
                 f"virtpinctl reset {guest}")
            says(ctl.run(verb, guest, "shared", "--clear"), OK, f"{guest}: shared")


def test_clear_alone_keeps_the_policy(host, ctl):
    says(ctl.run("set", "web-10", "dedicated", "smt=require", "priority=2"), OK)
    says(ctl.run("plan", "web-10", "--clear"), OK, "web-10: dedicated would", "virtpinctl set web-10 --clear\n")
    says(ctl.run("set", "web-10", "smt=isolate", "--clear"), OK, "web-10: dedicated smt=isolate\n")
    says(ctl.run("set", "web-10", "--clear"), OK, "web-10: dedicated\n")
    for verb in ["plan", "set"]:
        says(ctl.run(verb, "conf", "--clear"), USAGE, "nothing is set for 'conf' itself")


def test_the_last_option_can_be_taken_away(host, ctl):
    for words in (["priority="], ["--clear"]):
        says(ctl.run("set", "conf", "priority=5"), OK, "conf: shared priority=5\n")
        says(ctl.run("set", "conf", *words), OK, "conf: shared priority=3\n")
    says(ctl.run("set", "conf", "priority="), USAGE, "nothing is set for the domain itself")


def test_of_a_configured_policy_nothing_is_undone(host, ctl):
    done = says(ctl.run("explain", "conf"), OK, "from the configuration", "virtpinctl set conf none")
    assert "undo:" not in done.stdout
    says(ctl.run("reset", "conf"), OK, "conf: nothing of its own to take back; its policy is from the configuration: ")
    done = says(ctl.run("set", "conf", "none", "--clear"), OK, "conf: none")
    assert "options kept" not in done.stdout
    says(ctl.run("explain", "conf"), OK, "undo: virtpinctl reset conf")
    done = says(ctl.run("set", "conf", "shared"), OK)
    assert "options kept" not in done.stdout, "the configuration's are not dropped by --clear"


def test_explain_says_once_that_a_policy_cannot_be_read(host, ctl):
    done = says(ctl.run("explain", "badopt"), OK, "virtpinctl reset badopt", "virtpinctl set badopt POLICY --clear")
    assert done.stdout.count("smtt") == 1, done.stdout


def test_plan_of_a_definition_with_its_own_policy(host, ctl):
    says(plan_xml(ctl, metadata=own("name='dedicated'")), OK, "new: dedicated would get all", "pinned on")
    says(plan_xml(ctl, "smt=require"), USAGE, "dedicated smt=require")
    says(plan_xml(ctl, "dedicated", "--clear"), USAGE, "--clear")
    for form in (["--json=short"], []):
        done = says(plan_xml(ctl, "dedicated", *form, vcpus=16), NOT_AS_ASKED)
        if form:
            assert json.loads(done.stdout)["domains"]


def test_what_changes_a_guest_wants_its_whole_name(host, ctl):
    says(ctl.run("explain", "web-1"), OK, "web-10")
    for arguments in (["set", "web-1", "shared"], ["reset", "web-1"], ["apply", "web-1"],
                      ["hold", "web-1", "--", "true"], ["doctor", "web-1", "--fix", "x"]):
        says(ctl.run(*arguments), NO_SUCH_GUEST, "no guest 'web-1'; it is the beginning of 'web-10'")
    says(ctl.run("set", "11111111-2222-3333-4444-000000000003", "shared"), OK, "web-10: shared")


def test_without_libvirt_the_next_step_is_a_command(make_daemon, ctl):
    make_daemon("test:///nonexistent", topology=TOPOLOGY)
    for done in (ctl.run("doctor"), ctl.run("apply"), plan_xml(ctl, "shared")):
        says(done, UNREACHABLE, "virtpinctl status")
