# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens to a domain while its pins are being changed; tests/FAULTS.md is the list."""
import contextlib
import re
import signal

import pytest

from fault_steps import NO_HOUSEKEEPING, complaints, have_own_cpus, known, send_policy, set_policy, wait_pinned
from host_cpus import ALL, HAS_TWO, TWO_CPUS
from private_bus import BusError
from waiting import wait_until

pytestmark = pytest.mark.skipif(not HAS_TWO, reason=TWO_CPUS)


@pytest.fixture
def midway(make_daemon, make_guest, client, faults):
    """A guest, and the daemon in its second pin call, until that is released."""
    def begin(**options):
        guest = make_guest("mid", vcpus=1, max_vcpus=2, iothreads=1, **options).start()
        daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
        known(client, guest)
        faults.hold(2, "virDomainPin")
        send_policy(client, guest)
        wait_until(lambda: len(faults.calls()) >= 2, "in the second pin call")
        return guest, daemon

    return begin


def test_domain_ends_midway(midway, client, faults):
    guest, daemon = midway()
    guest.destroy()
    faults.release()
    client.wait_for_properties(guest.uuid, lambda is_: is_["RunState"] == "shutoff" and is_["PinState"] == "idle",
                               "idle")
    assert not complaints(daemon)


def test_domain_is_undefined_midway(midway, client, faults):
    guest, daemon = midway()
    guest.remove()
    faults.release()

    def is_gone():
        with contextlib.suppress(BusError):
            client.domain_properties(guest.uuid)
            return False
        return True

    wait_until(is_gone, "its object is gone")
    assert not complaints(daemon)
    wait_until(lambda: not list((daemon.directory / "state").rglob("*.json")), "its before-image is forgotten")


@pytest.mark.parametrize("max_vcpus", [2, 12], ids=["pin by pin", "defined anew"])
def test_running_domain_is_undefined_midway(make_daemon, make_guest, client, libvirtd, faults, max_vcpus):
    """It runs on, and nothing brings its definition back."""
    guest = make_guest("mid", vcpus=1, max_vcpus=max_vcpus).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.hold(2, "virDomainPin")
    send_policy(client, guest)
    wait_until(lambda: len(faults.calls()) >= 2, "in the second pin call")
    libvirtd.virsh("undefine", guest.name)
    faults.release()
    wait_pinned(client, guest)
    client.manager("Reapply", "(st)", guest.name, 0)
    assert "Persistent:     no" in libvirtd.virsh("dominfo", guest.name).stdout
    assert not complaints(daemon)


def test_domain_is_restarted_midway(midway, client, faults):
    guest, daemon = midway()
    guest.destroy()
    guest.start()
    faults.release()
    wait_pinned(client, guest)
    assert not complaints(daemon)
    guest.destroy()
    guest.start()
    wait_pinned(client, guest)


def test_domain_is_redefined_midway(midway, client, libvirtd, faults):
    guest, _ = midway()
    fresh = guest.xml("--inactive").replace("<vcpu placement='static' current='1'>2",
                                            "<vcpu placement='static' current='2'>3")
    assert "current='2'" in fresh
    libvirtd.virsh("define", "/dev/stdin", stdin=fresh)
    faults.release()
    wait_pinned(client, guest)
    client.manager("Reapply", "(st)", guest.name, 0)
    now = guest.xml("--inactive")
    assert "current='2'>3</vcpu>" in now, "what somebody else wrote stays"
    assert "vcpupin vcpu='0'" in now and "emulatorpin" in now, "and the pins are there"
    client.manager("ResetPolicy", "(st)", guest.name, 0)
    assert "vcpupin" not in guest.xml("--inactive") and "current='2'>3" in guest.xml("--inactive")


def test_domain_is_renamed_midway(make_daemon, make_guest, client, libvirtd, faults):
    guest = make_guest("rename", vcpus=1)  # only one that is shut off can be
    daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.hold(1, "virDomainPin")
    send_policy(client, guest)
    wait_until(faults.calls, "in a pin call")
    libvirtd.virsh("domrename", guest.name, guest.name + "-new")
    faults.release()
    guest.name += "-new"
    client.wait_for_properties(guest.uuid, lambda is_: is_["Name"] == guest.name, "has its new name")
    guest.start()
    wait_pinned(client, guest)
    assert not complaints(daemon)


def test_vcpu_is_plugged_midway(midway, libvirtd, faults):
    guest, _ = midway()
    libvirtd.virsh("setvcpus", guest.name, 2, "--live")
    faults.release()
    wait_until(lambda: have_own_cpus(guest.affinity()["vcpus"], 2),
               lambda: f"each vCPU has a CPU of its own: {guest.affinity()}")


def test_libvirtd_is_killed_under_an_unplug(make_daemon, make_guest, client, libvirtd, faults):
    """The connection refused, not the guest: it is asked again."""
    guest = make_guest("mid", vcpus=1, max_vcpus=2).start()
    make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    set_policy(client, guest, vcpus=2)
    faults.hold(1, "virDomainSetVcpu")
    send_policy(client, guest, vcpus=1)
    wait_until(faults.calls, "the unplug is under way")
    libvirtd.restart(signal.SIGKILL)
    faults.plan("delay", 1, 0, "virDomainSetVcpu", 1)  # ends the call that is held, and writes down those that follow
    wait_until(faults.calls, "the guest is asked again", 60)
    client.wait_for_properties(guest.uuid, lambda is_: "did not give back vCPUs 1" in is_["LastError"][1],
                               "and refuses")


# ---- calls that fail ------------------------------------------------------------------------------------

def test_one_pin_of_many_fails_and_is_tried_again(make_daemon, make_guest, client, faults):
    guest = make_guest("one", vcpus=2, iothreads=1).start()
    make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.plan("fail", 2, 1, "virDomainPinVcpu")
    with pytest.raises(BusError) as refused:
        set_policy(client, guest, flags=1)  # not stored: one pass, which no event precedes
    assert refused.value.name == "org.virtpind1.Error.PartiallyApplied"
    assert "vCPU 1" in refused.value.text
    wait_pinned(client, guest)
    assert client.domain_properties(guest.uuid)["LastError"] == ("", "")


def test_failing_again_and_again_is_tried_less_and_less(make_daemon, make_guest, client, faults):
    guest = make_guest("never", vcpus=1).start()
    daemon = make_daemon(config=NO_HOUSEKEEPING, environment=faults.environment)
    known(client, guest)
    faults.plan("fail", 1, 0, "virDomainPinVcpu")
    with pytest.raises(BusError):
        set_policy(client, guest)
    wait_until(lambda: "(attempt 3, next in 4 s)" in daemon.log_text(), "a third attempt")
    assert "(attempt 1, next in 1 s)" in daemon.log_text() and "(attempt 2, next in 2 s)" in daemon.log_text()
    attempts = [re.search(r"\(attempt (\d+), next", said).group(1) for said in complaints(daemon)]
    assert attempts == [str(number + 1) for number in range(len(attempts))], "each failure is said once"
    assert guest.affinity()["vcpus"] == {0: ALL}
    faults.clear()
    wait_pinned(client, guest)
