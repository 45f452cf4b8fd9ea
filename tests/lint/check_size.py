#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""No source, C++ or Python, has more than 400 lines and no C++ function more than 60, unless a comment line that begins
with "Long:" says why, in the first lines of the file or directly above the function."""
from project_files import ROOT, finish, project_files

FILE_MAX = 400
FUNCTION_MAX = 60
REASON = "// Long: "  # "# Long: " in Python


def functions_of(lines):
    """The lines of each function's opening and closing brace, which clang-format puts into the first column."""
    begin = None
    for number, line in enumerate(lines):
        if line == "{":
            begin = number
        elif line.startswith("}") and begin is not None:
            yield begin, number
            begin = None


def comment_above(lines, number):
    """The comment directly above the declaration that ends before `number`."""
    while number > 0 and lines[number - 1].strip() and not lines[number - 1].startswith("//"):
        number -= 1
    while number > 0 and lines[number - 1].startswith("//"):
        number -= 1
        yield lines[number]


def problems_of(path):
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    if len(lines) > FILE_MAX and not any(line.startswith((REASON, "# Long: ")) for line in lines[:30]):
        yield f"{path}: {len(lines)} lines, and {FILE_MAX} are allowed; split it, or say why not ('{REASON}...')"
    for begin, end in functions_of(lines):
        length = end - begin - 1
        if length > FUNCTION_MAX and not any(line.startswith(REASON) for line in comment_above(lines, begin)):
            yield f"{path}:{begin}: a function of {length} lines, and {FUNCTION_MAX} are allowed"


finish([problem for path in project_files(".cpp", ".hpp", ".py") if not path.parts[0].startswith("build")
        for problem in problems_of(path)])
