# SPDX-License-Identifier: LGPL-2.1-or-later
"""Situations of real hosts and guests, and what `virtpind plan` has to make of each (README.md).

By hand, from anywhere; BUILD is a build directory, NAME a part of a case's name:

VIRTPIND_BINARY=BUILD/daemon/virtpind /usr/bin/python3 -B -m pytest -p no:cacheprovider tests/cases -k NAME
"""
import json
import os
import subprocess
from pathlib import Path

import pytest

from facts import Definition, alternatives, check_answer, check_rules, says, says_not, unknown_facts
from findings import check_findings, unknown_findings

HERE = Path(__file__).resolve().parent
BINARY = Path(os.environ.get("VIRTPIND_BINARY", HERE.parent.parent / "build" / "daemon" / "virtpind")).resolve()


def plan(folder, arguments, form):
    return subprocess.run([BINARY, "plan", "--format", form, *arguments], cwd=folder, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120, check=False)


def doctor(folder, arguments):
    return subprocess.run([BINARY, "doctor", "--json", *arguments], cwd=folder, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120, check=False)


def definitions(folder, arguments):
    """{domain: Definition} of the definitions that a run is given."""
    files = [folder / argument for argument in arguments if argument.endswith(".xml") and ":" not in argument]
    made = [Definition(file.read_text(encoding="utf-8")) for file in files]
    return {definition.root.findtext("name"): definition for definition in made}


def complaints(folder, arguments, wanted):
    """What is not as a run should be."""
    done = plan(folder, arguments, "json")
    if done.returncode < 0:  # not what a case waits for
        raise RuntimeError(f"virtpind plan died of signal {-done.returncode}: {done.stderr[-2000:]}")
    if done.returncode not in alternatives(wanted.get("exit", 0)):
        return [f"exit status {done.returncode}, not {wanted.get('exit', 0)}: {done.stderr[-2000:]}"]
    if done.returncode not in (0, 3):
        return list(says("standard error", [done.stderr], wanted.get("error", [])))
    answer = json.loads(done.stdout)
    found = [*check_rules(answer, wanted.get("never-together", [])),
             *check_answer(answer, wanted, definitions(folder, arguments))]
    if "text" in wanted or "text-not" in wanted:
        text = plan(folder, arguments, "text").stdout
        found += [*says("the text", [text], wanted.get("text", [])),
                  *says_not("the text", text.splitlines(), wanted.get("text-not", []))]
    return found


def doctor_complaints(folder, arguments, wanted):
    """What the doctor does not say as it should."""
    done = doctor(folder, arguments)
    if done.returncode != wanted.get("exit", 0):
        return [f"exit status {done.returncode}, not {wanted.get('exit', 0)}: {done.stderr[-2000:]}"]
    return list(check_findings(json.loads(done.stdout), wanted))


def runs():
    for path in sorted(HERE.glob("*/case.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        for number, run in enumerate(case["runs"], 1):
            doctor = run.get("command", "plan") == "doctor"
            name = path.parent.name + ("-doctor" if doctor else "") + (f"-{number}" if len(case["runs"]) > 1 else "")
            if "expect" in run:
                yield pytest.param(path.parent, run["arguments"], run["expect"], doctor, id=name)
            for place, later in enumerate(run.get("later", []), 1):
                yield pytest.param(
                    path.parent, run["arguments"], later, doctor, id=f"{name}-later{place}",
                    marks=pytest.mark.xfail(reason=later["waits-for"], raises=AssertionError, strict=True))


@pytest.mark.parametrize(("folder", "arguments", "wanted", "of_doctor"), runs())
def test_case(folder, arguments, wanted, of_doctor):
    unknown = list(unknown_findings(wanted) if of_doctor else unknown_facts(wanted))
    if unknown:
        raise ValueError(f"{folder.name}: {unknown}")
    found = (doctor_complaints if of_doctor else complaints)(folder, arguments, wanted)
    command = "doctor" if of_doctor else "plan"
    assert not found, "\n".join([f"in {folder}: virtpind {command} {' '.join(arguments)}", *found])


def test_every_case_is_run():
    folders = {path.name for path in HERE.iterdir() if path.is_dir()} - {"hosts", "__pycache__"}
    assert folders == {path.parent.name for path in HERE.glob("*/case.json")}
