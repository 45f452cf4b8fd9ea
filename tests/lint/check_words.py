#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One word, one meaning: code does not use the names in CONTRIBUTING.md's table of retired words again. Keys of JSON,
names on the bus and files on disk keep their spelling: strings are skipped."""
import re

from project_files import ROOT, finish, project_files

TABLE = re.compile(r"^\| ((?:`\w+`,? ?)+) \| (.*) \|$", re.M)
STRING = re.compile(r'"(?:\\.|[^"\\])*"')


def retired_words():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("\n## Words\n")[2].partition("\n## ")[0]
    return {word: use for words, use in TABLE.findall(section) for word in re.findall(r"`(\w+)`", words)}


def problems_of(path, words, pattern):
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
        for word in pattern.findall(STRING.sub('""', line.split("//")[0])):
            yield f"{path}:{number}: {word} is retired: {words[word]} (CONTRIBUTING.md, Words)"


WORDS = retired_words()
PATTERN = re.compile(rf"\b({'|'.join(WORDS)})\b")
finish([*(["CONTRIBUTING.md: the table of retired words is not where this test looks for it"]
          if len(WORDS) < 10 else []),
        *(problem for path in project_files(".cpp", ".hpp") if not path.parts[0].startswith("build")
          for problem in problems_of(path, WORDS, PATTERN))])
