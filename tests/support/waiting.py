# SPDX-License-Identifier: LGPL-2.1-or-later
"""The one place where tests wait: for a condition, with a deadline, never for a fixed time."""
import time

DEADLINE_S = 30.0
POLL_S = 0.02


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Polls `condition` until it is true and returns its value; fails, naming `what`, at the deadline.

    `what` is a text, or a callable that makes one then (to show the last state seen).
    """
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"after {deadline_s:g} s still not: {what() if callable(what) else what}")
        time.sleep(POLL_S)
