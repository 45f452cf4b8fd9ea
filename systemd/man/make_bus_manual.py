#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the manual page org.virtpind1(5), as reStructuredText, from the documented interface XML.

make_bus_manual.py INTERFACE.xml... > org.virtpind1.5.rst
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

DOC = "{http://www.freedesktop.org/dbus/1.0/doc.dtd}"
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def text_of(element):
    """The paragraphs of an element's own documentation, with their white space folded."""
    doc = element.find(f"{DOC}doc")
    paragraphs = [] if doc is None else doc.iter(f"{DOC}para")
    return [re.sub(r"([*`|\\])", r"\\\1", " ".join(paragraph.text.split())) for paragraph in paragraphs]


def indented(lines):
    return [f"    {line}" if line else "" for line in lines]


def paragraphs_of(element):
    return [line for paragraph in text_of(element) for line in (paragraph, "")]


def arguments(member, direction):
    return [arg for arg in member.findall("arg") if arg.get("direction", "out") == direction]


def signature(member):
    """"(s domain, t flags) -> (t generation)" of a method; a signal has no arrow."""
    def listed(direction):
        return ", ".join(f"{arg.get('type')} {arg.get('name')}" for arg in arguments(member, direction))
    if member.tag == "signal":
        return f"({listed('out')})"
    return f"({listed('in')}) -> ({listed('out')})"


def member_lines(member):
    yield f"**{member.get('name')}** {signature(member)}"
    yield from indented(paragraphs_of(member))
    for arg in member.findall("arg"):
        yield from indented([f"*{arg.get('name')}*: {' '.join(text_of(arg))}", ""])


def property_lines(member):
    emits = {a.get("name"): a.get("value") for a in member.findall("annotation")}.get(EMITS)
    note = "; constant" if emits == "const" else ""
    yield f"**{member.get('name')}** ({member.get('type')}{note})"
    yield from indented(paragraphs_of(member))


def interface_lines(interface):
    name = f"INTERFACE {interface.get('name')}"
    yield from [name, "=" * len(name), ""]
    yield from paragraphs_of(interface)
    for tag, title, lines in (("method", "Methods", member_lines), ("signal", "Signals", member_lines),
                              ("property", "Properties", property_lines)):
        members = interface.findall(tag)
        if members:
            yield from [title, "-" * len(title), ""]
        for member in members:
            yield from lines(member)


def main(paths):
    print("""==============
org.virtpind1
==============

---------------------------------
the D-Bus interface of virtpind
---------------------------------

:Manual section: 5
:Manual group: virtpind

The service owns **org.virtpind1** on the system bus. The object **/org/virtpind1** has the interface
org.virtpind1.Manager, each domain's object the interface org.virtpind1.Domain.

EXAMPLE
=======

How all domains stand; a policy, then one more option of it; why the domain is where it is; what it lacks; and back::

    manager="org.virtpind1 /org/virtpind1 org.virtpind1.Manager"
    busctl call $manager List
    busctl call $manager Set ss win11 "dedicated smt=require"
    busctl call $manager Set ss win11 priority=2
    busctl call $manager Why s win11
    win11=$(busctl call $manager GetDomain s win11 | cut -d '"' -f 2)
    busctl get-property org.virtpind1 $win11 org.virtpind1.Domain Satisfied Shortfall Placement
    busctl call $manager Set ss win11 none
    busctl call $manager ResetPolicy st win11 0
    qdbus --system $manager.Set win11 shared
""")
    for path in paths:
        for interface in ElementTree.parse(path).getroot().findall("interface"):
            print("\n".join(interface_lines(interface)))
    print("""SEE ALSO
========

**virtpind**\\(8), **virtpind.json**\\(5), **busctl**\\(1)""")


main(sys.argv[1:])
