# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever is written is the new truth: for every policy, option and tune, on definitions of many kinds, a second look
writes nothing. libvirt itself says how often a definition was written, by its DEFINED events."""
import collections
import difflib
import itertools
import json
import os
import subprocess
import threading
import uuid

import libvirt
import pytest

from private_libvirtd import kvm_works
from waiting import wait_until

LONG = os.environ.get("VIRTPIND_LONG") == "1"
RESTART_EVERY = 1 if LONG else 4
# What an earlier policy did goes first, then the numbering, then what depends on it; usually all at once.
WRITES_MAX = 3
MARKER = "https://example.org/marker"

# ---- definitions ----------------------------------------------------------------------------------------------------

# <cpu> without what follows in it.
CPUS = {
    "plain": None,
    "passthrough": ("mode='host-passthrough'", ""),
    "fixed passthrough": ("mode='host-passthrough' check='none' migratable='off'", "<cache mode='passthrough'/>"),
    "host-model": ("mode='host-model' check='partial'", "<feature policy='disable' name='vme'/>"),
    "custom": ("mode='custom' match='exact' check='none'", "<model fallback='forbid'>qemu64</model>"),
    "vendor": ("match='exact'", "<model fallback='allow'>EPYC</model><vendor>AMD</vendor>"
               "<feature policy='require' name='topoext'/><feature policy='optional' name='invtsc'/>"),
    "maximum": ("mode='maximum'", ""),
}

CELLS = "<numa><cell id='0' cpus='0-1' memory='65536' unit='KiB'/><cell cpus='2-3' memory='64' unit='MiB'/></numa>"


# What is in a definition: <vcpu>, in <cputune> (`tune`), in <numatune>, in <cpu>, beside these (`extra`).
SHAPES = {
    "bare": dict(),
    "topology": dict(cpu="<topology sockets='1' cores='2' threads='2'/>"),
    "dies": dict(cpu="<topology sockets='1' dies='2' cores='1' threads='2'/>"),
    "cells": dict(cpu=CELLS,
                  numatune="<memory mode='strict' nodeset='0'/><memnode cellid='1' mode='strict' nodeset='0'/>"),
    "cells and topology": dict(cpu="<topology sockets='2' cores='2' threads='1'/>" + CELLS),
    "room": dict(vcpu="<vcpu current='2'>4</vcpu>"),
    "gaps": dict(vcpu="<vcpu>4</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/>"
                       "<vcpu id='2' enabled='yes' hotpluggable='yes'/></vcpus>"),
    "ordered": dict(vcpu="<vcpu>4</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no' order='1'/>"
                          "<vcpu id='1' enabled='yes' hotpluggable='no' order='2'/>"
                          "<vcpu id='3' enabled='yes' hotpluggable='yes' order='3'/></vcpus>"),
    "iothreads": dict(extra="<iothreads>2</iothreads><iothreadids><iothread id='2'/><iothread id='7'/></iothreadids>",
                       tune="<iothreadpin iothread='7' cpuset='1'/>"),
    "iothreads by number": dict(extra="<iothreads>2</iothreads>"),
    "memory": dict(numatune="<memory mode='interleave' nodeset='0'/>",
                    extra="<memoryBacking><hugepages/><locked/></memoryBacking>"),
    "restrictive": dict(numatune="<memory mode='restrictive' nodeset='0'/>"),
    "auto": dict(vcpu="<vcpu placement='auto' current='2'>4</vcpu>"),
    "auto memory": dict(numatune="<memory mode='preferred' placement='auto'/>"),
    "cpuset": dict(vcpu="<vcpu cpuset='0-7,^2'>4</vcpu>"),
    "leftovers": dict(tune="<shares>2048</shares><period>100000</period><quota>50000</quota>"
                            "<vcpupin vcpu='1' cpuset='0,1'/><vcpupin vcpu='9' cpuset='3'/><emulatorpin cpuset='0'/>"),
    "schedulers": dict(tune="<vcpusched vcpus='0-1' scheduler='fifo' priority='1'/>"
                            "<vcpusched vcpus='3' scheduler='batch'/>"
                             "<emulatorsched scheduler='idle'/>"),
    "room pinned": dict(vcpu="<vcpu current='2'>4</vcpu>", tune="<vcpupin vcpu='3' cpuset='1'/>"
                                                                 "<vcpusched vcpus='2-3' scheduler='batch'/>"),
}

# Of these each shape is tried without <cpu> and with another kind of CPU; in the long form, with every kind.
PAIRS = list(itertools.product(SHAPES, CPUS)) if LONG else [
    (name, cpu) for number, name in enumerate(SHAPES) for cpu in ("plain", list(CPUS)[1 + number % (len(CPUS) - 1)])]


def definition(name, shape_name, cpu_name):
    parts, cpu = SHAPES[shape_name], CPUS[cpu_name]
    kind = "kvm" if kvm_works() else "qemu"  # without KVM, the CPU is emulated and there is nothing to tune
    if cpu is None and "cpu" in parts:
        cpu = ("", "")
    inner = (cpu[1] if cpu else "") + parts.get("cpu", "")
    return f"""
