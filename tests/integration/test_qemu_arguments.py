# SPDX-License-Identifier: LGPL-2.1-or-later
"""Arguments that bypass libvirt: guests with them start under every policy, and the reasons are true."""
import os
import xml.etree.ElementTree as ET

import pytest

from private_libvirtd import kvm_works
from waiting import wait_until

pytestmark = [
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs to tell pins apart"),
    pytest.mark.skipif(not kvm_works(),
                       reason="the tunes that arguments override are for KVM: /dev/kvm cannot be opened"),
]

NAMESPACE = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
# What a virtual machine that this suite runs in may not have is not asked for.
CPU = """<cpu mode='host-passthrough' check='none' migratable='on'>
  <feature policy='disable' name='arch-capabilities'/></cpu>"""


def arguments(*words):
    return f"<qemu:commandline {NAMESPACE}>" + "".join(
        f"<qemu:arg value='{word}'/>" for word in words) + "</qemu:commandline>"


# What is said behind libvirt's back, what of <cpu> and <vcpus> stays as it was, and who is named for it.
ARGUMENTS = {
    "cpu": (arguments("-cpu", "qemu64"), ["cache", "feature", "migratable"], "-cpu"),
    "two dashes": (arguments("--cpu", "qemu64,-svm"), ["cache", "feature", "migratable"], "-cpu"),
    "smp": (arguments("-smp", "2,maxcpus=4,sockets=1,cores=4,threads=1"), ["topology", "vcpus", "cache"], "-smp"),
    "machine": (arguments("-machine", "smp.sockets=2,smp.cores=2"), ["topology", "vcpus", "cache"],
                "-machine smp.sockets"),
    "accel": (arguments("-accel", "tcg"), ["cache", "feature", "migratable"], "-accel"),
    "global": (arguments("-global", "host-x86_64-cpu.host-cache-info=off"), ["cache"], "-global"),
    "smbios": (arguments("-smbios", "type=1,manufacturer=somebody"), ["smbios"], "-smbios"),
    "capability": (f"<qemu:capabilities {NAMESPACE}><qemu:del capability='smp-dies'/></qemu:capabilities>",
                   ["topology", "vcpus", "cache"], "smp-dies"),
    "irqchip": (arguments("-machine", "kernel_irqchip=on"), [], None),
    "override": (f"""<qemu:override {NAMESPACE}><qemu:device alias='pci.1'><qemu:frontend>
        <qemu:property name='x-speed' type='string' value='16'/></qemu:frontend></qemu:device></qemu:override>""",
                 [], None),
}


def words_of(guest):
    """What virtpind may write of the guest's CPUs, by names that the table uses."""
    domain = ET.fromstring(guest.xml("--inactive"))
    cpu = domain.find("cpu")
    as_text = lambda element: None if element is None else ET.tostring(element)
    return {"topology": as_text(cpu.find("topology")), "vcpus": as_text(domain.find("vcpus")),
            "cache": as_text(cpu.find("cache")),
            "feature": [as_text(feature) for feature in cpu.findall("feature")], "migratable": cpu.get("migratable"),
            "smbios": as_text(domain.find("os/smbios"))}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_a_guest_with_it_starts(host, make_guest, case):
    said, kept, named = ARGUMENTS[case]
    guest = make_guest("told", vcpus=2, max_vcpus=4, extra=CPU + said)
    host.wait_known(guest)
    text = guest.xml("--inactive")
    before = words_of(guest)
    # Not every host has SMBIOS tables to pass on.
    tune = ["cache-passthrough", "topoext", "invtsc", "no-migrate"] + (["host-smbios"] if case == "smbios" else [])
    host.set_policy(guest, "passthrough", smt="prefer", tune=tune)
    after = words_of(guest)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert len(list(ET.fromstring(guest.xml("--inactive")).iter("vcpupin"))) >= 2, "pins as usual"
    reasons = host.explain(guest)["plan"]["reasons"]
    codes = {reason["code"] for reason in reasons}
    if named is None:
        assert after["topology"] is not None and "caches-passed-through" in codes, "nothing is overridden"
    else:
        assert any(named in reason["text"] for reason in reasons), reasons
    if "cache" in kept:
        assert "caches-passed-through" not in codes
    guest.start()
    host.wait(guest, "pinned")
    assert sorted(guest.affinity()["vcpus"].values()) == ["0", "1"]
    guest.destroy()
    host.wait(guest, "idle")
    host.reset(guest)
    assert guest.xml("--inactive") == text


# -readconfig may say anything, so that nothing is written.
def test_a_file_of_arguments_may_say_anything(host, make_guest, tmp_path):
    guest = make_guest("file", vcpus=2, max_vcpus=4, extra=CPU + arguments("-readconfig", "/etc/hostname"))
    host.wait_known(guest)
    before = words_of(guest)
    host.set_policy(guest, "passthrough", smt="prefer")
    assert words_of(guest) == before
    assert "-readconfig" in str(host.explain(guest)["plan"]["reasons"])


# An argument that its owner adds to a definition that was tuned before.
def test_what_was_written_before_the_argument_goes_back(host, make_guest, libvirtd):
    guest = make_guest("later", vcpus=2, max_vcpus=4, extra=CPU)
    host.wait_known(guest)
    before = words_of(guest)
    host.set_policy(guest, "passthrough", smt="prefer")
    assert words_of(guest) != before
    text = guest.xml("--inactive", "--security-info")
    both = arguments("-cpu", "qemu64", "-smp", "2,maxcpus=4,sockets=1,cores=4,threads=1")
    with host.daemon.suspended():
        libvirtd.virsh("define", "/dev/stdin", stdin=text.replace("</domain>", both + "</domain>"))
    wait_until(lambda: words_of(guest) == before, lambda: f"{words_of(guest)} is {before}")
    guest.start()
    host.wait(guest, "pinned")


def explained(host, guest):
    return " ".join(reason["text"] for reason in host.explain(guest)["plan"]["reasons"])


# Nothing that reads sysfs of this machine knows the device.
def test_auto_counts_what_is_given_by_argument_or_mediated(host, make_guest):
    mdev = """<devices><hostdev mode='subsystem' type='mdev' model='vfio-pci'>
        <source><address uuid='11111111-2222-3333-4444-555555555555'/></source></hostdev></devices>"""
    mediated = make_guest("vgpu", vcpus=1)
    mediated.definition = mediated.definition.replace("</devices>", mdev[len("<devices>"):], 1)
    mediated.define()
    by_argument = make_guest("arg", vcpus=1, extra=arguments("-device", "vfio-pci,host=ff:1f.7"))
    plain = make_guest("plain", vcpus=1)
    for guest, placed, told in ((mediated, "dedicated", "mediated device 11111111"),
                                (by_argument, "dedicated", "PCI device 0000:ff:1f.7"), (plain, "shared", "no device")):
        host.wait_known(guest)
        host.set_policy(guest, "auto")
        assert f"The policy auto means {placed} for this domain" in explained(host, guest)
        assert told in explained(host, guest)
