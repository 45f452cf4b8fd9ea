# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages that any user may send to the service, and that cost it nothing."""
import struct

from raw_bus import MANAGER, NO_REPLY, RETURN, ROOT, SIGNAL, field, message, options, pad, plan_body, strings

DOMAIN_PATH = "/org/virtpind1/domain/_11111111_2222_3333_4444_000000000000"
LIST = message(1, "ListDomains")
PLAN = message(1, "Plan", "ssa{sv}", plan_body("d0", "dedicated", b""))
LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"
MEGABYTE = 1_000_000


def set_policy(domain="d0", flags=0):
    body = pad(pad(strings(domain, "shared"), 4) + struct.pack("<I", 0), 8) + struct.pack("<Q", 1)
    return message(1, "SetPolicy", "ssa{sv}t", body, flags=flags)


def nested(depth, count):
    """An option whose value is a variant in a variant ..., `count` times."""
    one = b"\1v\0" * depth + b"\1y\0x"
    entries = b""
    for number in range(count):
        entries = pad(entries, 8) + struct.pack("<I", 8) + b"k%07d\0" % number + one
    return entries


def messages():
    """(what it is, the bytes, the error that answers it; None: nothing does)"""
    yield "options", message(1, "Plan", "ssa{sv}", plan_body("d0", "dedicated", options(154_000))), LIMITS
    yield "repeated options", message(1, "Plan", "ssa{sv}",
                                      plan_body("d0", "dedicated", options(154_000, False))), LIMITS
    yield "options that fit", message(1, "Plan", "ssa{sv}", plan_body("d0", "dedicated", options(1600))), LIMITS
    yield "variants in variants", message(1, "Plan", "ssa{sv}", plan_body("d0", "dedicated", nested(40, 200))), INVALID
    yield "of a domain object", message(
        1, "SetPolicy", "sa{sv}t", pad(pad(pad(strings("x"), 4) + struct.pack("<I", 24 * 154_000), 8)
                                       + options(154_000), 8)
        + bytes(8), interface="org.virtpind1.Domain", path=DOMAIN_PATH), LIMITS
    huge = "x" * (20 * MEGABYTE)
    yield "a name", message(1, "GetDomain", "s", strings(huge)), LIMITS
    yield "a name that fits", message(1, "GetDomain", "s", strings("x" * 30_000)), LIMITS
    yield "a policy as text", message(1, "Set", "ss", strings("d0", huge)), LIMITS
    yield "a policy as text that fits", message(1, "Set", "ss", strings("d0", "smt=" + "x" * 30_000)), LIMITS
    yield "doctor", message(1, "Doctor", "s", strings(huge)), LIMITS
    yield "why", message(1, "Why", "s", strings(huge)), LIMITS
    yield "a reason", message(1, "Hold", "ss", strings("d0", huge)), LIMITS
    yield "an unknown method", message(1, "NoSuchMethod", "s", strings(huge)), LIMITS
    yield "an interface to read", message(1, "GetAll", "s", strings(huge),
                                          interface="org.freedesktop.DBus.Properties"), LIMITS
    yield "a property to set", message(
        1, "Set", "ssv", pad(strings(MANAGER, "State") + b"\1s\0", 4) + strings(huge),
        interface="org.freedesktop.DBus.Properties"), LIMITS
    yield "an argument too many", message(1, "Introspect", "s", strings(huge),
                                          interface="org.freedesktop.DBus.Introspectable"), LIMITS
    # The bus puts the sender behind such a path: there is nobody to tell.
    yield "a path", message(1, "Introspect", interface="org.freedesktop.DBus.Introspectable",
                            path=ROOT + "/x" * MEGABYTE), None
    yield "header fields", message(1, "Introspect", interface="org.freedesktop.DBus.Introspectable",
                                   more_fields=[field(200, "s", "x" * 40)] * 500), None
    yield "a signal", message(1, "Signal", "s", strings(huge), kind=SIGNAL), None
    yield "an answer to nothing", message(1, None, "s", strings(huge), kind=RETURN, interface=None, path=None,
                                          reply_serial=7), None
    yield "no reply wanted", message(1, "Plan", "ssa{sv}", plan_body("d0", "dedicated", options(154_000)),
                                     flags=NO_REPLY), None
