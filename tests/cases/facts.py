# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a case expects of an answer of `virtpind plan --format json`, as facts, and what contradicts them.

Pure: values in, a list of complaints out (README.md has the vocabulary). Sets of CPUs are cpulists. Where a fact may
have several right values, a list names them all; a fact that nobody knows is an error, so that a misspelt one is not
a test of nothing.
"""
import xml.etree.ElementTree as ElementTree


def cpus(text):
    """The set that a cpulist names: "0-1,4" is {0, 1, 4}."""
    found = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def cpulist(wanted):
    parts, ordered = [], sorted(wanted)
    while ordered:
        length = 1
        while length < len(ordered) and ordered[length] == ordered[0] + length:
            length += 1
        parts.append(str(ordered[0]) if length == 1 else f"{ordered[0]}-{ordered[length - 1]}")
        ordered = ordered[length:]
    return ",".join(parts)


def alternatives(value):
    return value if isinstance(value, list) else [value]


def pinned(domain, vcpus=None):
    """The CPUs of all vCPUs, or of those that a list of numbers names."""
    pins = domain["vcpupin"]
    chosen = pins if vcpus is None else [str(vcpu) for vcpu in sorted(cpus(vcpus))]
    return set().union(*(cpus(pins[vcpu]) for vcpu in chosen if vcpu in pins))


def is_one_of(what, is_, allowed):
    if is_ not in alternatives(allowed):
        yield f"{what} is {is_!r}, not {allowed!r}"


def is_set(what, is_, allowed):
    if not any(is_ == cpus(text) for text in alternatives(allowed)):
        yield f"{what} is {cpulist(is_) or 'none'}, not {' or '.join(alternatives(allowed))}"


def check_within(what, is_, place):
    if not is_ or is_ - cpus(place):
        yield f"{what} on {cpulist(is_) or 'no CPUs'}, not within {place}"


def check_together(domain, vcpus, places):
    on = pinned(domain, vcpus)
    if not any(on <= cpus(place) for place in alternatives(places)):
        yield f"vCPUs {vcpus} on {cpulist(on)}, not within one of {places}"


def says(what, texts, wanted):
    """Each of `wanted` is part of one of the texts; of a list within it, one at least is."""
    for text in wanted:
        if not any(part in said for part in alternatives(text) for said in texts):
            yield f"{what}: nothing says {text!r} in {texts}"


def says_not(what, texts, unwanted):
    for text in unwanted:
        yield from (f"{what} says {text!r}: {said}" for said in texts if text in said)


class Definition:
    """The definition that a plan would write; a path is one of ElementTree, with /@NAME behind it for an attribute."""

    def __init__(self, text):
        self.root = ElementTree.fromstring(text)

    def values(self, path):
        """Of every element: its text, or the attribute; where it has none, nothing."""
        path, _, attribute = path.partition("/@")
        found = self.root.findall(path)
        return [e.get(attribute) for e in found if attribute in e.attrib] if attribute else [
            (e.text or "").strip() for e in found]

    def canonical(self, path):
        return [ElementTree.canonicalize(ElementTree.tostring(e, encoding="unicode"), strip_text=True)
                for e in self.root.findall(path)]


def check_definition(domain, wanted):
    """{path: value}; None: nothing is there. "+0-3" is the union of cpulists, "*" anything."""
    definition = Definition(domain["definition"])
    for path, value in wanted.items():
        found = definition.values(path)
        if value is None:
            yield from (f"{path} is there: {found}" for _ in found[:1])
        elif isinstance(value, str) and value.startswith("+"):
            yield from is_set(path, set().union(*map(cpus, found)), value[1:])
        elif value == "*":
            yield from () if found else [f"there is no {path}"]
        elif not found or found[0] not in alternatives(value):
            yield f"{path} is {found}, not {value!r}"


def check_kept(domain, paths, before):
    """These parts of the definition are as they were."""
    after = Definition(domain["definition"])
    for path in paths:
        was, is_ = before.canonical(path), after.canonical(path)
        if was != is_:
            yield f"{path} was {was} and becomes {is_}"


def check_agrees(domain):
    """What the plan says of vCPUs is what its definition says."""
    after = Definition(domain["definition"])
    pins = {pin.get("vcpu"): pin.get("cpuset") for pin in after.root.iter("vcpupin")}
    missing = {vcpu: mask for vcpu, mask in domain["vcpupin"].items() if cpus(pins.get(vcpu, "")) != cpus(mask)}
    if missing:
        yield f"the plan has {missing}, its definition {pins}"


DOMAIN_FACTS = {
    "placement": lambda d, v, b: is_one_of("placement", d["placement"], v),
    "cpus": lambda d, v, b: is_set("vCPUs on", pinned(d), v),
    "within": lambda d, v, b: check_within("vCPUs", pinned(d), v),
    "avoids": lambda d, v, b: [f"CPUs of {v}: {cpulist(pinned(d) & cpus(v))}"] if pinned(d) & cpus(v) else [],
    "count": lambda d, v, b: is_one_of("number of CPUs", len(pinned(d)), v),
    "shares": lambda d, v, b: [c for place, count in v.items()
                               for c in is_one_of(f"number of CPUs in {place}", len(pinned(d) & cpus(place)), count)],
    "pins": lambda d, v, b: [c for vcpu, mask in v.items()
                             for c in is_set(f"vCPU {vcpu}", pinned(d, vcpu), mask)],
    "groups": lambda d, v, b: [c for vcpus, masks in v.items()
                               for c in is_set(f"vCPUs {vcpus}", pinned(d, vcpus), masks)],
    "together": lambda d, v, b: [c for vcpus, places in v.items() for c in check_together(d, vcpus, places)],
    "emulator": lambda d, v, b: is_set("emulator", cpus(d["emulatorpin"]), v),
    "emulator-within": lambda d, v, b: check_within("emulator", cpus(d["emulatorpin"]), v),
    "start-emulator": lambda d, v, b: is_one_of("emulator until it runs", d.get("start-emulatorpin"), v),
    "iothreads": lambda d, v, b: [c for thread, mask in d["iothreadpin"].items()
                                  for c in is_set(f"I/O thread {thread}", cpus(mask), v)],
    "iothreads-within": lambda d, v, b: [c for thread, mask in d["iothreadpin"].items()
                                         for c in check_within(f"I/O thread {thread}", cpus(mask), v)],
    "memory": lambda d, v, b: is_one_of("memory", (d.get("numatune") or {}).get("nodeset"), v),
    "memory-mode": lambda d, v, b: is_one_of("memory mode", (d.get("numatune") or {}).get("mode"), v),
    "cells": lambda d, v, b: is_one_of("cells", (d.get("numatune") or {}).get("cells"), v),
    "optimal": lambda d, v, b: is_one_of("optimal", d["optimal"], v),
    "cost": lambda d, v, b: [c for term, value in v.items() for c in is_one_of(term, d["cost"][term], value)],
    "reasons": lambda d, v, b: says("reasons", [r["code"] for r in d["reasons"]], v),
    "no-reasons": lambda d, v, b: [f"reason {r['code']}: {r['text']}" for r in d["reasons"] if r["code"] in v],
    "says": lambda d, v, b: says("reasons", [r["text"] for r in d["reasons"]], v),
    "says-not": lambda d, v, b: says_not("reasons", [r["text"] for r in d["reasons"]], v),
    "definition": lambda d, v, b: check_definition(d, v),
    "kept": lambda d, v, b: check_kept(d, v, b),
    "agrees": lambda d, v, b: check_agrees(d) if v else [],
}


def check_domain(domain, wanted, before):
    for fact, value in wanted.items():
        yield from (f"{domain['name']}: {complaint}" for complaint in DOMAIN_FACTS[fact](domain, value, before))


def check_rules(answer, never_together):
    """What holds of every plan: own CPUs are one's own and not the host's, nobody runs where nobody may, and sentences
    are whole.
    Domains of `never_together` cannot run at the same time: they may have the same CPUs."""
    host, taken = answer["host"], {}
    usable, housekeeping = cpus(host["usable"]), cpus(host["housekeeping"])
    for domain in answer["domains"]:
        name = domain["name"]
        yield from (f"{name}: a sentence lacks an argument: {reason['text']}"
                    for reason in domain["reasons"] if "{" in reason["text"])
        masks = [*domain["vcpupin"].values(), domain["emulatorpin"], *domain["iothreadpin"].values()]
        outside = set().union(*map(cpus, masks)) - usable
        if outside:
            yield f"{name}: CPUs that are not usable: {cpulist(outside)}"
        if domain["placement"] != "dedicated":
            continue
        singles = [cpu for mask in domain["vcpupin"].values() for cpu in cpus(mask) if len(cpus(mask)) == 1]
        if len(singles) != len(set(singles)):
            yield f"{name}: two vCPUs on one CPU: {domain['vcpupin']}"
        own = pinned(domain)
        if own & housekeeping:
            yield f"{name}: has CPUs of housekeeping: {cpulist(own & housekeeping)}"
        for other, theirs in taken.items():
            if own & theirs and not {name, other} <= set(never_together):
                yield f"{name} and {other} both have CPUs {cpulist(own & theirs)}"
        taken[name] = own


def check_answer(answer, wanted, before):
    """Complaints about an answer. `before`: {domain: Definition} of what was planned, where there are definitions."""
    domains = {domain["name"]: domain for domain in answer["domains"]}
    for place, count in wanted.get("claims", {}).items():
        claimed = [pinned(domain) & cpus(place) for domain in answer["domains"] if domain["placement"] == "dedicated"]
        yield from is_one_of(f"number of own CPUs in {place}", sum(map(len, claimed)), count)
    for key, value in wanted.get("host", {}).items():
        yield from is_set(f"host's {key}", cpus(answer["host"][key]), value)
    for name, facts in wanted.get("domains", {}).items():
        if name not in domains:
            yield f"no domain {name}: {sorted(domains)}"
        else:
            yield from check_domain(domains[name], facts, before.get(name))
    for domain in answer["domains"]:
        yield from check_domain(domain, wanted.get("all", {}), before.get(domain["name"]))


def unknown_facts(wanted):
    """Names in an expectation that mean nothing."""
    known = {"exit", "error", "host", "claims", "never-together", "domains", "all", "text", "text-not", "waits-for"}
    yield from (f"unknown expectation {key}" for key in wanted if key not in known)
    for facts in [*wanted.get("domains", {}).values(), wanted.get("all", {})]:
        yield from (f"unknown fact {key}" for key in facts if key not in DOMAIN_FACTS)
