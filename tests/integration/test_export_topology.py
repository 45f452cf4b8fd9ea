# SPDX-License-Identifier: LGPL-2.1-or-later
"""ExportTopology of a host with two L3s and two pinned domains, and what lstopo draws of it.

VIRTPIND_PICTURE=FILE.svg keeps the picture; this is how dbus/export-topology.svg was made.
"""
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

SHIPPED = Path(__file__).resolve().parents[2] / "dbus/export-topology.svg"
# A desktop of two CCDs: siblings n and n+12.
TOPOLOGY = "synthetic:pack:1 [numa(memory=68719476736)] l3:2(size=33554432) core:6 pu:2(indexes=2*12:12*1)"
DOMAINS = {"win11": 8, "build": 4}
DOMAIN = """<domain type="test">
  <name>{name}</name><uuid>00000000-0000-4000-8000-0000000000{vcpus:02}</uuid>
  <memory>65536</memory><vcpu>{vcpus}</vcpu><os><type>hvm</type></os>
</domain>
"""


@pytest.fixture
def exported(make_daemon, client, tmp_path):
    """The XML, with each domain pinned to CPUs of its own."""
    host = tmp_path / "host.xml"
    host.write_text("<node>" + "".join(DOMAIN.format(name=name, vcpus=n) for name, n in DOMAINS.items()) + "</node>")
    make_daemon(f"test://{host}", topology=TOPOLOGY)
    for name, vcpus in DOMAINS.items():
        client.wait_for_properties(f"00000000-0000-4000-8000-0000000000{vcpus:02}", lambda is_: True,
                                   f"{name} is known")
        client.manager("SetPolicy", "(ssa{sv}t)", name, "dedicated", {}, 0)
    return client.manager("ExportTopology", "(t)", 0)


def infos(element):
    return {info.get("name"): info.get("value") for info in element.findall("info")}


def test_every_cpu_says_whose_it_is_in_a_colour_of_its_own(exported):
    root = ElementTree.fromstring(exported)
    cpus = {int(unit.get("os_index")): unit for unit in root.iter("object") if unit.get("type") == "PU"}
    assert len(cpus) == 24
    colours = {}
    threads = []
    for unit in cpus.values():
        said = infos(unit)
        colours.setdefault(said["virtpind"], set()).add(said["lstopoStyle"])
        threads += [note.get("name") for note in unit.findall("object") if note.get("type") == "Misc"]
    assert set(colours) == {*DOMAINS, "housekeeping", "pool"}
    assert all(len(styles) == 1 for styles in colours.values()), colours
    assert len(set.union(*colours.values())) == len(colours), colours
    vcpus = [f"{name} vCPU {n}" for name, count in DOMAINS.items() for n in range(count)]
    assert sorted(threads) == sorted([*vcpus, *["housekeeping"] * 2, *["pool"] * (24 - len(vcpus) - 2)])


def test_lstopo_draws_who_sits_where(exported, tmp_path):
    lstopo = shutil.which("lstopo") or shutil.which("lstopo-no-graphics")
    if lstopo is None:
        pytest.skip("lstopo is not installed: tests/install-deps, or apt-get install hwloc-nox")
    host, picture = tmp_path / "exported.xml", tmp_path / "exported.svg"
    host.write_text(exported)
    subprocess.run([lstopo, "-i", host, "-p", "--no-factorize", "--no-legend", "--output-format", "nativesvg",
                    "--force", picture], check=True, stdin=subprocess.DEVNULL, timeout=60)
    # lstopo writes units into the viewBox, which takes plain numbers: some viewers then draw an empty picture.
    drawn = re.sub(r"viewBox='[^']*'", lambda box: box[0].replace("px", ""), picture.read_text())
    if "VIRTPIND_PICTURE" in os.environ:
        Path(os.environ["VIRTPIND_PICTURE"]).write_text(drawn)
    for drawing in (drawn, SHIPPED.read_text()):
        assert re.search(r"viewBox='[\d ]+'", drawing)
        for thread in ("win11 vCPU 7", "build vCPU 3", "housekeeping", "pool"):
            assert thread in drawing
