# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far a measurement is, on a terminal; nothing elsewhere."""
import sys
import time

from .schedule import in_words, time_left


class Progress:
    def __init__(self, total, stream=sys.stderr):
        self.total, self.stream, self.done = total, stream, 0
        self.on_terminal = stream.isatty()
        self.begun = time.monotonic()

    def show(self, what):
        """Before each window."""
        if self.on_terminal:
            left = time_left(time.monotonic() - self.begun, self.done, self.total)
            rest = f", {in_words(left)} left" if left is not None else ""
            self.stream.write(f"\r\033[K{self.done} of {self.total} windows: {what}{rest}")
            self.stream.flush()

    def step(self):
        self.done += 1

    def clear(self):
        if self.on_terminal:
            self.stream.write("\r\033[K")
            self.stream.flush()
