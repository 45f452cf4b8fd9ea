# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guest tuning, vCPU hotplug and undo on real QEMU guests and a real libvirtd."""
import re
import subprocess
import threading
import xml.etree.ElementTree as ET

import pytest

from host_cpus import BOTH, FIRST, HAS_TWO, INDEXES, SECOND, TWO_CPUS
from private_bus import BusError, domain_path
from private_libvirtd import NEEDS_KVM, kvm_works
from waiting import wait_until
from xml_text import normal

pytestmark = pytest.mark.skipif(not HAS_TWO, reason=TWO_CPUS)
needs_kvm = pytest.mark.skipif(not kvm_works(), reason=NEEDS_KVM)


def definition(guest):
    return ET.fromstring(guest.xml("--inactive"))


def wait_vcpus(guest, expected):
    wait_until(lambda: guest.affinity()["vcpus"] == expected, lambda: f"{guest.affinity()} is {expected}")


# Virtual machines that this suite runs in cannot give a guest all that host-passthrough would.
STARTS = "<cpu mode='host-passthrough' migratable='on'><feature policy='disable' name='arch-capabilities'/></cpu>"
ODD = """
<metadata><other:note xmlns:other="https://example.org/note">mine</other:note></metadata>
<cpu mode='host-model' check='partial'><feature policy='disable' name='vme'/></cpu>"""


@needs_kvm
@pytest.mark.parametrize("extra", ["", STARTS, ODD])
def test_passthrough_tunes_the_definition_and_reset_gives_it_back_byte_for_byte(host, make_guest, extra):
    guest = make_guest("tuned", vcpus=2, extra=extra)
    host.wait_known(guest)
    before = guest.xml("--inactive")
    planned = host.plan(guest, "passthrough", smt="prefer", cpus=BOTH)
    assert guest.xml("--inactive") == before, "Plan changes nothing"
    host.set_policy(guest, "passthrough", smt="prefer", cpus=BOTH)
    after = definition(guest)
    cpu = after.find("cpu")
    assert cpu.get("mode") == "host-passthrough" and cpu.get("migratable") == "off"
    assert cpu.find("topology") is not None
    assert after.find("vcpu").get("cpuset") == BOTH
    assert {pin.get("vcpu"): pin.get("cpuset") for pin in after.iter("vcpupin")} == planned["vcpupin"]
    added = [line for line in planned["definition-diff"].splitlines() if line.startswith("+") and "+++" not in line]
    text = guest.xml("--inactive")
    missing = [line for line in added if line[1:].strip() not in text]
    assert not missing, "the diff that Plan shows is what is written"
    if extra == STARTS:
        guest.start()
        host.wait(guest, "pinned")
        assert guest.affinity()["vcpus"] == {int(v): c for v, c in planned["vcpupin"].items()}
        guest.destroy()
        host.wait(guest, "idle")
    host.reset(guest)
    assert guest.xml("--inactive") == before


# The features of the CPU that libvirt would give a guest, and of the host's own.
def expanded_features(libvirtd, command, model):
    model = "".join(ET.tostring(child, encoding="unicode") for child in model)
    cpu = libvirtd.virsh(command, "--features", "/dev/stdin", stdin=f"<cpu>{model}</cpu>").stdout
    return {feature.get("name") for feature in ET.fromstring(cpu).iter("feature")}


@needs_kvm
def test_what_the_host_can_give_a_guest_is_known(host, make_guest, libvirtd):
    offered = ET.fromstring(libvirtd.virsh("domcapabilities", "--virttype", "kvm").stdout)
    guests = expanded_features(libvirtd, "hypervisor-cpu-baseline", offered.find("cpu/mode[@name='host-model']"))
    hosts = expanded_features(libvirtd, "cpu-baseline",
                              ET.fromstring(libvirtd.virsh("capabilities").stdout).find("host/cpu"))
    able = {"invtsc": "invtsc" in guests, "topoext": "topoext" in hosts}
    guest = make_guest("able", vcpus=2)
    host.wait_known(guest)
    said = re.search("what this host can give a guest: (.*)", host.daemon.log_text()).group(1)
    assert said == ", ".join(f"{name} {'yes' if able[name] else 'no'}" for name in ("invtsc", "topoext"))
    host.set_policy(guest, "dedicated", tune=["invtsc", "topoext", "cache-passthrough"])
    written = {feature.get("name") for feature in definition(guest).iter("feature")}
    reasons = str(host.explain(guest))
    for name, possible in able.items():
        assert (name in written) == possible, f"{name}: {reasons}"
        assert (f"{name} is left out" in reasons) != possible


