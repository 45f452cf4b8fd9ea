# SPDX-License-Identifier: LGPL-2.1-or-later
"""That what `virtpind plan` would define suits libvirt."""
import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from host_cpus import HAS_TWO, TWO_CPUS
from private_libvirtd import kvm_works
from virtpind_daemon import BINARY
from xml_text import normal

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "tuning"

pytestmark = pytest.mark.skipif(not HAS_TWO, reason=TWO_CPUS)


SHAPES = {
    "one L3": "pack:1 [numa] l3:2 core:6 pu:2(indexes=2*12:12*1)",
    "dies": "pack:1 [numa] l3:4 core:3 pu:2",
    "gaps": "pack:1 [numa] l3:2 core:3 pu:2",
    "no SMT": "pack:1 [numa] l3:2 core:6 pu:1",
    "two nodes": "pack:2 [numa(memory=8GiB)] l3:2 core:4 pu:2",
    "many L3s": "pack:1 [numa] l3:8 core:4 pu:1",
}


TUNES = "cache-passthrough,topoext,invtsc,no-migrate,hide-hypervisor,host-smbios"


def planned_definition(tmp_path, name, vcpus, host, **policy):
    """What `virtpind plan` would define for the plain guest of the golden tests."""
    options = " ".join(f'{key}="{value}"' for key, value in policy.items())
    element = f'<virtpind:policy xmlns:virtpind="https://virtpind.org/policy/1" name="passthrough" {options}/>'
    text = (GOLDEN / "plain.xml").read_text().replace("win11", name).replace(
        "<vcpu placement='static'>VCPUS</vcpu>", vcpus).replace("  </metadata>", f"    {element}\n  </metadata>")
    path = tmp_path / f"{name}.xml"
    path.write_text(text)
    done = subprocess.run([BINARY, "plan", "--topology", f"synthetic:{host}", "--format", "json", str(path)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)["domains"][0]["definition"]


def check_schema(libvirtd, name, text):
    """That QEMU's driver takes it; without KVM, which it then knows nothing of, the test driver, which checks less."""
    uri = [] if kvm_works() else ["-c", "test:///default"]
    defined = libvirtd.virsh(*uri, "define", "--validate", "/dev/stdin", stdin=text, check=False)
    try:
        assert defined.returncode == 0, f"{defined.stderr}\n{text}"
    finally:
        libvirtd.virsh(*uri, "undefine", name, check=False)


@pytest.mark.parametrize("topology", ["match", "host"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_definition_that_is_planned_suits_libvirts_schema(libvirtd, tmp_path, shape, topology):
    for vcpus in (2, 4, 6, 10):
        name = f"shape-{vcpus}"
        text = planned_definition(tmp_path, name, f"<vcpu placement='static' current='{vcpus}'>12</vcpu>",
                                  SHAPES[shape], smt="prefer", topology=topology, tune=TUNES)
        check_schema(libvirtd, name, text)


# libvirt refuses a vCPU that cannot be unplugged behind one that can.
def test_gaps_in_a_list_of_fixed_vcpus_suit_libvirt(libvirtd, tmp_path):
    fixed = "".join(f"<vcpu id='{i}' enabled='yes' hotpluggable='no'/>" for i in range(4))
    text = planned_definition(tmp_path, "fixed", f"<vcpu placement='static'>4</vcpu><vcpus>{fixed}</vcpus>",
                              "pack:1 [numa] l3:2 l2:4 l1:1 core:1 pu:2", smt="isolate", topology="match",
                              tune="cache-passthrough")
    listed = {v.get("id"): v for v in ET.fromstring(text).find("vcpus")}
    assert listed["2"].get("enabled") == "yes" and listed["1"].get("enabled") == "no", "one thread of each core"
    check_schema(libvirtd, "fixed", text)


REFERENCES = {
    "a": ("pack:1 [numa] l3:2 core:6 pu:1", "<vcpu placement='static'>6</vcpu>", "6-11", "match"),
    "b": (SHAPES["one L3"], "<vcpu placement='static'>12</vcpu>", "6-11,18-23", "match"),
    "b-adjacent": ("pack:1 [numa] l3:2 core:6 pu:2", "<vcpu placement='static'>12</vcpu>", "12-23", "match"),
    "c": ("pack:1 [numa] l3:2 core:6 pu:1", "<vcpu placement='static' current='6'>12</vcpu>", "6-11", "host"),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_reference_configurations_are_reproduced(libvirtd, tmp_path, name):
    host, vcpus, cpus, topology = REFERENCES[name]
    text = planned_definition(tmp_path, "win11", vcpus, host, cpus=cpus, topology=topology, tune=TUNES)
    made, expected = ET.fromstring(text), ET.parse(GOLDEN / f"reference-{name}.xml").getroot()
    for path in ("vcpu", "vcpus", "cpu", "os"):
        assert [normal(e) for e in made.findall(path)] == [normal(e) for e in expected.findall(path)]
    pins = {pin.get("vcpu"): pin.get("cpuset") for pin in made.iter("vcpupin")}
    assert pins == {pin.get("vcpu"): pin.get("cpuset") for pin in expected.iter("vcpupin")}
    check_schema(libvirtd, "win11", text)
