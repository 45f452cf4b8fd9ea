#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""shellcheck finds nothing in our scripts."""
import shutil
import subprocess
import sys

from project_files import ROOT, SKIPPED, is_script, project_files

if shutil.which("shellcheck") is None:
    print("SKIP: shellcheck is not installed: tests/install-deps, or apt-get install shellcheck")
    sys.exit(SKIPPED)


def is_shell(path):
    return is_script(path) and (ROOT / path).open("rb").readline().rstrip().endswith((b"/bash", b"/sh"))


scripts = [str(path) for path in project_files() if is_shell(path)]
sys.exit(subprocess.call(["shellcheck", "--external-sources", *scripts], cwd=ROOT))
