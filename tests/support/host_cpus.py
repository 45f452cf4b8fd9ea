# SPDX-License-Identifier: LGPL-2.1-or-later
"""The CPUs of this machine that the tests pin to. What a test asserts comes from here, not from a machine's numbers.

They are the last two that may be used, which on most machines are not 0 and 1; VIRTPIND_TEST_CPUS=5,2 names others.
Cpulists are as the kernel writes them.
"""
import os
from pathlib import Path


def cpulist(numbers):
    """[0, 1, 2, 5] is "0-2,5"."""
    parts, ordered = [], sorted(numbers)
    while ordered:
        length = 1
        while length < len(ordered) and ordered[length] == ordered[0] + length:
            length += 1
        parts.append(str(ordered[0]) if length == 1 else f"{ordered[0]}-{ordered[length - 1]}")
        ordered = ordered[length:]
    return ",".join(parts)


def chosen():
    named = os.environ.get("VIRTPIND_TEST_CPUS")
    usable = [int(number) for number in named.split(",")] if named else sorted(os.sched_getaffinity(0))
    return [*usable, *usable][-2:] if len(usable) < 2 else usable[-2:]


ALL = Path("/sys/devices/system/cpu/online").read_text(encoding="ascii").strip()
FIRST, SECOND = map(str, chosen())
BOTH = cpulist({int(FIRST), int(SECOND)})
HAS_TWO = FIRST != SECOND and len(os.sched_getaffinity(0)) > 1
# A host that has only these two, for hwloc's synthetic topologies: their numbers, in the order of its cores.
INDEXES = f"(indexes={FIRST},{SECOND})"
TWO_CPUS = ("needs two CPUs to tell pins apart: taskset -c 0-1 meson test -C BUILD --suite integration, "
            "on a host with two")
