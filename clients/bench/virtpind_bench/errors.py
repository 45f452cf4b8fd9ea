# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ends a measurement with a sentence instead of a result."""


class Refused(Exception):
    """Names the input or what is missing, what would be valid, and the next step. `status` is the exit status."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


# Exit statuses, as virtpind-bench(1) has them; those of virtpinctl(1) where they mean the same.
FAILED, USAGE, NO_SUCH_GUEST, DENIED, UNREACHABLE = 1, 2, 4, 5, 6
INTERRUPTED = 130