<domain type='{kind}'>
  <name>{name}</name>
  <uuid>{uuid.uuid4()}</uuid>
  <memory unit='MiB'>128</memory>
  {parts.get('vcpu', '<vcpu>4</vcpu>')}
  {parts.get('extra', '')}
  {f"<cputune>{parts['tune']}</cputune>" if 'tune' in parts else ''}
  {f"<numatune>{parts['numatune']}</numatune>" if 'numatune' in parts else ''}
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  {f"<cpu {cpu[0]}>{inner}</cpu>" if cpu else ''}
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>"""


# ---- policies -------------------------------------------------------------------------------------------------------

TUNES = ["cache-passthrough", "topoext", "invtsc", "no-migrate", "hide-hypervisor", "host-smbios"]

POLICIES = [
    {"base": "shared"},
    {"base": "dedicated"},
    {"base": "passthrough"},
    {"base": "auto"},
    *({"base": "dedicated", "tune": [tune]} for tune in TUNES),
    *({"base": "shared", "tune": [tune]} for tune in TUNES),
    {"base": "dedicated", "tune": ["cache-passthrough", "no-migrate"]},
    {"base": "dedicated", "tune": ["no-migrate", "hide-hypervisor"]},
    {"base": "dedicated", "tune": ["invtsc", "topoext", "host-smbios"]},
    {"base": "dedicated", "tune": TUNES},
    {"base": "dedicated", "topology": "match"},
    {"base": "dedicated", "topology": "host"},
    {"base": "dedicated", "topology": "match", "tune": TUNES},
    {"base": "dedicated", "topology": "host", "tune": TUNES},
    {"base": "passthrough", "topology": "keep"},
    {"base": "passthrough", "smt": "prefer"},
    {"base": "passthrough", "smt": "prefer", "topology": "host", "cpus": "1,4-6"},
    {"base": "passthrough", "smt": "isolate"},
    {"base": "dedicated", "smt": "spread", "topology": "match"},
    {"base": "dedicated", "numa": "single"},
    {"base": "dedicated", "numa": "spread", "topology": "match"},
    {"base": "dedicated", "numa": "spread"},
    {"base": "dedicated", "cache": "pack"},
    {"base": "dedicated", "emulator": "own"},
    {"base": "dedicated", "emulator": "vcpus"},
    {"base": "dedicated", "emulator": "7", "iothreads": "6-7"},
    {"base": "dedicated", "iothreads": "own"},
    {"base": "dedicated", "iothreads": "vcpus"},
    {"base": "dedicated", "memory": "keep"},
    {"base": "shared", "memory": "keep"},
    {"base": "shared", "cpus": "2-5"},
    {"base": "dedicated", "vcpus": 2},
    {"base": "dedicated", "vcpus": 3, "topology": "match"},
    {"base": "shared", "vcpus": 1},
    {"base": "passthrough", "vcpus": 4, "smt": "prefer"},
    {"base": "dedicated", "vcpus": 40},
    {"base": "none"},
]


def shown(policy):
    return " ".join(f"{key}={','.join(value) if isinstance(value, list) else value}" for key, value in policy.items())


HOSTS = {
    "two nodes": ("pack:2 [numa(memory=8GiB)] l3:1 core:2 pu:2", "AuthenticAMD"),
    "three cores": ("pack:1 [numa(memory=16GiB)] l3:2 core:3 pu:2", "GenuineIntel"),
}


# ---- what libvirt says ----------------------------------------------------------------------------------------------

class Writes:
    """How often each definition was written, by the events of a connection of our own."""

    def __init__(self):
        self.counted = collections.Counter()
        self.marks = 0
        self.connection = libvirt.open("qemu:///system")
        self.ids = [self.connection.domainEventRegisterAny(None, event, call, None) for event, call in (
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self.on_lifecycle),
            (libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, self.on_metadata))]
        self.marker = self.connection.defineXML(definition(f"marker-{uuid.uuid4().hex[:6]}", "bare", "plain"))

    def on_lifecycle(self, _connection, domain, event, _detail, _opaque):
        if event == libvirt.VIR_DOMAIN_EVENT_DEFINED:
            self.counted[domain.UUIDString()] += 1

    def on_metadata(self, _connection, domain, _type, where, _opaque):
        self.marks += where == MARKER

    def count(self):
        """All that were made up to now: events come in their order."""
        before = self.marks
        self.marker.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<mark/>", "m", MARKER,
                                libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        wait_until(lambda: self.marks > before, "our own event comes")
        return collections.Counter(self.counted)

    def close(self):
        self.marker.undefine()
        for one in self.ids:
            self.connection.domainEventDeregisterAny(one)
        self.connection.close()


@pytest.fixture(scope="module")
def event_loop():
    libvirt.virEventRegisterDefaultImpl()
    ends = threading.Event()
    beat = libvirt.virEventAddTimeout(50, lambda *_: None, None)

    def run():
        while not ends.is_set():
            libvirt.virEventRunDefaultImpl()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    ends.set()
    thread.join(10)
    libvirt.virEventRemoveTimeout(beat)


@pytest.fixture
def writes(libvirtd, event_loop):
    one = Writes()
    yield one
    one.close()


@pytest.fixture
def guests(writes):
    """UUID -> what it is, and the definition as libvirt made it."""
    made = {}
    run = os.environ.get("VIRTPIND_TEST_RUN", uuid.uuid4().hex[:6])
    try:
        for number, (shape_name, cpu_name) in enumerate(PAIRS):
            domain = writes.connection.defineXML(definition(f"look{number}-{run}", shape_name, cpu_name))
            made[domain.UUIDString()] = (f"{shape_name}, {cpu_name}", domain)
        yield made
    finally:
        for _, domain in made.values():
            domain.undefine()


def write_topology(path, synthetic, vendor):
    subprocess.run(["lstopo-no-graphics", "--if", "synthetic", "--input", synthetic, "--of", "xml", str(path)],
                   check=True, timeout=30)
    text = path.read_text().replace('<info name="Backend" value="Synthetic"/>',
                                    '<info name="Backend" value="Synthetic"/>'
                                    f'<info name="CPUVendor" value="{vendor}"/>', 1)
    assert vendor in text, text
    path.write_text(text)


class Looks:
    """The daemon, the guests, and what became of them."""

    def __init__(self, daemon, client, writes, guests):
        self.daemon, self.client, self.writes, self.guests = daemon, client, writes, guests
        self.problems = []

    def configure(self, policy):
        settings = {"housekeeping": "", "period-seconds": 3600}
        if policy is not None:
            settings |= {"policies": {"tried": policy}, "domains": {id_: "tried" for id_ in self.guests}}
        (self.daemon.directory / "virtpind.json").write_text(json.dumps(settings))
        self.client.manager("Reload", "(t)", 0)

    def look(self, times=1):
        for _ in range(times):
            self.client.manager("Reapply", "(st)", "", 0)

    def state(self):
        """By UUID: how often it was written, when anything was changed, and what is wrong."""
        counted = self.writes.count()
        properties = {id_: self.client.domain_properties(id_) for id_ in self.guests}
        return {id_: (counted[id_], is_["LastAppliedUSec"], is_["LastError"]) for id_, is_ in properties.items()}

    def restart(self):
        """A daemon that knows nothing of what was written."""
        self.daemon.restart()
        for id_ in self.guests:
            self.client.wait_for_properties(id_, lambda is_: True, "known again")

    def complain(self, policy, id_, what):
        self.problems.append(f"{shown(policy)}: {self.guests[id_][0]}: {what}")

    def try_policy(self, policy, restart):
        before = self.writes.count()
        self.configure(policy)
        self.look(2)
        first = self.state()
        if restart:
            self.restart()
        self.look(2)
        second = self.state()
        for id_ in self.guests:
            written, applied, error = first[id_]
            if written != second[id_][0] or (not restart and applied != second[id_][1]):
                self.complain(policy, id_, f"{second[id_][0] - written} writes at a second look")
            if written - before[id_] > WRITES_MAX:
                self.complain(policy, id_, f"{written - before[id_]} writes")
            if error[0] not in ("", "Unsatisfiable"):
                self.complain(policy, id_, error)


def lines(domain):
    """What it says; in which order features are listed means nothing."""
    return sorted(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).splitlines())


@pytest.mark.parametrize("shape_of_host", HOSTS)
def test_second_look_writes_nothing(make_daemon, client, writes, guests, tmp_path, shape_of_host):
    topology = tmp_path / "host.xml"
    write_topology(topology, *HOSTS[shape_of_host])
    originals = {id_: lines(domain) for id_, (_, domain) in guests.items()}
    looks = Looks(make_daemon(topology=f"xml:{topology}", config='{"housekeeping": ""}'), client, writes, guests)
    for number, policy in enumerate(POLICIES):
        looks.try_policy(policy, restart=number % RESTART_EVERY == 0)
    looks.configure(None)
    looks.look(2)
    for id_, (what, domain) in guests.items():
        if lines(domain) != originals[id_]:
            looks.problems.append(f"reset: {what} is not as it was:\n" + "\n".join(
                difflib.unified_diff(originals[id_], lines(domain), n=0, lineterm="")))
    assert not looks.problems, "\n".join([f"{len(looks.problems)} problems", *looks.problems])
    assert "keeps changing" not in looks.daemon.log_text()
