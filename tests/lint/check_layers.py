#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom: common <- daemon/pipeline <- daemon and common <- dbus <- daemon; never back,
never sideways; and each library only where its layer is."""
import re
from pathlib import Path

from project_files import ROOT, finish, project_files

# Layer: the layers it may include, itself aside. The longest matching directory is a file's layer.
LAYERS = {
    "common": [],
    "daemon/pipeline": ["common"],
    "daemon/loop": ["common"],
    "daemon/host": ["common", "daemon/loop"],
    "dbus": ["common"],
    "daemon": ["common", "daemon/pipeline", "daemon/loop", "daemon/host", "dbus"],
}
# Prefix of a header: the layers that may include it. Headers that match none are the standard library's
# or the kernel's.
LIBRARIES = {
    "libvirt/": ["daemon/host"],
    "hwloc": ["daemon/host"],
    "pugixml": ["daemon/host"],
    "sdbus-c++": ["dbus"],
    "systemd/": ["daemon/loop", "daemon/host", "daemon", "dbus"],
    "spdlog/": ["daemon", "daemon/host", "dbus"],
    "CLI/": ["daemon"],
    "nlohmann/": ["common", "daemon", "daemon/host", "dbus"],
}
# libvirt's functions, which a header of daemon/host brings along.
LIBVIRT_CALL = re.compile(r"\bvir[A-Z]\w+\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def layer_of(path):
    """The layer of a path relative to ROOT, or None (tests include what they test)."""
    fitting = [layer for layer in LAYERS if path.is_relative_to(layer)]
    return max(fitting, key=len, default=None)


def resolve(including, name):
    """A quoted include as a path relative to ROOT; None when no such source file exists (generated)."""
    for candidate in (Path(name), including.parent / name):
        if (ROOT / candidate).is_file():
            return Path(candidate)
    return None


def problems_of(path):
    layer = layer_of(path)
    text = (ROOT / path).read_text(encoding="utf-8")
    if layer not in LIBRARIES["libvirt/"]:
        for call in LIBVIRT_CALL.findall(text):
            yield f"{path}: {layer} must not call {call}); only {', '.join(LIBRARIES['libvirt/'])} may"
    for quote, name in INCLUDE.findall(text):
        if quote == '"':
            included = resolve(path, name)
            target = layer_of(included) if included else None
            if target and target != layer and target not in LAYERS[layer]:
                yield f"{path}: {layer} must not include {name} of {target}"
            continue
        for prefix, allowed in LIBRARIES.items():
            if name.startswith(prefix) and layer not in allowed:
                yield f"{path}: {layer} must not include <{name}>; only {', '.join(allowed)} may"
        if layer == "common" and name.startswith("nlohmann/") and "json" not in path.name:
            yield f"{path}: in common only the *json* files may include <{name}>"


finish([problem for path in project_files(".hpp", ".cpp") if layer_of(path) for problem in problems_of(path)])
