# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILL before each call that the daemon makes to libvirt or to the disk, and within those that change something:
when libvirtd is about to do what it was asked for, and when it has done it and nobody knows. While a policy is set,
taken back, or found at start; and the same to `virtpind restore`. After each the daemon starts again, and then

- the live pins and the definition are those of the policy that the domain has, or exactly the original
  ones if it has none: nothing in between stays;
- what was under way can be done again, with the same end as if nobody had been killed;
- ResetPolicy still gives back the original.

The short form kills at some steps; with VIRTPIND_LONG set more than a thousand times, at every step in turn, and
within every change.
"""
import contextlib
import os
import uuid
import xml.etree.ElementTree as ElementTree

import pytest
from gi.repository import GLib

from private_bus import BusError
from host_cpus import ALL, SECOND
from private_libvirtd import kvm_works
from waiting import wait_until

libvirt = pytest.importorskip("libvirt", reason="apt-get install python3-libvirt, or tests/install-deps")

SHORT = 4  # kills per scenario in the short form, before a call and within one
LONG = 200 if os.environ.get("VIRTPIND_LONG") else 0
ON_DISK = ("open", "write", "mkdir", "fsync", "rename", "unlink", "remove")
CHANGES = ("virDomainPin", "virDomainSet", "virDomainDefine", *ON_DISK)
# With these the emulator's and the iothreads' places do not depend on what other domains have.
OPTIONS = {name: GLib.Variant("s", "vcpus") for name in ("emulator", "iothreads")}
POLICY_NAMESPACE = "https://virtpind.org/policy/1"
TEST_URI = "test+unix:///default"
TEST_TOPOLOGY = "synthetic:pack:1 [numa] l3:2 core:4 pu:2(indexes=2*8:8*1)"
ALL_CPUS = {TEST_URI: "0-15", "qemu:///system": ALL}


def without_policy(definition):
    """The definition, comparable; a policy that is set and not yet applied makes no difference."""
    root = ElementTree.fromstring(definition)
    for metadata in root.findall("metadata"):
        for policy in metadata.findall(f"{{{POLICY_NAMESPACE}}}policy"):
            metadata.remove(policy)
        if not len(metadata):
            root.remove(metadata)
    return ElementTree.canonicalize(ElementTree.tostring(root, "unicode"), strip_text=True)


class Domain:
    """A domain as libvirt tells it."""

    def __init__(self, handle, all_cpus):
        self.handle = handle
        self.name = handle.name()
        self.uuid = handle.UUIDString()
        self._all_cpus = all_cpus

    def has_policy(self):
        try:
            self.handle.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, POLICY_NAMESPACE,
                                 libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        except libvirt.libvirtError:
            return False
        return True

    def give_policy(self, policy):
        for flag in (libvirt.VIR_DOMAIN_AFFECT_CONFIG, libvirt.VIR_DOMAIN_AFFECT_LIVE):
            self.handle.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT,
                                    f"<policy name='{policy}' emulator='vcpus' iothreads='vcpus'/>", "virtpind",
                                    POLICY_NAMESPACE, flag)

    def shape(self):
        """The live pins that say anything, and the definition."""
        tune = ElementTree.fromstring(self.handle.XMLDesc(0)).find("cputune")
        pins = {(pin.tag, pin.get("vcpu") or pin.get("iothread"), pin.get("cpuset"))
                for pin in (tune if tune is not None else ()) if pin.get("cpuset") != self._all_cpus}
        return pins, without_policy(self.handle.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


class World:
    """Running domains, a daemon that can be killed at each of its calls, and what is done to them."""

    def __init__(self, domains, daemon, faults, client, policy="dedicated"):
        self.domains = domains
        self.daemon = daemon
        self.faults = faults
        self.client = client
        self.policy = policy
        self.original = self.shapes()

    def shapes(self):
        return [domain.shape() for domain in self.domains]

    def set_all(self):
        for domain in self.domains:
            self.client.manager("SetPolicy", "(ssa{sv}t)", domain.name, self.policy, OPTIONS, 0)

    def reset_all(self):
        for domain in self.domains:
            self.client.manager("ResetPolicy", "(st)", domain.name, 0)

    def look_again(self):
        self.client.manager("Reapply", "(st)", "", 0)

    def start_daemon(self):
        """Returns when every domain is known and settled."""
        self.daemon.start()
        self.finish_start()

    def finish_start(self):
        def is_known():
            with contextlib.suppress(BusError, GLib.Error):
                self.look_again()
                return True
            return not self.is_alive()

        wait_until(is_known, "the daemon looks at its domains", 60)

    def before_images(self):
        return sorted(path.name for path in (self.daemon.directory / "state").rglob("*.json"))

    def wait_forgotten(self):
        """The answer to ResetPolicy does not wait for the files to go."""
        wait_until(lambda: not self.before_images(), lambda: f"no before-image stays: {self.before_images()}")

    def is_alive(self):
        return self.daemon.process.poll() is None

    def run_until_killed(self, act):
        """Does it, and then whatever makes calls, until the planned call comes."""
        while True:
            try:
                act()
                act = self.look_again
            except (BusError, GLib.Error):
                wait_until(lambda: not self.is_alive(), "the daemon was killed, not just unwilling")
            if not self.is_alive():
                break
        assert self.daemon.process.returncode == -9

    def ends(self):
        """How it ends, by which domains have a policy: a pin that one of them gets back is claimed from the pool of
        the others."""
        self.set_all()
        ends = {self.with_policy(): self.shapes()}
        for domain in self.domains:
            self.client.manager("ResetPolicy", "(st)", domain.name, 0)
            ends[self.with_policy()] = self.shapes()
            self.set_all()
        self.reset_all()
        ends[self.with_policy()] = self.shapes()
        assert ends[frozenset()] == self.original
        return ends

    def with_policy(self):
        return frozenset(domain.name for domain in self.domains if domain.has_policy())

    def check_nothing_in_between(self, final):
        for domain, before, after in zip(self.domains, self.original, final):
            expected = after if domain.has_policy() else before
            assert domain.shape() == expected, f"{domain.name} (policy: {domain.has_policy()})"


def nothing(_world):
    pass


def forget_daemon(world):
    """The domains have a policy, which nobody has applied yet."""
    world.daemon.stop()
    for domain in world.domains:
        domain.give_policy(world.policy)


def start_and_finish(world):
    world.daemon.launch()
    wait_until(lambda: not world.is_alive() or "READY=1" in world.daemon.read_notifications(), "ready or killed")
    if world.is_alive():
        world.finish_start()


# What comes before, what is interrupted, and what is done again after it.
SCENARIOS = {
    "set": (nothing, World.set_all, World.set_all),
    "reset": (World.set_all, World.reset_all, World.set_all),
    "start": (forget_daemon, start_and_finish, World.set_all),
}


def kills_before(calls):
    """The short form's steps are spread over all of them; the long form takes every one, over and over."""
    total = len(calls)
    if LONG:
        return [("kill", step % total + 1, 0) for step in range(max(total, LONG))]
    return [("kill", step, 0) for step in sorted({1 + i * total // SHORT for i in range(SHORT)})]


def kills_within(calls, changes=CHANGES):
    """Each change, once when its request has been sent and once when there was time to do it; the short form takes
    one of each kind, in turn the one way and the other."""
    steps = {step: call for step, call in enumerate(calls, 1) if call.startswith(changes)}
    if LONG:
        return [("kill-in", step, milliseconds) for step in steps for milliseconds in (0, 20)]
    kinds = {call: step for step, call in steps.items()}
    assert kinds, calls
    chosen = list(kinds.values())[::max(1, len(kinds) // SHORT)]
    return [("kill-in", step, 20 * (number % 2)) for number, step in enumerate(chosen)]


def sweep(world, scenario, changes=CHANGES):
    prepare, act, again = SCENARIOS[scenario]
    # Once without a kill: how it ends, and how many calls there are.
    prepare(world)
    world.faults.plan("delay", 1, 0)
    act(world)
    calls = world.faults.calls()
    world.faults.clear()
    assert len(calls) > 10, "the faults' library counts nothing"
    if not world.is_alive():
        world.start_daemon()
    again(world)
    final = world.shapes()
    assert len(world.before_images()) == len(world.domains), "they are where this looks for them"
    world.reset_all()
    assert world.shapes() == world.original
    world.wait_forgotten()

    for action, step, milliseconds in [*kills_before(calls), *kills_within(calls, changes)]:
        prepare(world)
        world.faults.plan(action, step, 0, milliseconds=milliseconds)
        world.run_until_killed(lambda: act(world))
        called = world.faults.calls()
        world.faults.clear()
        where = f"{action} ({milliseconds} ms), call {step}, {called[-1]}"
        world.start_daemon()
        try:
            world.check_nothing_in_between(final)
            again(world)
            assert world.shapes() == final
            world.reset_all()
            assert world.shapes() == world.original
            world.wait_forgotten()
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}; the daemon's log:\n{world.daemon.log_text()[-4000:]}") from error


@pytest.fixture
def test_domains(libvirtd):
    """Three running domains of libvirt's test driver, in a libvirtd: their state outlives the daemon."""
    connection = libvirt.open(TEST_URI)
    made = []
    for number, cputune in enumerate(["", "<cputune><vcpupin vcpu='1' cpuset='3-5'/></cputune>", ""]):
        made.append(connection.defineXML(
            f"<domain type='test'><name>kill{number}</name><uuid>{uuid.uuid4()}</uuid><memory>8192</memory>"
            f"<vcpu>2</vcpu><iothreads>1</iothreads>{cputune}<os><type>hvm</type></os></domain>"))
        made[-1].create()
    yield [Domain(handle, ALL_CPUS[TEST_URI]) for handle in made]
    for handle in made:
        handle.destroy()
        handle.undefine()
    connection.close()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_kills_on_test_domains(make_daemon, client, faults, test_domains, scenario):
    daemon = make_daemon(TEST_URI, topology=TEST_TOPOLOGY, environment=faults.environment)
    world = World(test_domains, daemon, faults, client)
    world.finish_start()
    # libvirtd 9.0 itself sometimes dies of SIGSEGV (about once in four hundred times) when a client of its test driver
    # leaves with an open call, and the domains die with it. The guests of QEMU cover that.
    sweep(world, scenario, ON_DISK)


@pytest.fixture
def qemu_world(make_daemon, client, faults, make_guest):
    """Two guests, one of which has a pin of its own, and a daemon that knows them."""
    guests = [make_guest("killone", vcpus=1, iothreads=1).start(),
              make_guest("killtwo", vcpus=1, max_vcpus=2, cputune=f"<vcpupin vcpu='0' cpuset='{SECOND}'/>").start()]
    connection = libvirt.open("qemu:///system")
    domains = [Domain(connection.lookupByUUIDString(guest.uuid), ALL_CPUS["qemu:///system"]) for guest in guests]
    daemon = make_daemon(config='{"housekeeping": ""}', environment=faults.environment)
    world = World(domains, daemon, faults, client)
    world.finish_start()
    threads = [guest.affinity() for guest in guests]
    yield world
    assert [guest.affinity() for guest in guests] == threads, "the threads are where they were"
    connection.close()


# The host's CPU is passed on by KVM only.
@pytest.mark.parametrize("policy", ["dedicated", *(["passthrough"] if kvm_works() else [])])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_kills_on_qemu_guests(qemu_world, scenario, policy):
    if policy == "passthrough" and scenario != "set" and not LONG:
        pytest.skip("in the long form: meson test -C BUILD --setup long test_kills_long")
    qemu_world.policy = policy
    sweep(qemu_world, scenario)


@pytest.mark.parametrize("policy", ["shared", *(["passthrough"] if kvm_works() else [])])
def test_kills_of_restore(qemu_world, policy):
    """Whoever was interrupted types it again, maybe after a daemon has run meanwhile, and gets back what was there
    before virtpind came."""
    world = qemu_world
    world.policy = policy

    def restore(environment=None):
        process = world.daemon.start_restore("--all", environment=environment)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output + errors

    def interrupt(action, step, milliseconds=0):
        world.set_all()
        # On a busy machine the last change may still be under way, and a restore has fewer calls then.
        wait_until(lambda: world.shapes() == ends[world.with_policy()], lambda: f"{world.shapes()} is how it ends")
        world.daemon.stop()
        world.faults.plan(action, step, 0, milliseconds=milliseconds)
        status, said = restore(world.faults.environment)
        calls = world.faults.calls()
        world.faults.clear()
        return status, said, calls

    ends = world.ends()
    status, said, calls = interrupt("delay", 1)
    assert status == 0 and len(calls) > 10, said
    for number, (action, step, milliseconds) in enumerate([*kills_before(calls), *kills_within(calls)]):
        world.start_daemon()
        status, said, called = interrupt(action, step, milliseconds)
        assert status == -9, said
        where = f"{action} ({milliseconds} ms), call {step}, {called[-1]}"
        if number % 2 == 0:
            world.start_daemon()
            assert world.shapes() == ends[world.with_policy()], where
            world.daemon.stop()
        status, said = restore()
        where += f"; then: {said}"
        assert status == 0, where
        assert world.shapes() == world.original, where
        assert not world.before_images() and not any(domain.has_policy() for domain in world.domains), where
    world.start_daemon()
    assert world.shapes() == world.original, "a daemon that is started later leaves them alone"
