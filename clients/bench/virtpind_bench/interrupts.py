# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ctrl-C and its like, heard for certain: an exception that is raised while Python ends an object is lost."""
import signal
import time

CHECKED_EACH_S = 0.5


class Asked:
    to_end = False


def ask(_signal, _frame):
    Asked.to_end = True
    raise KeyboardInterrupt


def listen():
    """Not for signals that are ignored, as SIGINT is in the background of a shell script."""
    for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(which) != signal.SIG_IGN:
            signal.signal(which, ask)


def check():
    """Wherever something begins that takes a while."""
    if Asked.to_end:
        raise KeyboardInterrupt


def sleep(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check()
        time.sleep(min(left, CHECKED_EACH_S))
