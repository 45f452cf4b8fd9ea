#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom, by the table of rooms in ARCHITECTURE.md: rooms only those above them in it, units without
circles, each library only where the table has it, and libvirt called in one room. Nobody imports from a test: what
several need is in tests/support."""
import re
from pathlib import Path

from project_files import ROOT, finish, project_files

ROW = re.compile(r"^\| `([^`]+)` \| [^|]* \| ([^|]*) ?\| ([^|]*) ?\|$", re.M)
ROOMS, LIBRARIES = {}, {}  # a room: the rooms it may include; a library: the rooms that may use it
for room, included, libraries in ROW.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")):
    ROOMS[room] = re.findall(r"`([^`]+)`", included)
    for library in libraries.split():
        LIBRARIES.setdefault(library, []).append(room)
LIBVIRT_CALL = re.compile(r"\bvir[A-Z]\w+\(")  # a header of its room brings them along
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
# A test of Qt's includes what Qt's generator makes of it, with the suffix .moc.
TEST_IMPORT = re.compile(r'^\s*(?:from |import |# *include "(?:[^"]*/)?)(test_\w+)\b(?!\.moc")', re.M)


def room_of(path):
    """The room of a path relative to ROOT, or None (tests include what they test)."""
    return max((room for room in ROOMS if path.is_relative_to(room)), key=len, default=None)


def resolve(including, name):
    """A quoted include as a path relative to ROOT; None when no such source file exists (generated)."""
    for candidate in (Path(name), including.parent / name):
        if (ROOT / candidate).is_file():
            return Path(candidate)
    return None


def problems_of_table():
    seen = []
    for room, included in ROOMS.items():
        if not (ROOT / room).is_dir():
            yield f"ARCHITECTURE.md: there is no room {room}"
        for other in included:
            if other not in seen:
                yield f"ARCHITECTURE.md: {room} may include {other}, which is not above it in the table"
        seen.append(room)
    if len(ROOMS) < 10:
        yield "ARCHITECTURE.md: the table of rooms is not where this test looks for it"


def problems_of(path, text):
    room = room_of(path)
    if room not in LIBRARIES["libvirt"]:
        for call in LIBVIRT_CALL.findall(re.sub(r"//[^\n]*", "", text)):
            yield f"{path}: {room} must not call {call}); only {', '.join(LIBRARIES['libvirt'])} may"
    for quote, name in INCLUDE.findall(text):
        if quote == '"':
            included = resolve(path, name)
            target = room_of(included) if included else None
            if target and target != room and target not in ROOMS[room]:
                yield f"{path}: {room} must not include {name} of {target}"
            continue
        for library, allowed in LIBRARIES.items():
            if name.startswith(library) and room not in allowed:
                yield f"{path}: {room} must not include <{name}>; only {', '.join(allowed)} may"
        if room in ("common/base", "common/model") and name.startswith("nlohmann/") and "json" not in path.name:
            yield f"{path}: in common only the *json* files may include <{name}>"


def circles(sources):
    """Units, x.hpp and x.cpp, that include each other, directly or not."""
    edges = {}
    for path, text in sources.items():
        for quote, name in INCLUDE.findall(text):
            included = resolve(path, name) if quote == '"' else None
            if included and room_of(included) and included.with_suffix("") != path.with_suffix(""):
                edges.setdefault(path.with_suffix(""), set()).add(included.with_suffix(""))
    done, way = set(), []

    def go(unit):
        if unit in way:
            circle = way[way.index(unit):] + [unit]
            yield "circle: " + " -> ".join(map(str, circle))
            return
        if unit in done:
            return
        way.append(unit)
        for other in sorted(edges.get(unit, ())):
            yield from go(other)
        way.pop()
        done.add(unit)

    for unit in sorted(edges):
        yield from go(unit)


def problems_of_tests():
    for path in project_files(".py", ".hpp", ".cpp"):
        for imported in TEST_IMPORT.findall((ROOT / path).read_text(encoding="utf-8")):
            yield f"{path} must not import {imported}, a test: what several tests need is in tests/support"


SOURCES = {path: (ROOT / path).read_text(encoding="utf-8") for path in project_files(".hpp", ".cpp") if room_of(path)}
finish([*problems_of_table(), *problems_of_tests(), *circles(SOURCES),
        *(problem for path, text in SOURCES.items() for problem in problems_of(path, text))])
