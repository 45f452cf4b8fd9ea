# SPDX-License-Identifier: LGPL-2.1-or-later
"""Medians with bootstrap intervals, and differences of pairs. Pure: the same values give the same answer."""
import random
from dataclasses import dataclass
from statistics import median

LEVEL = 0.95
DIFFERENCE_LEVEL = 0.99  # there are a dozen and more of them, and one of 20 would seem to be there by chance
RESAMPLES = 4000


@dataclass(frozen=True)
class Estimate:
    value: float
    low: float
    high: float

    def contains(self, number):
        return self.low <= number <= self.high


def estimate(values, resamples=RESAMPLES, level=LEVEL):
    """The median, and the interval that its bootstrap has at this level (percentiles)."""
    values = list(values)
    if not values:
        raise ValueError("no values to estimate from")
    chance = random.Random(len(values))
    medians = sorted(median(chance.choices(values, k=len(values))) for _ in range(resamples))
    outside = (1 - level) / 2
    return Estimate(median(values), medians[int(resamples * outside)], medians[int(resamples * (1 - outside)) - 1])


@dataclass(frozen=True)
class Difference:
    """Of two conditions in the same rounds: the second minus the first."""

    estimate: Estimate
    rounds: int

    @property
    def shown(self):
        """False: the interval contains no difference at all, so none could be shown."""
        return not self.estimate.contains(0)


def difference(first, second):
    """`first` and `second`: value by round. Rounds that lack one of them do not count."""
    both = sorted(first.keys() & second.keys())
    return Difference(estimate([second[number] - first[number] for number in both], level=DIFFERENCE_LEVEL), len(both))
