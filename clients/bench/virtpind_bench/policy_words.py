# SPDX-License-Identifier: LGPL-2.1-or-later
"""--policies: "none,dedicated,dedicated+isolate+smt=require" in the words of virtpind.json(5). Lists have a : where
those have a comma (cpus=2:4-7). Pure."""
from dataclasses import dataclass

from .errors import USAGE, Refused

# The type of each option's values, as the bus has it; tests hold it against the service's own table.
OPTION_TYPES = {"placement": "s", "cpus": "s", "smt": "s", "numa": "s", "device": "s", "cache": "s", "cores": "s",
                "emulator": "s", "iothreads": "s", "memory": "s", "vcpus": "u", "dedicated-vcpus": "s",
                "topology": "s", "tune": "as", "isolate": "b", "profile": "s", "move": "s", "priority": "i",
                "fallback": "s"}
POLICIES_MAX = 8


@dataclass(frozen=True)
class PolicyWord:
    text: str  # as it was given
    policy: str
    options: dict  # name to (type, value)


def refuse(text, why):
    raise Refused(f"--policies: {text!r} {why}; give policies separated by commas, each with options behind a +, such "
                  "as none,dedicated,dedicated+isolate", USAGE)


def parse_value(text, name, value):
    kind = OPTION_TYPES[name]
    if kind == "b":
        if value == "auto":  # a string among booleans
            return value
        if value not in ("true", "false", None):
            refuse(text, f"has {name}={value}; valid: true, false, auto")
        return value != "false"
    if not value:
        refuse(text, f"has no value for {name}: write {name}=VALUE")
    if kind in "ui":
        if not value.removeprefix("-").isdecimal():
            refuse(text, f"has {name}={value}, which is no number")
        return int(value)
    return value.split(":") if kind == "as" else value.replace(":", ",")


def parse_policy(text):
    policy, *words = text.split("+")
    if not policy or "=" in policy:
        refuse(text, "does not begin with the name of a policy")
    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in OPTION_TYPES:
            refuse(text, f"has the unknown option {name!r}; valid: {', '.join(OPTION_TYPES)}")
        if name in options:
            refuse(text, f"has {name} twice")
        parsed = parse_value(text, name, value if equals else None)
        options[name] = ("s" if parsed == "auto" else OPTION_TYPES[name], parsed)
    return PolicyWord(text, policy, options)


def parse_policies(text):
    """At least two of them, since one alone is compared with nothing."""
    words = [parse_policy(part.strip()) for part in text.split(",")]
    if len({word.text for word in words}) != len(words):
        refuse(text, "names a policy twice")
    if not 2 <= len(words) <= POLICIES_MAX:
        refuse(text, f"has {len(words)} policies, and 2 to {POLICIES_MAX} are compared")
    return words
