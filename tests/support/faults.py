# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults inside the daemon's calls to libvirt and to the disk, by a preloaded library (fault_plan.hpp)."""
import os
from pathlib import Path

LIBRARY = os.environ.get("VIRTPIND_FAULT_LIBRARY", "build/tests/support/libfault_injector.so")


class Faults:
    """What is planned holds from the daemon's next call on, also while it runs."""

    def __init__(self, directory):
        self._plan = Path(directory) / "faults"
        self._log = Path(directory) / "faults.log"

    @property
    def environment(self):
        """For a daemon that is to meet them."""
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": LIBRARY, "VIRTPIND_FAULT_PLAN": str(self._plan),
                "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0"}

    def plan(self, action, first=1, count=1, calls="all", milliseconds=0):
        """`action` (kill, kill-in, fail, delay) meets `count` (0: all) calls from the `first` on, of those that are
        named in `calls` (prefixes, separated by commas); a jump is of the clock, and meets none."""
        self._log.unlink(missing_ok=True)
        fresh = self._plan.with_suffix(".new")
        fresh.write_text(f"{action} {first} {count} {calls} {milliseconds}\n")
        fresh.rename(self._plan)

    def hold(self, first, calls):
        """The `first` of these calls does not return before release(), at most a minute."""
        self.plan("delay", first, 1, calls, 60_000)

    def is_open(self):
        """Whether hold() has its call."""
        return self._plan.with_suffix(".open").exists()

    def release(self):
        """Ends hold(); what happened since must have happened while the call was open."""
        assert self.is_open(), "the call is held"
        self.clear()

    def clear(self):
        self._plan.unlink(missing_ok=True)

    def calls(self):
        """The names of the calls that were counted since the plan was made."""
        return self._log.read_text().split() if self._log.exists() else []
