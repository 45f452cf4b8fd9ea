#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every source file names its licence; no file holds leftovers of the work that made it."""
import re

from project_files import ROOT, finish, is_script, project_files

LICENCE = "SPDX-License-Identifier: LGPL-2.1-or-later"
LICENSED = {".cpp", ".hpp", ".py", ".sh"}
# Written in pieces, so that this file passes its own test.
LEFTOVERS = re.compile(
    "|".join(["TO" "DO", "FIX" "ME", r"\bX" r"XX\b", r"<<<" "<<<<", r">>>" ">>>>"]))


def problems_of(path):
    content = (ROOT / path).read_bytes()
    if b"\0" in content:
        return
    text = content.decode("utf-8")
    licensed = path.suffix in LICENSED or path.name == "meson.build" or is_script(path)
    if licensed and LICENCE not in "\n".join(text.splitlines()[:3]):
        yield f"{path}:1: no '{LICENCE}' in the first three lines"
    for number, line in enumerate(text.splitlines(), 1):
        leftover = LEFTOVERS.search(line)
        if leftover:
            yield f"{path}:{number}: leftover '{leftover.group()}'"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"


def is_data(path):
    return path.name == "LICENSE" or "corpus" in path.parts


finish([problem for path in project_files() if not is_data(path) for problem in problems_of(path)])
