#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints "PASSED FAILED SKIPPED" of the last `meson test --setup SETUP` in a build directory, and a line for
each case that failed, "TEST: CASE": count_results.py BUILD SETUP.

What is counted are cases: those of GoogleTest (meson keeps them in testlog-SETUP.junit.xml), those of pytest
(kept beside it as pytest-NAME.xml), and one for every other meson test. A test that ended badly without
saying which case failed (a crash, a time-out) is one failure.
"""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PASSED, FAILED, SKIPPED = range(3)
GOOD = {"OK", "EXPECTEDFAIL"}
# What XML 1.0 forbids, and meson copies from what a test printed: a terminal's control characters.
FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_suites(report):
    text = report.read_text(encoding="utf-8", errors="replace")
    return list(ElementTree.fromstring(FORBIDDEN.sub("", text).encode()).iter("testsuite"))


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return FAILED
    skipped = case.find("skipped") is not None or case.get("status") == "notrun"
    return SKIPPED if skipped else PASSED


def cases_of(test, logs, suites):
    """`test` is a line of meson's testlog.json; a suite of GoogleTest is named PROJECT.TEST.SUITE."""
    pytest_report = logs / f"pytest-{test['name'].split(' / ')[-1]}.xml"
    if pytest_report.exists():
        suites = read_suites(pytest_report)
    else:
        suites = [suite for suite in suites if suite.get("name", "").startswith(f"virtpind.{test['name']}.")]
    return [case for suite in suites for case in suite.iter("testcase")]


def count_test(test, logs, suites):
    """How many cases have each outcome, and the names of those that failed."""
    if test["result"] == "SKIP":
        return [0, 0, 1], []
    counts, failed = [0, 0, 0], []
    for case in cases_of(test, logs, suites):
        counts[outcome(case)] += 1
        if outcome(case) == FAILED:
            failed.append(case.get("name", "?"))
    if test["result"] in GOOD:
        return counts if sum(counts) else [1, 0, 0], failed
    counts[FAILED] = max(counts[FAILED], 1)
    return counts, failed or [test["result"].lower()]


def main(build, setup):
    logs = Path(build) / "meson-logs"
    lines = (logs / f"testlog-{setup}.json").read_text(encoding="utf-8").splitlines()
    report = logs / f"testlog-{setup}.junit.xml"
    suites = read_suites(report) if report.exists() else []
    total, all_failed = [0, 0, 0], []
    for test in map(json.loads, lines):
        counts, failed = count_test(test, logs, suites)
        total = [sum(pair) for pair in zip(total, counts)]
        all_failed += [f"{test['name'].split(' / ')[-1]}: {case}" for case in failed]
    print(" ".join(map(str, total)), *all_failed, sep="\n")


main(*sys.argv[1:])
