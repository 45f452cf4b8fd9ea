# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures of the desktop: kept, for people to look at, and their colours counted."""
import os
import subprocess
from collections import Counter
from pathlib import Path

# Where pictures stay; meson names a folder of the build.
FOLDER = Path(os.environ.get("VIRTPIND_PICTURES", "tray-pictures"))


def take(desktop, name, window="root", tool=("import", "-window")):
    """A picture of a window by its id; returns the file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    words = [str(window)] if window else []  # grim has none
    subprocess.run([*tool, *words, str(path)], env=desktop.environment, check=True, timeout=30)
    return path


def colours(path):
    """How many pixels have each colour: {"rrggbb": count}."""
    raw = subprocess.run(["convert", str(path), "-depth", "8", "rgb:-"], capture_output=True, check=True,
                         timeout=30).stdout
    return Counter(raw[at:at + 3].hex() for at in range(0, len(raw), 3))
