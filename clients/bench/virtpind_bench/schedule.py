# SPDX-License-Identifier: LGPL-2.1-or-later
"""In which order conditions come, and how long the rest takes. Pure."""
import random

ROUNDS_MIN = 8
ROUNDS = 12


def make_orders(conditions, rounds, seed):
    """A list of conditions for each round: all of them, in random order, so that what drifts meets all alike."""
    chance = random.Random(seed)
    return [chance.sample(conditions, len(conditions)) for _ in range(rounds)]


def facts(settings):
    """For JSON."""
    return {"rounds": settings.rounds, "window-seconds": settings.window, "seed": settings.seed}


def describe(settings):
    return f"{settings.rounds} rounds of {settings.window:g} s windows, in random order (seed {settings.seed})"


def time_left(elapsed, done, total):
    """Seconds, as the windows so far took; None before the first."""
    return elapsed / done * (total - done) if done else None


def in_words(seconds):
    seconds = max(0, round(seconds))
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60} min {seconds % 60} s"
