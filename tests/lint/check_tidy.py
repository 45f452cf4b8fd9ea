#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""clang-tidy 14 is silent about every source of the program. Takes minutes: suite `tidy`, run by itself.

check_tidy.py BUILD [SOURCE...]
"""
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from project_files import ROOT, finish

TOOL = shutil.which("clang-tidy-14")
LAYERS = {"common", "daemon", "dbus"}


def sources(build):
    """Relative to ROOT; the program's own, as far as they are compiled."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    paths = {(build / command["file"]).resolve() for command in commands}
    own = {path.relative_to(ROOT) for path in paths if path.is_relative_to(ROOT)}
    return sorted(path for path in own if path.parts[0] in LAYERS)


def problems_of(build, source):
    done = subprocess.run([TOOL, "--quiet", "-p", build, ROOT / source], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    return [f"{source}: clang-tidy", *(done.stdout or done.stderr).splitlines()]


def main(build, *chosen):
    if TOOL is None:  # who runs this has asked for it
        finish(["clang-tidy-14 is not installed"])
    wanted = [Path(source) for source in chosen] or sources(build)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda source: problems_of(build, source), wanted))
    finish([line for lines in results for line in lines])


main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
