#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The methods of an interface as a class, by Qt's own generator: make_qt_proxy.py QDBUSXML2CPP INTERFACE.xml CLASS BASE
writes BASE.h and BASE.cpp.

Qt's generator wants to be told the C++ type of each structure, in annotations that have no place in the contract: they
are put into a copy. Properties are left out, as the applet reads all of them in one call and looks at the type of each;
so are signals, which only tell that something changed, and methods whose types no row here names, which the applet does
not call. The class that proxies are made of cannot ask for a password in Qt 6.4, and waits for the bus when it is made:
proxy_base.hpp has one that does both right, which takes its place.
"""
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TYPES = {"a{sv}": "QVariantMap", "a(sss)": "virtpind::tray::WhyRows"}
PLAIN = {"s", "o", "t", "u", "b"}
BASE_OF_QT, OUR_BASE = "QDBusAbstractInterface", "virtpind::tray::ProxyBase"


def is_callable(method):
    return all(arg.get("type") in PLAIN | TYPES.keys() for arg in method.iter("arg"))


def annotations(method):
    for direction, word in (("in", "In"), ("out", "Out")):
        arguments = [arg for arg in method.iter("arg") if arg.get("direction") == direction]
        for number, argument in enumerate(arguments):
            if argument.get("type") in TYPES:
                yield f"org.qtproject.QtDBus.QtTypeName.{word}{number}", TYPES[argument.get("type")]


def methods_of(source):
    interface = ElementTree.parse(source).getroot().find("interface")
    node = ElementTree.Element("node")
    made = ElementTree.SubElement(node, "interface", name=interface.get("name"))
    for method in filter(is_callable, interface.iter("method")):
        copy = ElementTree.SubElement(made, "method", name=method.get("name"))
        for argument in method.iter("arg"):
            ElementTree.SubElement(copy, "arg", dict(argument.items()))
        for name, value in annotations(method):
            ElementTree.SubElement(copy, "annotation", name=name, value=value)
    return ElementTree.tostring(node, encoding="unicode")


def main(generator, source, name, base):
    methods = Path(base + ".xml")
    methods.write_text(methods_of(source), encoding="utf-8")
    subprocess.run([generator, "-c", name, "-i", "clients/tray/proxy_base.hpp", "-i", "clients/tray/variants.hpp",
                    "-p", base, methods], check=True)
    for suffix in (".h", ".cpp"):
        made = Path(base + suffix)
        text = made.read_text(encoding="utf-8")
        assert BASE_OF_QT in text, f"{made}: {generator} derives from {BASE_OF_QT} no longer"
        made.write_text(text.replace(BASE_OF_QT, OUR_BASE), encoding="utf-8")


main(*sys.argv[1:])
