#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every source file names its licence, no file holds leftovers of the work that made it, and no line is too long."""
import re

from project_files import ROOT, finish, is_script, project_files

LICENCE = "SPDX-License-Identifier: LGPL-2.1-or-later"
COLUMNS_MAX = 120
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
        if len(line) > COLUMNS_MAX and can_be_broken(path, line):
            yield f"{path}:{number}: {len(line)} columns; {COLUMNS_MAX} are allowed"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"


def can_be_broken(path, line):
    """Rows of Markdown tables are one line each, and a line of one word has no place for a break."""
    return not is_drawn(path) and not (path.suffix == ".md" and line.startswith("|")) and len(line.split()) > 1


def is_drawn(path):
    """Hosts and domains as others write them, expected answers, pictures, translations: the lines are those of their
    programs."""
    return path.suffix in {".svg", ".ts"} or path.parts[:2] == ("tests", "golden") or (
        path.parts[:2] == ("tests", "cases") and path.suffix in {".json", ".xml"})


def is_data(path):
    return path.name == "LICENSE" or "corpus" in path.parts


finish([problem for path in project_files() if not is_data(path) for problem in problems_of(path)])
