#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages and the shipped configuration know the options the program has, and no others.

check_manual.py VIRTPIND
"""
import re
import subprocess
import sys

from project_files import ROOT, finish

OPTION_ROW = re.compile(r'\{"([a-z]+)",\s*\w+,\s*"(\w+)",\s*\{([^}]*)\}')


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def command_line_problems(binary, command, page):
    shown = subprocess.run([binary, *command, "--help"], capture_output=True, text=True, check=True).stdout
    has = set(re.findall(r"^\s+(?:-\w,)?(--[a-z][a-z-]*)", shown, re.M)) - {"--help"}
    documented = set(re.findall(r"^(--[a-z][a-z-]*)", text_of(page), re.M)) - {"--help"}
    yield from (f"{page}: nothing about {name}" for name in sorted(has - documented))
    yield from (f"{page}: {name} does not exist" for name in sorted(documented - has))


def policy_problems():
    table = OPTION_ROW.findall(text_of("common/policy_options.cpp"))
    if len(table) < 10:
        yield "common/policy_options.cpp: the option table is not where this test looks for it"
    page, shipped = "systemd/virtpind.json.5.rst", "systemd/virtpind.json"
    documented = text_of(page).split("\nOPTIONS\n")[1].split("\nPRECEDENCE\n")[0]
    for name, signature, values in table:
        if f"{name} ({signature})" not in documented:
            yield f"{page}: nothing about {name} ({signature})"
        if f'"{name}":' not in text_of(shipped):
            yield f"{shipped}: nothing about {name}"
        for value in re.findall(r'"([^"]+)"', values):
            if f"*{value}*" not in documented:
                yield f"{page}: nothing about {name}={value}"
    names = {name for name, _, _ in table}
    for name in re.findall(r"^([a-z]+) \(\w+\)", documented, re.M):
        if name not in names:
            yield f"{page}: the option {name} does not exist"


def main(binary):
    finish([*command_line_problems(binary, [], "systemd/virtpind.8.rst"),
            *command_line_problems(binary, ["plan"], "systemd/virtpind-plan.1.rst"), *policy_problems()])


main(sys.argv[1])
