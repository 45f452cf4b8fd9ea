# SPDX-License-Identifier: LGPL-2.1-or-later
"""Medians, their intervals, and what may be called a difference."""
import random
import unittest

from virtpind_bench.estimates import difference, estimate


class Estimates(unittest.TestCase):
    def test_median_lies_within_its_interval_and_the_values(self):
        found = estimate([9, 1, 5, 3, 7, 2, 8, 4])
        self.assertEqual(found.value, 4.5)
        self.assertTrue(1 <= found.low < 4.5 < found.high <= 9)

    def test_same_values_give_the_same_answer(self):
        self.assertEqual(estimate([1, 2, 3, 10]), estimate([1, 2, 3, 10]))

    def test_equal_values_leave_no_doubt(self):
        found = estimate([3] * 8)
        self.assertEqual((found.low, found.value, found.high), (3, 3, 3))

    def test_no_values_are_refused(self):
        with self.assertRaises(ValueError):
            estimate([])

    def test_interval_has_the_true_median_about_as_often_as_it_says(self):
        chance, hits, tries = random.Random(7), 0, 200
        for _ in range(tries):
            hits += estimate([chance.gauss(50, 10) for _ in range(12)], resamples=400).contains(50)
        self.assertGreater(hits / tries, 0.88)
        self.assertLess(hits / tries, 0.995)


class Differences(unittest.TestCase):
    def test_noise_is_rarely_a_difference(self):
        chance, shown, tries = random.Random(3), 0, 60
        for _ in range(tries):
            first, second = ({number: chance.gauss(50, 5) for number in range(12)} for _ in range(2))
            shown += difference(first, second).shown
        self.assertLessEqual(shown / tries, 0.05)

    def test_equal_conditions_show_nothing(self):
        same = {number: 5.0 for number in range(8)}
        self.assertFalse(difference(same, same).shown)

    def test_pairs_show_what_drift_hides(self):
        first = {number: 10.0 * number for number in range(8)}
        second = {number: 10.0 * number + 1 for number in range(8)}
        found = difference(first, second)
        self.assertTrue(found.shown)
        self.assertEqual((found.estimate.value, found.rounds), (1, 8))

    def test_rounds_that_lack_one_do_not_count(self):
        found = difference({0: 1.0, 1: 2.0, 2: 100.0}, {0: 2.0, 1: 3.0, 7: 0.0})
        self.assertEqual((found.rounds, found.estimate.value), (2, 1))
