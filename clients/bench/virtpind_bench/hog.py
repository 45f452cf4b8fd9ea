# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bounded piece of host load, a program of its own: hog.py SPINNERS BURSTERS SECONDS PARENT

Spinners could always run; bursters run for 1 to 6 ms and sleep for 1 to 12 ms, as services and compilers do. It ends
after SECONDS, and when the process PARENT has ended.
"""
import ctypes
import os
import random
import signal
import sys
import time

PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def work_until(end):
    while time.monotonic() < end:
        for _ in range(500):
            pass


def spin(end):
    work_until(end)


def burst(end):
    chance = random.Random(os.getpid())
    while time.monotonic() < end:
        work_until(min(end, time.monotonic() + chance.uniform(0.001, 0.006)))
        time.sleep(chance.uniform(0.001, 0.012))


def main(spinners, bursters, seconds, parent):
    end = time.monotonic() + seconds
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the measurement, which ends this
    for what, count in ((spin, spinners), (burst, bursters)):
        for _ in range(count):
            if os.fork() == 0:
                die_with_parent()
                what(end)
                os._exit(0)
    while time.monotonic() < end:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            break
        time.sleep(0.25)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
