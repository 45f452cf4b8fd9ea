#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints "PASSED FAILED SKIPPED" of the last `meson test --setup SETUP` in a build directory:
count_results.py BUILD SETUP.

What is counted are cases: those of GoogleTest (meson keeps them in testlog-SETUP.junit.xml), those of pytest
(kept beside it as pytest-NAME.xml), and one for every other meson test. A test that ended badly without
saying which case failed (a crash, a time-out) is one failure.
"""
import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PASSED, FAILED, SKIPPED = range(3)
GOOD = {"OK", "EXPECTEDFAIL"}


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return FAILED
    skipped = case.find("skipped") is not None or case.get("status") == "notrun"
    return SKIPPED if skipped else PASSED


def count_cases(suites):
    counts = [0, 0, 0]
    for suite in suites:
        for case in suite.iter("testcase"):
            counts[outcome(case)] += 1
    return counts


def count_test(test, logs, suites):
    """`test` is a line of meson's testlog.json; a suite of GoogleTest is named PROJECT.TEST.SUITE."""
    name = test["name"].split(" / ")[-1]
    pytest_report = logs / f"pytest-{name}.xml"
    if test["result"] == "SKIP":
        return [0, 0, 1]
    if pytest_report.exists():
        counts = count_cases([ElementTree.parse(pytest_report).getroot()])
    else:
        counts = count_cases(s for s in suites if s.get("name", "").startswith(f"virtpind.{test['name']}."))
    if test["result"] in GOOD:
        return counts if sum(counts) else [1, 0, 0]
    counts[FAILED] = max(counts[FAILED], 1)
    return counts


def main(build, setup):
    logs = Path(build) / "meson-logs"
    lines = (logs / f"testlog-{setup}.json").read_text(encoding="utf-8").splitlines()
    report = logs / f"testlog-{setup}.junit.xml"
    suites = list(ElementTree.parse(report).getroot().iter("testsuite")) if report.exists() else []
    total = [0, 0, 0]
    for line in lines:
        for which, count in enumerate(count_test(json.loads(line), logs, suites)):
            total[which] += count
    print(*total)


main(*sys.argv[1:])
