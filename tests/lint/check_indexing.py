#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The number of an id never becomes an index: common/base/by_id.hpp checks it. Ids come from definitions, metadata,
state files and the bus, and what another host had need not be here."""
import re

from project_files import ROOT, finish, project_files

SOURCES = ("common/", "daemon/", "dbus/", "clients/")
CHECKED = {"common/base/by_id.hpp", "common/base/cpu_set.cpp", "common/base/cpu_set.hpp"}
UNCHECKED = [
    (re.compile(r"\[\s*(virtpind::)?raw\("), "index by at_id() or find_id() of common/base/by_id.hpp"),
    # topology.find(cpu)->node, *host.find(cpu): nobody looked whether it is there.
    (re.compile(r"(topology_?|host_?)(\.|->)find(_node|_core)?\([^;{}]*?\)->"
                r"|\*(\w+(\.|->))*(topology_?|host_?)(\.|->)find(_node|_core)?\("),
     "look at what find() answers, or use cpu()"),
]


def problems_of(path):
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
        code = line.split("//")[0]
        for pattern, advice in UNCHECKED:
            if pattern.search(code):
                yield f"{path}:{number}: {advice}"


finish([problem for path in project_files(".cpp", ".hpp")
        if str(path).startswith(SOURCES) and str(path) not in CHECKED
        for problem in problems_of(path)])
