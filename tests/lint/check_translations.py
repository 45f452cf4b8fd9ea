#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every sentence of the applet is in its translations, and is translated; English has its plural forms. To bring the
files up to date: lupdate -no-obsolete -locations none clients/tray -ts FILE (and -pluralonly for English)."""
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from project_files import ROOT, SKIPPED, finish

LUPDATE = shutil.which("lupdate", path="/usr/lib/qt6/bin:/usr/bin")
FOLDER = ROOT / "clients" / "tray" / "i18n"
PLACES = ("%1", "%2", "%3", "%n")


def sentences(path):
    """{(context, source): its translations, none if it has none}"""
    found = {}
    for context in ElementTree.parse(path).getroot().iter("context"):
        for message in context.iter("message"):
            translation = message.find("translation")
            texts = [form.text for form in translation.iter("numerusform")] or [translation.text]
            done = translation.get("type") is None and all(texts)
            found[context.find("name").text, message.find("source").text] = texts if done else []
    return found


def problems_of(path, options):
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / path.name
        subprocess.run([LUPDATE, "-silent", "-no-obsolete", "-locations", "none", *options, ROOT / "clients" / "tray",
                        "-ts", fresh], check=True)
        wanted = sentences(fresh)
    there = sentences(path)
    name = path.relative_to(ROOT)
    for _, source in wanted.keys() - there.keys():
        yield f"{name}: nothing about '{source}'"
    for _, source in there.keys() - wanted.keys():
        yield f"{name}: nobody says '{source}'"
    for (_, source), texts in there.items():
        if not texts:
            yield f"{name}: '{source}' is not translated"
        for text in texts:
            yield from (f"{name}: '{text}' has not the same {place} as '{source}'" for place in PLACES
                        if source.count(place) != text.count(place))


if LUPDATE is None:
    print("SKIP: lupdate is not installed: tests/install-deps, or apt-get install qt6-l10n-tools")
    sys.exit(SKIPPED)
finish([*problems_of(FOLDER / "applet_de.ts", []), *problems_of(FOLDER / "applet_en.ts", ["-pluralonly"])])
