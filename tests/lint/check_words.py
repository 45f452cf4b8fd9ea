#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One word, one meaning: code does not use the names in CONTRIBUTING.md's table of retired words again. Keys of JSON,
names on the bus and files on disk keep their spelling: strings are skipped. Names of tests are CamelCase, and the tests
that tests/FAULTS.md names exist."""
import re

from project_files import ROOT, finish, project_files

TABLE = re.compile(r"^\| ((?:`\w+`,? ?)+) \| (.*) \|$", re.M)
STRING = re.compile(r'"(?:\\.|[^"\\])*"')
TEST = re.compile(r"^(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\(\s*(\w+),\s*(\w+)", re.M)
CAMEL_CASE = re.compile(r"[A-Z][A-Za-z0-9]*")
# "state_store: `SavesLoadsAndForgets`, `ImagesAre...`"; a name may be a suite's.
NAMED_TESTS = re.compile(r"(?<![\w/])(\w+): ((?:`\w+(?:\.\.\.)?`(?:, )?)+)")
NAME = re.compile(r"`([A-Z]\w*)((?:\.\.\.)?)`")


def retired_words():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("\n## Words\n")[2].partition("\n## ")[0]
    return {word: use for words, use in TABLE.findall(section) for word in re.findall(r"`(\w+)`", words)}


def problems_of(path, text, words, pattern):
    for number, line in enumerate(text.splitlines(), 1):
        for word in pattern.findall(STRING.sub('""', line.split("//")[0])):
            yield f"{path}:{number}: {word} is retired: {words[word]} (CONTRIBUTING.md, Words)"
    for name in sorted({name for names in TEST.findall(text) for name in names}):
        if not CAMEL_CASE.fullmatch(name):
            yield f"{path}: the name of a test is CamelCase, and {name} is not"


def problems_of_faults(sources):
    tests = {}
    for path, text in sources.items():
        tests.setdefault(path.stem, set()).update(name for names in TEST.findall(text) for name in names)
    for file, named in NAMED_TESTS.findall((ROOT / "tests/FAULTS.md").read_text(encoding="utf-8")):
        there = tests.get("test_" + file, set())
        for name, more in NAME.findall(named):
            if name not in there and not (more and any(test.startswith(name) for test in there)):
                yield f"tests/FAULTS.md: there is no test {name}{more} in a test_{file}.cpp"


WORDS = retired_words()
PATTERN = re.compile(rf"\b({'|'.join(WORDS)})\b")
SOURCES = {path: (ROOT / path).read_text(encoding="utf-8")
           for path in project_files(".cpp", ".hpp") if not path.parts[0].startswith("build")}
finish([*(["CONTRIBUTING.md: the table of retired words is not where this test looks for it"]
          if len(WORDS) < 10 else []),
        *(problem for path, text in SOURCES.items() for problem in problems_of(path, text, WORDS, PATTERN)),
        *problems_of_faults(SOURCES)])