# QEMU without KVM's help has not all of qemu64: with check='partial' it does not start.
@needs_kvm
def test_a_named_model_still_starts(host, make_guest):
    guest = make_guest("model", vcpus=2, extra="""<cpu mode='custom' match='exact' check='none'>
        <model fallback='forbid'>qemu64</model></cpu>""")
    host.wait_known(guest)
    host.set_policy(guest, "dedicated", tune=["hide-hypervisor"])
    cpu = definition(guest).find("cpu")
    assert cpu.get("check") == "none" and cpu.find("feature[@name='hypervisor']").get("policy") == "disable"
    guest.start()
    host.wait(guest, "pinned")


@needs_kvm
def test_another_policy_takes_back_what_it_does_not_ask_for(host, make_guest):
    guest = make_guest("less", vcpus=2)
    host.wait_known(guest)
    before = definition(guest)
    host.set_policy(guest, "passthrough", smt="prefer")
    host.set_policy(guest, "dedicated")
    after = definition(guest)
    assert ET.tostring(after.find("cpu")) == ET.tostring(before.find("cpu"))
    assert after.find("vcpu").attrib == before.find("vcpu").attrib
    assert len(list(after.iter("vcpupin"))) == 2, "the pins are still asked for"


# With its gaps the guest has more vCPUs in its definition, by other numbers, than its owner gave it.
@needs_kvm
def test_another_policy_takes_back_the_numbering_too(make_daemon, make_guest, client, tmp_path):
    path = tmp_path / "gaps.xml"
    subprocess.run(["lstopo-no-graphics", "--if", "synthetic", "--input", "pack:1 [numa] l3:2 core:3 pu:1",
                    "--of", "xml",
                    str(path)], check=True, timeout=30)
    make_daemon(topology=f"xml:{path}", config='{"housekeeping": ""}')
    guest = make_guest("numbers", vcpus=4)
    client.wait_for_properties(guest.uuid, lambda is_: True, "known")
    before = definition(guest)

    def set_policy(policy, **options):
        client.manager("SetPolicy", "(ssa{sv}t)", guest.name, policy, client.options(options), 0)

    set_policy("passthrough", smt="prefer", cpus="0-1,3-4", topology="host")
    tuned = definition(guest)
    enabled = [vcpu.get("id") for vcpu in tuned.find("vcpus") if vcpu.get("enabled") == "yes"]
    assert enabled == ["0", "1", "3", "4"], "two dies of three cores, as the host's, each with one offline"
    set_policy("dedicated", cpus="0-1,3-4")
    wait_until(lambda: [pin.get("vcpu") for pin in definition(guest).iter("vcpupin")] == ["0", "1", "2", "3"],
               lambda: f"pins by the old numbers: {guest.xml('--inactive')}")
    after = definition(guest)
    for path in ("vcpu", "vcpus", "cpu"):
        assert [normal(e) for e in after.findall(path)] == [normal(e) for e in before.findall(path)]


def cpus_in(text):
    """"0-1,3" as a set."""
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    return {cpu for part in ends for cpu in range(part[0], part[-1] + 1)}


KEYED = """<vcpusched vcpus='0-1' scheduler='fifo' priority='1'/><vcpusched vcpus='2-3' scheduler='batch'/>
<cachetune vcpus='2'><cache id='0' level='3' type='both' size='3' unit='MiB'/><monitor level='3' vcpus='2'/></cachetune>
<memorytune vcpus='3'><node id='0' bandwidth='60'/></memorytune>"""


