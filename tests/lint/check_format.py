#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""clang-format 14 finds nothing to change. Other versions format differently: skipped there."""
import shutil
import subprocess
import sys

from project_files import ROOT, SKIPPED, finish, project_files

tool = shutil.which("clang-format-14")
if tool is None:
    print("SKIP: clang-format-14 is not installed: tests/install-deps, or apt-get install clang-format-14")
    sys.exit(SKIPPED)

sources = [str(path) for path in project_files(".cpp", ".hpp")]
done = subprocess.run([tool, "--dry-run", "--Werror", "--ferror-limit=1", *sources], cwd=ROOT,
                      capture_output=True, text=True, check=False)
finish([line for line in done.stderr.splitlines() if "error:" in line])
