#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plan every scenario of cases/, examine every host of doctor/, and compare with what expected/ holds.

usage: run_golden.py VIRTPIND [--update] [NAME...]

Each cases/NAME.json is a scenario to try by hand, too: virtpind plan --scenario cases/NAME.json
Each folder doctor/NAME is a host with guests; doctor.json has the arguments of virtpind doctor, in that folder.
--update rewrites expected/NAME.json and NAME.txt; read the diff before you commit it.
Exit status: 0 when all are as expected, else 1.
"""
import argparse
import difflib
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def plan(virtpind, scenario, form):
    done = subprocess.run(
        [virtpind, "plan", "--format", form, "--scenario", scenario],
        capture_output=True, text=True, timeout=60, check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{scenario.name}: exit {done.returncode}: {done.stderr.strip()}")
    return done


def answers(virtpind, scenario):
    """The two files this scenario should have in expected/, by suffix."""
    done = plan(virtpind, scenario, "json")
    answer = json.loads(done.stdout)
    del answer["elapsed-us"]  # differs from run to run
    answer["exit-status"] = done.returncode
    return {".json": json.dumps(answer, indent=2) + "\n",
            ".txt": plan(virtpind, scenario, "text").stdout}


def diagnoses(virtpind, folder):
    """The same of a folder for the doctor."""
    arguments = json.loads((folder / "doctor.json").read_text())["arguments"]
    texts = {}
    for suffix, form in ((".json", ["--json"]), (".txt", [])):
        done = subprocess.run([virtpind, "doctor", *form, *arguments], cwd=folder, capture_output=True, text=True,
                              timeout=60, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
        if done.returncode not in (0, 3):
            raise RuntimeError(f"{folder.name}: exit {done.returncode}: {done.stderr.strip()}")
        texts[suffix] = done.stdout
    return texts


def check(path, text):
    expected = path.read_text() if path.exists() else ""
    for line in difflib.unified_diff(expected.splitlines(), text.splitlines(), f"{path.name} (expected)",
                                     f"{path.name} (now)", lineterm=""):
        print(line)
    return expected == text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("virtpind")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    scenarios = sorted((HERE / "cases").glob("*.json"))
    scenarios = [s for s in scenarios if not options.names or s.stem in options.names]
    hosts = [path.parent for path in sorted((HERE / "doctor").glob("*/doctor.json"))
             if not options.names or path.parent.name in options.names]
    if not scenarios and not hosts:
        sys.exit("no such case")
    virtpind = pathlib.Path(options.virtpind).resolve()
    texts = [*((scenario.stem, answers(virtpind, scenario)) for scenario in scenarios),
             *((f"doctor-{host.name}", diagnoses(virtpind, host)) for host in hosts)]
    good = True
    for name, of_name in texts:
        for suffix, text in of_name.items():
            path = HERE / "expected" / (name + suffix)
            if options.update:
                path.write_text(text)
            else:
                good = check(path, text) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