# Four vCPUs become 0-1 and 3-4; whatever names them by number says so, and is as it was when they are.
@needs_kvm
def test_what_is_keyed_by_vcpu_follows_the_number(make_daemon, make_guest, client, tmp_path):
    path = tmp_path / "gaps.xml"
    subprocess.run(["lstopo-no-graphics", "--if", "synthetic", "--input", "pack:1 [numa] l3:2 core:3 pu:1",
                    "--of", "xml",
                    str(path)], check=True, timeout=30)
    make_daemon(topology=f"xml:{path}", config='{"housekeeping": ""}')
    guest = make_guest("keyed", vcpus=4, cputune=KEYED)
    client.wait_for_properties(guest.uuid, lambda is_: True, "known")
    before = guest.xml("--inactive")
    options = client.options({"smt": "prefer", "cpus": "0-1,3-4", "topology": "host"})
    client.manager("SetPolicy", "(ssa{sv}t)", guest.name, "passthrough", options, 0)
    cputune = definition(guest).find("cputune")
    # libvirt writes one element for each, or one for all.
    keyed = sorted((s.get("scheduler"), vcpu) for s in cputune.iter("vcpusched")
                   for vcpu in sorted(cpus_in(s.get("vcpus"))))
    assert keyed == [("batch", 3), ("batch", 4), ("fifo", 0), ("fifo", 1)]
    assert cputune.find("cachetune").get("vcpus") == "3" and cputune.find("cachetune/monitor").get("vcpus") == "3"
    assert cputune.find("memorytune").get("vcpus") == "4"
    tuned = guest.xml("--inactive")
    client.manager("Reapply", "(st)", guest.name, 0)
    assert guest.xml("--inactive") == tuned, "a second look renumbers nothing"
    client.manager("ResetPolicy", "(st)", guest.name, 0)
    assert guest.xml("--inactive") == before


@needs_kvm
def test_reset_leaves_what_somebody_else_changed_since_and_says_so(host, make_guest, libvirtd):
    guest = make_guest("edited", vcpus=2)
    host.wait_known(guest)
    before = definition(guest)
    host.set_policy(guest, "passthrough", smt="prefer")
    edited = guest.xml("--inactive", "--security-info")
    edited = edited.replace("<on_crash>destroy", "<on_crash>restart").replace(
        "<cache mode='passthrough'/>", "<cache mode='disable'/>")
    assert "mode='disable'" in edited
    with host.daemon.suspended():  # or it would write its own again, by the policy that is in force
        libvirtd.virsh("define", "/dev/stdin", stdin=edited)
        libvirtd.virsh("metadata", guest.name, "https://virtpind.org/policy/1", "--config", "--remove")
    wait_until(lambda: "cpu/cache" in str(host.explain(guest)["history"]),
               lambda: f"what was left alone is in the history: {host.explain(guest)['history']}")
    after = definition(guest)
    assert after.find("cpu/cache").get("mode") == "disable"
    assert after.find("on_crash").text == "restart"
    assert after.find("cpu/topology") is None and not list(after.iter("vcpupin"))
    assert after.find("cpu").get("mode") == "host-passthrough", "it goes with the cache"


# Put back one by one, the rest would not suit what the owner made of them, and libvirt would refuse all of it.
HELD_TOGETHER = {
    "topology": ("", r"<topology [^>]*/>", "<topology sockets='2' cores='1' threads='1'/>", "cpu/topology"),
    "migratable": ("<cpu mode='host-model' check='partial'/>", "migratable='off'", "migratable='on'", "cpu@migratable"),
}


@needs_kvm
@pytest.mark.parametrize("case", HELD_TOGETHER)
def test_reset_leaves_what_goes_with_an_edit_of_somebody_else(host, make_guest, libvirtd, case):
    extra, old, new, part = HELD_TOGETHER[case]
    guest = make_guest("together", vcpus=1, max_vcpus=4, extra=extra)
    host.wait_known(guest)
    host.set_policy(guest, "passthrough", smt="prefer", vcpus=2)
    edited, count = re.subn(old, new, guest.xml("--inactive", "--security-info"))
    assert count == 1, edited
    if case == "topology":
        edited = re.sub("<vcpu .*</vcpu>", "<vcpu placement='static'>2</vcpu>", edited)
        edited = re.sub("(?s)<vcpus>.*</vcpus>", "", edited)
    with host.daemon.suspended():
        libvirtd.virsh("define", "/dev/stdin", stdin=edited)
        libvirtd.virsh("metadata", guest.name, "https://virtpind.org/policy/1", "--config", "--remove")
    wait_until(lambda: part in str(host.explain(guest)["history"]),
               lambda: f"what was left alone is in the history: {host.explain(guest)['history']}")
    after = definition(guest)
    if case == "topology":
        assert after.find("cpu/topology").get("sockets") == "2" and after.find("vcpu").text == "2"
    else:
        assert after.find("cpu").get("migratable") == "on" and after.find("cpu").get("mode") == "host-passthrough"
        assert after.find("cpu/topology") is None, "the shape is ours to take back"
    assert not list(after.iter("vcpupin"))


