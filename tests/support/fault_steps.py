# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steps that the tests of faults have in common: set a policy, wait until it holds, read what the daemon says."""
import contextlib
import os
import re

from gi.repository import GLib

from private_bus import MANAGER, NAME, ROOT, BusError
from waiting import wait_until

LONG = bool(os.environ.get("VIRTPIND_LONG"))
NO_HOUSEKEEPING = '{"housekeeping": "", "period-seconds": 5}'
BY_CONFIGURATION = '{"housekeeping": "", "default-policy": "dedicated"}'


def state(client):
    return client.properties(ROOT, MANAGER)["State"]


def problems(client):
    return {code: text for code, text, _object in client.properties(ROOT, MANAGER)["Problems"]}


def variants(options):
    return {key.replace("_", "-"): GLib.Variant("s" if isinstance(value, str) else "u", value)
            for key, value in options.items()}


def set_policy(client, guest, policy="dedicated", flags=0, **options):
    return client.manager("SetPolicy", "(ssa{sv}t)", guest.name, policy, variants(options), flags)


def send_policy(client, guest, policy="dedicated", **options):
    """Sends the call and does not wait: what comes of it, comes."""
    client.connection.call(NAME, ROOT, MANAGER, "SetPolicy",
                           GLib.Variant("(ssa{sv}t)", (guest.name, policy, variants(options), 0)), None, 0, -1,
                           None, None)
    client.connection.flush_sync(None)


def wait_pinned(client, guest, deadline_s=30):
    """What the daemon says and what the kernel does."""
    def is_pinned():
        with contextlib.suppress(BusError, FileNotFoundError, ProcessLookupError):
            seen = client.domain_properties(guest.uuid)
            kernel = guest.affinity()["vcpus"]
            shown = {v: c for v, c in seen["VcpuPins"] if v in kernel}
            return seen["PinState"] == "pinned" and kernel == shown and seen
        return None

    return wait_until(is_pinned, lambda: f"{guest.name} is pinned: {client.domain_properties(guest.uuid)}", deadline_s)


def have_own_cpus(pins, count):
    return len(pins) == len(set(pins.values())) == count and all(mask.isdigit() for mask in pins.values())


def known(client, guest):
    client.wait_for_properties(guest.uuid, lambda is_: True, f"{guest.name} is known")
    return guest


def complaints(daemon):
    return re.findall(r"^\S+ \S+ (?:error|critical|warning) .*", daemon.log_text(), re.M)
