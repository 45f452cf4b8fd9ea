# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the lint tests look at: the files git knows or would add; without git, all but build directories."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77  # meson's exit status for a skipped test


def project_files(*suffixes):
    """Paths relative to ROOT, sorted; of the given suffixes, or all."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")
                 if not p.relative_to(ROOT).parts[0].startswith("build")]
    files = sorted({Path(name) for name in names})
    return [f for f in files if (ROOT / f).is_file() and (not suffixes or f.suffix in suffixes)]


def is_script(path):
    with (ROOT / path).open("rb") as file:
        return file.read(2) == b"#!"


def finish(problems):
    """Ends the lint test: one line per problem."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