# Between what was observed and the first write, at the first touch.
def test_an_edit_meanwhile_is_how_it_was_before(make_daemon, make_guest, client, libvirtd, faults):
    make_daemon(config='{"housekeeping": ""}', environment=faults.environment)
    guest = make_guest("meanwhile", vcpus=1).start()
    client.wait_for_properties(guest.uuid, lambda is_: True, "known")
    faults.plan("delay", 1, 1, "virDomainPin", 2000)
    asked = threading.Thread(target=client.manager, args=(
        "SetPolicy", "(ssa{sv}t)", guest.name, "dedicated", client.options({"cpus": SECOND}), 0))
    asked.start()
    wait_until(faults.calls, "in the first pin call")
    libvirtd.virsh("emulatorpin", guest.name, FIRST, "--config")
    asked.join()
    wait_until(lambda: f"<vcpupin vcpu='0' cpuset='{SECOND}'/>" in guest.xml("--inactive"), "the next pass writes")
    client.manager("ResetPolicy", "(st)", guest.name, 0)
    after = definition(guest).find("cputune")
    assert after.find("emulatorpin").get("cpuset") == FIRST and after.find("vcpupin") is None


def test_vcpus_grows_pinned_and_keeps_what_it_has(host, make_guest):
    guest = make_guest("grow", vcpus=1, max_vcpus=3).start()
    host.wait_known(guest)
    host.set_policy(guest, "dedicated", cpus=BOTH)
    first = guest.affinity()["vcpus"][0]
    other = SECOND if first == FIRST else FIRST
    host.set_policy(guest, "dedicated", cpus=BOTH, vcpus=2)
    assert guest.affinity()["vcpus"] == {0: first, 1: other}, "the reply comes after the plug, and nothing moved"
    enabled = [v.get("id") for v in definition(guest).find("vcpus") if v.get("enabled") == "yes"]
    assert enabled == ["0", "1"]
    guest.destroy()
    host.wait(guest, "idle")
    guest.start()
    host.wait(guest, "pinned")
    assert guest.affinity()["vcpus"] == {0: first, 1: other}


# Giving them back is the guest's to do, and nobody asks it for that.
@pytest.mark.parametrize("by_command", [False, True])
def test_what_was_plugged_stays_and_is_told_of(host, make_guest, by_command):
    guest = make_guest("plugged", vcpus=1, max_vcpus=3).start()
    host.wait_known(guest)
    before = guest.xml("--inactive")
    host.set_policy(guest, "shared", vcpus=2)
    told = "vCPUs 1 stay plugged until the next start"
    if by_command:
        host.daemon.stop()
        assert told in host.daemon.restore("--all").stdout
    else:
        host.reset(guest)
        assert told in str(host.explain(guest)["history"])
    assert guest.xml("--inactive") == before and len(guest.affinity()["vcpus"]) == 2


