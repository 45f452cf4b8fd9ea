#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The journal's catalog and the table of logged events have the same identifiers and subjects, journalctl can
compile the catalog, and it names only fields that are sent."""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from project_files import ROOT, finish

TABLE, CATALOG = "daemon/service/log_events.cpp", "systemd/journal/virtpind.catalog"
ROW = re.compile(r'EventKind\{LogEvent::(\w+),\s*"([0-9a-f]{32})",\s*\w+,\s*"([^"]+)"\}')
ENTRY = re.compile(r"^-- ([0-9a-f]{32})\nSubject: (.+)$", re.M)
SENDERS = ["daemon/reconcile/outcome.cpp", "daemon/reconcile/controller.cpp", "daemon/reconcile/reconciler.cpp",
           "daemon/daemon.cpp", "daemon/isolate_helper/main.cpp"]


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def table_problems():
    rows = ROW.findall(text_of(TABLE))
    entries = ENTRY.findall(text_of(CATALOG))
    declared = re.search(r"enum class LogEvent \{(.*?)\};", text_of("daemon/service/log_events.hpp"), re.S).group(1)
    if [name for name, _, _ in rows] != re.findall(r"\w+", declared):
        yield f"{TABLE}: not one row for each LogEvent, in their order"
    if len({identifier for _, identifier, _ in rows}) != len(rows):
        yield f"{TABLE}: an identifier occurs twice"
    for difference in sorted({row[1:] for row in rows} ^ set(entries)):
        yield f"{CATALOG}: differs from {TABLE} in {difference}"
    sent = {name for path in SENDERS for name in re.findall(r'\{"([A-Z_]+)",', text_of(path))}
    for field in sorted(set(re.findall(r"@VIRTPIND_([A-Z_]+)@", text_of(CATALOG))) - sent):
        yield f"{CATALOG}: nobody sends VIRTPIND_{field}"


def compiled_problems():
    if shutil.which("journalctl") is None:
        return
    with tempfile.TemporaryDirectory() as root:
        for path in ("usr/lib/systemd/catalog", "var/lib/systemd/catalog"):
            (Path(root) / path).mkdir(parents=True)
        shutil.copy(ROOT / CATALOG, Path(root) / "usr/lib/systemd/catalog")
        made = subprocess.run(["journalctl", f"--root={root}", "--update-catalog"], capture_output=True, text=True,
                              check=False)
        if made.returncode != 0 or made.stderr:
            yield f"{CATALOG}: journalctl says {made.stderr.strip()}"
        listed = subprocess.run(["journalctl", f"--root={root}", "--list-catalog"], capture_output=True, text=True,
                                check=False).stdout
        for identifier, subject in ENTRY.findall(text_of(CATALOG)):
            if f"{identifier} virtpind: {subject}" not in listed:
                yield f"{CATALOG}: {identifier} is not what journalctl lists"


finish([*table_problems(), *compiled_problems()])
