#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""cppcheck finds nothing in the daemon, but for what it misreads: each with its reason."""
import os
import shutil
import subprocess
import sys

from project_files import ROOT, SKIPPED

SUPPRESSED = {
    "missingIncludeSystem": "libraries' headers are not read",
    "passedByValue": "what is kept is taken by value and moved",
    "accessMoved": "daemon/planner/place/host_index.cpp: each turn of a loop moves another element",
    "ignoredReturnValue": "the condition of `... + (n == 1 ? a : b)` is taken for a statement",
    "incorrectStringBooleanError": "the same",
    "normalCheckLevelMaxBranches": "what newer ones say of themselves",
    "throwInNoexceptFunction": "dbus/loop_attachment.cpp: trampoline() catches",
}

if shutil.which("cppcheck") is None:
    print("SKIP: cppcheck is not installed: tests/install-deps, or apt-get install cppcheck")
    sys.exit(SKIPPED)

sys.exit(subprocess.call(
    ["cppcheck", "--quiet", "--error-exitcode=1", f"-j{os.cpu_count()}", "--std=c++20", "--language=c++",
     "--enable=warning,performance,portability", *(f"--suppress={name}" for name in SUPPRESSED),
     "-I", ".", "common", "daemon", "dbus"], cwd=ROOT))
