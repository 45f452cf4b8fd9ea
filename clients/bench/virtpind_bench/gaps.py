# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tiny guest says of a window: how long it was away each time. Pure; the protocol is in guest.s."""
from dataclasses import dataclass

BUCKETS_MAX = 512


@dataclass(frozen=True)
class Report:
    iterations: int  # of the guest's loop
    cycles: int  # of the TSC, that the window took
    tsc: int  # at its end
    vcpus: int  # that run
    gaps: tuple  # of (count, cycles of one on average), shortest first; buckets are at most an eighth wide

    def seconds(self, hz):
        return self.cycles / hz


def numbers_of(words, count):
    if len(words) != count or any(len(word) not in (8, 16) for word in words):
        raise ValueError(f"the guest said {' '.join(words)[:80]!r}, which is no report")
    return [int(word, 16) for word in words]


def parse_report(lines):
    """From "W ..." to "E ...". ValueError where they are something else."""
    if len(lines) < 2 or lines[0][:1] != "W" or lines[-1][:1] != "E":
        raise ValueError(f"the guest's report has {len(lines)} lines, from {lines[:1]} to {lines[-1:]}")
    iterations, cycles, tsc, vcpus = numbers_of(lines[0].split()[1:], 4)
    (told,) = numbers_of(lines[-1].split()[1:], 1)
    if told != len(lines) - 2 or told > BUCKETS_MAX or not iterations or not cycles:
        raise ValueError(f"the guest's report has {len(lines) - 2} buckets and says {told}; some of it is lost")
    gaps = []
    for line in lines[1:-1]:
        _, count, total = numbers_of(line.split(), 3)
        gaps.append((count, total / count))
    return Report(iterations, cycles, tsc, vcpus, tuple(gaps))


def measured_hz(first, last):
    """The TSC's frequency, of two (tsc, seconds on the host's clock)."""
    if last[0] <= first[0] or last[1] <= first[1]:
        raise ValueError("the guest's time stamp counter does not advance")
    return (last[0] - first[0]) / (last[1] - first[1])


def floor_of(report, hz):
    """Seconds; shorter gaps are the loop's own, and what an exit of the guest takes by itself."""
    return max(50e-6, 4 * report.cycles / report.iterations / hz)


def waits_beyond(report, hz, floor, seconds):
    """How often something that arrives in the guest at a random moment waits longer than `seconds`: 0 to 1."""
    late = sum(count * max(gap / hz - seconds, 0) for count, gap in report.gaps if gap / hz > floor)
    return min(late / report.seconds(hz), 1.0)


def wait_at(report, hz, floor, share):
    """The wait in seconds that only `share` of such arrivals exceed."""
    low, high = 0.0, max((gap / hz for _, gap in report.gaps), default=0.0)
    if waits_beyond(report, hz, floor, 0.0) <= share:
        return 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if waits_beyond(report, hz, floor, middle) > share else (low, middle)
    return high


def figures(report, hz, floor):
    """Of a window: iterations per second, per cent of the time away, waits in ms."""
    longest = max((gap / hz for _, gap in report.gaps if gap / hz > floor), default=0.0)
    return {"speed": report.iterations / report.seconds(hz),
            "away": 100 * waits_beyond(report, hz, floor, 0.0),
            "wait99": 1e3 * wait_at(report, hz, floor, 0.01),
            "longest": 1e3 * longest}


def waiting_curve(reports, hz, floor, points=121, low=1e-4, high=1.0):
    """[(seconds, share of arrivals that wait longer)], the mean of the reports, on a logarithmic grid."""
    grid = [low * (high / low) ** (index / (points - 1)) for index in range(points)]
    return [(x, sum(waits_beyond(report, hz, floor, x) for report in reports) / len(reports)) for x in grid]
