# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is asked for: guests that are not defined, over the bus, and domains of libvirt by name, on the command line."""
import json
import subprocess

import pytest

from private_bus import BusError
from virtpind_daemon import BINARY

URI = "test:///default"
# Two L3s of four cores with two threads; siblings n and n+8.
TOPOLOGY = "synthetic:pack:1 [numa] l3:2 core:4 pu:2(indexes=2*8:8*1)"
TEST_UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
OTHER_UUID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def ready(make_daemon, client):
    """Connected to its libvirt, and the one domain is known."""
    make_daemon(URI, topology=TOPOLOGY)
    client.wait_for_properties(TEST_UUID, lambda is_: True, "the domain is known")
    return client


def guest(name="new", uuid="", vcpus=2, inside=""):
    uuid = uuid and f"<uuid>{uuid}</uuid>"
    return (f"<domain type='kvm'>\n  <name>{name}</name>{uuid}\n  <memory unit='KiB'>1048576</memory>\n"
            f"  <vcpu placement='static'>{vcpus}</vcpu>\n{inside}"
            "  <os><type arch='x86_64'>hvm</type></os>\n</domain>\n")


def plan(client, xml, policy="dedicated", options=None):
    answer = client.manager("PlanXML", "(ssa{sv})", xml, policy, client.options(options or {}))
    return {domain["name"]: domain for domain in json.loads(answer)["domains"]}


def test_guest_that_is_not_defined_is_planned_beside_the_others(ready):
    ready.manager("SetPolicy", "(ssa{sv}t)", "test", "dedicated", {}, 0)
    before = ready.domain_properties(TEST_UUID)
    domains = plan(ready, guest(), options={"smt": "require"})
    new, test = domains["new"], domains["test"]
    assert new["newcomer"] is True and new["replaces"] is False and new["satisfied"] is True
    assert "newcomer" not in test
    assert not set(new["claim"].split(",")) & set(test["claim"].split(","))
    assert f"+    <vcpupin vcpu='0' cpuset='{new['vcpupin']['0']}'/>" in new["definition-diff"]
    assert ready.domain_properties(TEST_UUID) == before
    assert len(ready.manager("ListDomains")) == 1, "nothing was defined"


def test_definition_of_a_domain_takes_its_place(ready):
    for xml in (guest("test", TEST_UUID, 4), guest("test", vcpus=4)):
        domains = plan(ready, xml)
        assert list(domains) == ["test"]
        assert domains["test"]["replaces"] is True and len(domains["test"]["vcpupin"]) == 4


def test_guest_that_does_not_fit_is_told_why(ready):
    assert plan(ready, guest(vcpus=15))["new"]["satisfied"] is False


def test_without_a_policy_its_own_applies(ready):
    own = ("  <metadata><v:policy xmlns:v='https://virtpind.org/policy/1' name='dedicated'/></metadata>\n")
    assert plan(ready, guest(), policy="")["new"]["requested"] == "none"
    assert plan(ready, guest(inside=own), policy="")["new"]["requested"] == "dedicated"


@pytest.mark.parametrize("xml, policy, options, name, says", [
    ("", "dedicated", {}, "org.freedesktop.DBus.Error.InvalidArgs", "xml: not a domain XML"),
    ("<network/>", "dedicated", {}, "org.freedesktop.DBus.Error.InvalidArgs", "<domain> is missing"),
    ("<!DOCTYPE a [<!ENTITY b 'c'>]><domain/>", "dedicated", {}, "org.freedesktop.DBus.Error.InvalidArgs", "DOCTYPE"),
    ("<domain>" + "<a>" * 400, "dedicated", {}, "org.freedesktop.DBus.Error.InvalidArgs", "xml: "),
    (guest(vcpus=99999999), "dedicated", {}, "org.freedesktop.DBus.Error.InvalidArgs", "99999999"),
    (guest(), "nosuch", {}, "org.virtpind1.Error.InvalidPolicy", "nosuch"),
    (guest(), "dedicated", {"cpus": "900"}, "org.virtpind1.Error.InvalidPolicy", "no such CPU: 900"),
    (guest(), "", {"cpus": "1"}, "org.freedesktop.DBus.Error.InvalidArgs", "is empty"),
    (guest("test", OTHER_UUID), "dedicated", {}, "org.virtpind1.Error.Conflict", OTHER_UUID),
    (guest("new", TEST_UUID), "dedicated", {}, "org.virtpind1.Error.Conflict", "'test'"),
    (guest(inside="<!--" + "x" * 1048576 + "-->"), "dedicated", {},
     "org.freedesktop.DBus.Error.LimitsExceeded", "1048576"),
    (guest(inside="<!--" + "x" * 2000000 + "-->"), "dedicated", {},
     "org.freedesktop.DBus.Error.LimitsExceeded", "1089536"),
], ids=range(12))
def test_bad_input_is_refused_precisely(ready, xml, policy, options, name, says):
    with pytest.raises(BusError) as refused:
        plan(ready, xml, policy, options)
    assert refused.value.name == name, refused.value.text
    assert says in refused.value.text
    assert ready.manager("ListDomains"), "still there"


def test_long_definition_is_taken(ready):
    assert "new" in plan(ready, guest(inside="<!--" + "x" * 900_000 + "-->\n"))


def test_other_calls_stay_small(ready):
    with pytest.raises(BusError) as refused:
        ready.manager("GetDomain", "(s)", "x" * 100_000)
    assert refused.value.name == "org.freedesktop.DBus.Error.LimitsExceeded"


def run_plan(*arguments):
    return subprocess.run([BINARY, "plan", "--uri", URI, "--topology", TOPOLOGY, *arguments],
                          capture_output=True, text=True, timeout=60)


def test_command_plans_a_domain_by_name_beside_those_that_run(tmp_path):
    run = run_plan("--policy", "dedicated", "--format", "json", "test")
    assert run.returncode == 0, run.stderr
    (domain,) = json.loads(run.stdout)["domains"]
    assert domain["name"] == "test" and "<vcpupin" in domain["definition"]
    file = tmp_path / "new.xml"
    file.write_text(guest(), encoding="utf-8")
    run = run_plan("--policy", "dedicated", str(file), TEST_UUID)
    assert run.returncode == 0 and "A new: " in run.stdout and "B test: " in run.stdout, run.stdout


def test_command_says_what_is_neither_file_nor_domain():
    run = run_plan("tesst")
    assert run.returncode == 2 and "'tesst' is neither a file nor a domain" in run.stderr
    assert "did you mean 'test'?" in run.stderr
