# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured, its unit, and which way is better. Pure."""
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Metric:
    name: str  # in JSON
    title: str  # of a column
    unit: str  # of a value; a difference of per cent is in points
    meaning: str
    more_is_better: Optional[bool] = False  # None: neither way
    decimals: int = 2

    @property
    def difference_unit(self):
        return "points" if self.unit == "%" else self.unit


TINY_GUEST = (
    Metric("work", "work done", "%", "iterations of the guest's loop, against its median in quiet windows", True, 1),
    Metric("away", "away", "%", "time in which the vCPU did not run", decimals=1),
    Metric("wait99", "wait p99", "ms", "what arrives at a random moment waits longer than this once in 100 times"),
    Metric("longest", "longest", "ms", "the longest gap of a window"),
    Metric("delay", "run delay", "%", "time in which the vCPU's thread could have run and waited for a CPU, by the "
           "host", decimals=1),
    Metric("migrations", "moves", "/s", "times that the host moved the vCPU's thread to another CPU", decimals=1),
)

OWN_GUEST = (
    Metric("delay", "run delay", "%", "of the time that vCPU threads ran or could have run: that they waited for a "
           "CPU", decimals=2),
    Metric("migrations", "moves", "/s", "times that the host moved a vCPU's thread to another CPU", decimals=1),
    Metric("involuntary", "preempted", "/s", "times that something else took the CPU from a vCPU", decimals=1),
    Metric("voluntary", "slept", "/s", "times that a vCPU gave its CPU back, as idle guests do", None, 1),
    Metric("busy", "ran", "CPUs", "CPU time of the vCPUs: how much the guest had to do", None),
)

PERF = (
    Metric("ipc", "per cycle", "instr.", "instructions that the vCPUs did in a cycle", True),
    Metric("misses", "cache misses", "/1000", "misses of the last cache, for 1000 instructions"),
)

LINUX_GUEST = (
    Metric("memory", "memory", "MB/s", "what the first vCPU copies, in a buffer larger than caches", True, 0),
    Metric("late99", "timer p99", "us", "a timer of a millisecond wakes a thread later than this once in 100 times",
           False, 0),
    Metric("late_max", "timer max", "us", "the latest of a window", False, 0),
    Metric("cache", "cache", "MB/s", "the same in a buffer of 256 KiB", True, 0),
    Metric("apart", "core to core", "ns", "how long a cache line takes between the two vCPUs that are furthest apart",
           False, 0),
    *TINY_GUEST[-2:],
)
