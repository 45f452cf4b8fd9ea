# SPDX-License-Identifier: LGPL-2.1-or-later
"""Orders of conditions, and time left."""
import unittest

from virtpind_bench.schedule import in_words, make_orders, time_left


class Orders(unittest.TestCase):
    def test_each_round_has_every_condition_once(self):
        for order in make_orders(["a", "b", "c"], 20, 1):
            self.assertEqual(sorted(order), ["a", "b", "c"])

    def test_order_is_random_and_repeats_by_its_seed(self):
        orders = make_orders(["a", "b", "c"], 40, 1)
        self.assertGreater(len({tuple(order) for order in orders}), 3)
        self.assertEqual(orders, make_orders(["a", "b", "c"], 40, 1))
        self.assertNotEqual(orders, make_orders(["a", "b", "c"], 40, 2))


class TimeLeft(unittest.TestCase):
    def test_rest_takes_as_long_as_what_was_done(self):
        self.assertEqual(time_left(30.0, 10, 40), 90.0)
        self.assertIsNone(time_left(3.0, 0, 40))

    def test_words(self):
        self.assertEqual([in_words(-1), in_words(59.6), in_words(200)], ["0 s", "60 s", "3 min 20 s"])
