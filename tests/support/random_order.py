# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests in random order, for a conftest.py to import: VIRTPIND_TEST_SEED=N is the order, `no` the one in the file.

Without it each run has an order of its own; the seed is printed at the end.
"""
import os
import random

SEED = os.environ.get("VIRTPIND_TEST_SEED") or str(random.SystemRandom().randrange(1, 1 << 31))


def pytest_collection_modifyitems(items):
    """Files stay together: what one of them prepares for all its tests is prepared once."""
    if SEED != "no":
        chance = random.Random(SEED)
        place = {file: chance.random() for file in dict.fromkeys(item.fspath for item in items)}
        chance.shuffle(items)
        items.sort(key=lambda item: place[item.fspath])


def pytest_terminal_summary(terminalreporter):
    if SEED != "no":
        terminalreporter.write_line(f"in random order; the same again: VIRTPIND_TEST_SEED={SEED}")
