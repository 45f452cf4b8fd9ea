# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every definition of the cases, on a real libvirtd: whatever policy is set, what gives it back gives back every byte.

The domains are never started: their devices, disks and hosts need not exist. Each is defined under a name and UUID of
its own, beside a daemon that takes the host of its case for its own. The short form sets a third of the policies on a
definition, and another third on the next; the long form, with VIRTPIND_LONG set, all on each.
"""
import json
import os
import re
import uuid
from pathlib import Path

import pytest

from private_bus import BusError
from private_libvirtd import NEEDS_KVM, kvm_works

EVERY = 1 if os.environ.get("VIRTPIND_LONG") == "1" else 3
CASES = Path(__file__).resolve().parent.parent / "cases"

pytestmark = pytest.mark.skipif(not kvm_works(), reason=NEEDS_KVM)

POLICIES = [
    ("shared", {}),
    ("dedicated", {}),
    ("passthrough", {}),
    ("auto", {}),
    ("none", {}),
    ("passthrough", {"topology": "host"}),
    ("passthrough", {"smt": "prefer", "memory": "keep", "emulator": "own"}),
    ("passthrough", {"fallback": "fail", "smt": "isolate"}),
    ("dedicated", {"topology": "match"}),
    ("dedicated", {"topology": "host", "tune": ["cache-passthrough"]}),
    ("dedicated", {"tune": ["topoext", "invtsc", "no-migrate"]}),
    ("dedicated", {"tune": ["hide-hypervisor", "host-smbios"]}),
    ("dedicated", {"numa": "spread", "iothreads": "vcpus", "emulator": "vcpus"}),
    ("shared", {"numa": "single", "vcpus": 2}),
]

# Definitions that libvirt refuses, or that could not come back, and the edits that make them acceptable.
ADAPTED = {
    # Two allocations may not overlap; the firmware of an encrypted guest needs a QEMU that knows it.
    "legal-xml/cat": [("<memorytune vcpus='0-3'>", "<memorytune vcpus='2-3'>"),
                      ("<launchSecurity .*</launchSecurity>", "")],
    # More than 255 vCPUs.
    "cells-with-offline/domain": [
        ("<cpu", "<features><ioapic driver='qemu'/></features><cpu"),
        ("</domain>", "<devices><iommu model='intel'><driver intremap='on' eim='on'/></iommu></devices></domain>")],
    # A policy of its own, which is what a reset takes away.
    "pins-of-cpus-that-are-not-there/domain": [("<metadata>.*</metadata>", "")],
    # Clusters, of which QEMU knows none here; libvirt before 10.1 reads over them, and counts too few vCPUs.
    "clusters-on-x86/domain": [(" clusters='2' cores='2'", " cores='4'")],
    # A display without graphics.
    "auto-what-is-passthrough/mdev": [(" display='on'", "")],
}


ANSWERS = ("org.virtpind1.Error.Unsatisfiable",)


def hosts():
    """{topology: [definition files]}: each definition beside the first host that its case plans it on."""
    found = {}
    for path in sorted(CASES.glob("*/case.json")):
        placed = set()
        for run in json.loads(path.read_text(encoding="utf-8"))["runs"]:
            arguments = run["arguments"]
            if run["expect"].get("exit") == 2:
                continue  # nobody takes such a definition
            files = [path.parent / name for name in arguments if name.endswith(".xml") and ":" not in name
                     and "/" not in name]
            if "--topology" in arguments:
                topology = arguments[arguments.index("--topology") + 1].replace("xml:..", f"xml:{CASES}")
                found.setdefault(topology, []).extend(file for file in files if file not in placed)
                placed.update(files)
    # A daemon runs on no table of lscpu: it does not tell which nodes have memory.
    return {topology: files for topology, files in found.items()
            if files and "hwloc-3" not in topology and not topology.startswith("lscpu:")}


class Defined:
    """A definition of a case, defined."""

    def __init__(self, libvirtd, file):
        key = f"{file.parent.name}/{file.stem}"
        self.name, self.uuid, self.libvirtd = key.replace("/", "-"), str(uuid.uuid4()), libvirtd
        text = file.read_text(encoding="utf-8")
        for old, new in ADAPTED.get(key, []):
            text, count = re.subn(old, new, text, count=1, flags=re.S)
            assert count == 1, f"{key}: no {old}"
        # Any release of the machine will do, and any QEMU.
        text = re.sub(r"pc-q35-[0-9.]+", "q35", text)
        text = re.sub(r"<emulator>.*?</emulator>", "<emulator>/usr/bin/qemu-system-x86_64</emulator>", text)
        text = re.sub(r"<name>.*?</name>", f"<name>{self.name}</name>", text, count=1)
        text = re.sub(r"<uuid>.*?</uuid>", f"<uuid>{self.uuid}</uuid>", text, count=1)
        libvirtd.virsh("define", "/dev/stdin", stdin=text)
        self.before = self.xml()

    def xml(self):
        return self.libvirtd.virsh("dumpxml", "--inactive", "--security-info", self.name).stdout

    def remove(self):
        self.libvirtd.virsh("undefine", "--nvram", self.name)


@pytest.fixture
def define(libvirtd):
    made = []

    def make(file):
        made.append(Defined(libvirtd, file))
        return made[-1]

    yield make
    for domain in made:
        domain.remove()


def set_policy(client, domain, policy, options):
    """That it does not fit is an answer, too; that libvirt does not take what was made of a definition is not."""
    try:
        client.manager("SetPolicy", "(ssa{sv}t)", domain.name, policy, client.options(options), 0)
    except BusError as error:
        assert error.name in ANSWERS, f"{domain.name}, {policy} {options}: {error}"


def look_again(client, domains, what):
    """Whatever was written is the truth now: a second look writes nothing."""
    before = [domain.xml() for domain in domains]
    client.manager("Reapply", "(st)", domains[0].name if len(domains) == 1 else "", 0)
    for domain, text in zip(domains, before):
        check_unchanged(domain, f"{what} and a second look", text)


def difference(before, after):
    before, after = before.splitlines(), after.splitlines()
    return [f"-{line}" for line in before if line not in after] + [
        f"+{line}" for line in after if line not in before] or [
        "the order of lines"]


def check_unchanged(domain, what, before=None):
    before, after = before or domain.before, domain.xml()
    assert after == before, "\n".join([f"{domain.name} after {what}:", *difference(before, after)])


@pytest.mark.parametrize("topology", hosts(),
                         ids=lambda topology: re.sub(r"^xml:.*/|\.xml$|\W+", "-", topology).strip("-"))
def test_every_policy_is_undone_byte_for_byte(make_daemon, client, define, topology):
    daemon = make_daemon(topology=topology)
    domains = [define(file) for file in hosts()[topology]]
    for domain in domains:
        client.wait_for_properties(domain.uuid, lambda is_: True, f"{domain.name} is known")
    for number, domain in enumerate(domains):
        for policy, options in POLICIES[number % EVERY::EVERY]:
            set_policy(client, domain, policy, options)
            if options:
                look_again(client, [domain], f"{policy} {options}")
            client.manager("ResetPolicy", "(st)", domain.name, 0)
            check_unchanged(domain, f"{policy} {options} and ResetPolicy")
    # One after the other, beside the others' pins, and given back by one reset.
    for domain in domains:
        for policy, options in POLICIES[1::3]:
            set_policy(client, domain, policy, options)
    for domain in domains:
        client.manager("ResetPolicy", "(st)", domain.name, 0)
        check_unchanged(domain, f"{POLICIES[1::3]} and one ResetPolicy")
    # Left pinned by a daemon that is gone.
    for domain in domains:
        set_policy(client, domain, "dedicated", {})
        set_policy(client, domain, "passthrough", {})
    client.manager("Reapply", "(st)", "", 0)  # the last policy may have moved others
    look_again(client, domains, "one policy for all")
    changed = [domain.name for domain in domains if domain.xml() != domain.before]
    assert changed == [domain.name for domain in domains], "or it would show nothing"
    daemon.stop()
    restored = daemon.restore("--all")
    assert restored.returncode == 0, restored.stdout + restored.stderr
    for domain in domains:
        check_unchanged(domain, f"restore --all:\n{restored.stdout}")
