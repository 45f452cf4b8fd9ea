# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of the guest's reports."""
import unittest

from virtpind_bench import gaps

HZ = 1_000_000_000


def report(*pairs, cycles=HZ, iterations=10_000_000):
    """`pairs` of (count, cycles)."""
    return gaps.Report(iterations, cycles, 0, 1, pairs)


class Parsing(unittest.TestCase):
    LINES = ["W 0000000000000010 0000000000000400 0000000000001000 00000002", "00000060 00000002 0000000000000080",
             "00000068 00000001 0000000000000100", "E 00000002"]

    def test_report_is_read(self):
        read = gaps.parse_report(self.LINES)
        self.assertEqual((read.iterations, read.cycles, read.tsc, read.vcpus), (16, 1024, 4096, 2))
        self.assertEqual(read.gaps, ((2, 64.0), (1, 256.0)))

    def test_report_with_a_lost_line_is_refused(self):
        with self.assertRaisesRegex(ValueError, "1 buckets and says 2"):
            gaps.parse_report(self.LINES[:2] + self.LINES[3:])

    def test_other_text_is_refused(self):
        for lines in ([], ["R"], ["W 1 2 3 4", "E 00000000"], ["SeaBIOS", *self.LINES]):
            with self.assertRaises(ValueError):
                gaps.parse_report(lines)


class Waits(unittest.TestCase):
    def test_time_away_is_that_of_the_long_gaps(self):
        found = gaps.figures(report((5, 0.02 * HZ), (1000, 10e-6 * HZ)), HZ, 50e-6)
        self.assertAlmostEqual(found["away"], 10.0)
        self.assertAlmostEqual(found["longest"], 20.0)
        self.assertAlmostEqual(found["speed"], 10_000_000)

    def test_arrivals_wait_for_the_rest_of_the_gap_they_meet(self):
        # In one gap of 0.5 s of 1 s, half of all arrivals wait, a quarter of all longer than 0.25 s.
        one = report((1, 0.5 * HZ))
        self.assertAlmostEqual(gaps.waits_beyond(one, HZ, 50e-6, 0), 0.5)
        self.assertAlmostEqual(gaps.waits_beyond(one, HZ, 50e-6, 0.25), 0.25)
        self.assertAlmostEqual(gaps.wait_at(one, HZ, 50e-6, 0.01), 0.49, places=6)

    def test_without_gaps_nothing_waits(self):
        found = gaps.figures(report(), HZ, 50e-6)
        self.assertEqual((found["away"], found["wait99"], found["longest"]), (0, 0, 0))

    def test_curve_falls_and_is_the_mean_of_the_windows(self):
        curve = gaps.waiting_curve([report((1, 0.5 * HZ)), report()], HZ, 50e-6)
        self.assertAlmostEqual(curve[0][1], 0.25, places=3)
        self.assertEqual(sorted(curve, key=lambda point: -point[1]), curve)
        self.assertEqual(curve[-1][1], 0)


class Clock(unittest.TestCase):
    def test_frequency_is_of_two_moments(self):
        self.assertEqual(gaps.measured_hz((100, 1.0), (2100, 2.0)), 2000)
        with self.assertRaises(ValueError):
            gaps.measured_hz((100, 1.0), (100, 2.0))

    def test_floor_lies_above_the_loop_itself(self):
        self.assertEqual(gaps.floor_of(report(), HZ), 50e-6)
        self.assertAlmostEqual(gaps.floor_of(report(iterations=10_000), HZ), 400e-6)