def test_vcpus_of_a_running_guest_that_cannot_give_back(host, make_guest, client):
    guest = make_guest("keep", vcpus=1, max_vcpus=2).start()
    host.wait_known(guest)
    host.set_policy(guest, "dedicated", vcpus=2)
    pins = guest.affinity()["vcpus"]
    with pytest.raises(BusError) as refused:  # firmware only: nobody there to let go of a vCPU
        host.set_policy(guest, "dedicated", vcpus=1)
    assert refused.value.name == "org.virtpind1.Error.PartiallyApplied"
    assert "did not give back vCPUs 1" in refused.value.text
    state = host.wait(guest, "partial")
    wait_vcpus(guest, pins)  # what stays plugged gets CPUs of its own again
    assert definition(guest).find("vcpu").get("current") == "1", "from the next start it has what was asked for"
    asked = host.daemon.log_text().count("unplug")
    client.manager("Reapply", "(st)", "", 0)
    assert host.daemon.log_text().count("unplug") == asked, "it is not asked again and again"
    assert state["LastError"][0] == "PartiallyApplied"


def test_vcpus_beyond_the_maximum_is_a_visible_problem(host, make_guest, client):
    guest = make_guest("most", vcpus=1, max_vcpus=2).start()
    host.wait_known(guest)
    host.set_policy(guest, "shared", vcpus=5)
    assert len(guest.affinity()["vcpus"]) == 2
    wait_until(lambda: any(
        "5 vCPUs" in text and path == domain_path(guest.uuid)
        for _, text, path in client.properties("/org/virtpind1", "org.virtpind1.Manager")["Problems"]),
               lambda: f"a problem: {client.manager_property('Problems')}")




@pytest.fixture
def unlike_l3s(tmp_path):
    """Two CPUs of this host, said to have one L3 each, of unlike sizes."""
    path = tmp_path / "unlike.xml"
    subprocess.run(["lstopo-no-graphics", "--if", "synthetic", "--input",
                    f"pack:1 [numa(memory=8589934592)] l3:2(size=33554432) core:1 pu:1{INDEXES}",
                    "--of", "xml", str(path)],
                   check=True, timeout=30)
    path.write_text(path.read_text().replace('cache_size="33554432"', 'cache_size="100663296"', 1))
    return f"xml:{path}"


@needs_kvm
def test_emulator_starts_where_the_caches_are_and_leaves_when_it_runs(make_daemon, make_guest, client, unlike_l3s):
    make_daemon(topology=unlike_l3s, config=f'{{"housekeeping": "{FIRST}"}}')
    guest = make_guest("phases", vcpus=1, extra=STARTS)
    client.wait_for_properties(guest.uuid, lambda is_: True, "known")
    client.manager("SetPolicy", "(ssa{sv}t)", guest.name, "dedicated",
                   client.options({"tune": ["cache-passthrough"]}), 0)
    cputune = definition(guest).find("cputune")
    assert cputune.find("emulatorpin").get("cpuset") == SECOND, "QEMU reads the caches of the vCPU's own L3"
    guest.start()
    client.wait_for_properties(guest.uuid, lambda is_: is_["PinState"] == "pinned", "pinned")
    assert guest.affinity()["emulator"] == FIRST and guest.affinity()["vcpus"] == {0: SECOND}


@pytest.mark.parametrize("start", [False, True])
def test_restore_command_puts_everything_back(host, make_guest, start):
    guests = [make_guest(name, vcpus=2, cputune=cputune)
              for name, cputune in (("r1", ""), ("r2", f"<vcpupin vcpu='0' cpuset='{SECOND}'/>"))]
    before = {guest.name: guest.xml("--inactive") for guest in guests}
    for guest in guests:
        host.wait_known(guest)
        if start:
            guest.start()
    live = {guest.name: guest.affinity() for guest in guests if start}
    host.set_policy(guests[0], "passthrough", smt="prefer")
    host.set_policy(guests[1], "shared", cpus=FIRST)
    refused = host.daemon.restore("--all")
    assert refused.returncode == 2 and "stop it first" in refused.stderr, refused
    host.daemon.stop()
    done = host.daemon.restore("--all")
    assert done.returncode == 0, done
    for guest in guests:
        assert f"{guest.name}: restored" in done.stdout
        assert guest.xml("--inactive") == before[guest.name]
        if start:
            assert guest.affinity() == live[guest.name]
    assert not list((host.daemon.directory / "state" / "domains").glob("*.json"))
    assert host.daemon.restore("--all").returncode == 0, "there is nothing left to do, and that is fine"
    unknown = host.daemon.restore("nobody")
    assert unknown.returncode == 1 and "no domain" in unknown.stderr
