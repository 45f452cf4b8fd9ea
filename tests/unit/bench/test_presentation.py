# SPDX-License-Identifier: LGPL-2.1-or-later
"""Table, JSON and picture of measurements."""
import json
import unittest
import xml.etree.ElementTree as ElementTree

from virtpind_bench.chart import nice_top, to_svg
from virtpind_bench.metrics import Metric
from virtpind_bench.results import Condition, Measurement, to_json
from virtpind_bench.table import blocks, number, to_text

WORK = Metric("work", "work done", "%", "how much", True, 1)
MOVES = Metric("moves", "moves", "/s", "how often", False, 1)
SVG = "{http://www.w3.org/2000/svg}"


def measurement(curves=True, pinned=lambda number: 90.0 + number):
    windows = []
    for number_ in range(8):
        windows.append({"round": number_, "condition": "unpinned", "work": 50.0 + number_, "moves": 5.0 + number_ % 3})
        windows.append({"round": number_, "condition": "pinned & <kept>", "work": pinned(number_), "moves": None})
    made = Measurement("virtpind-bench: a title\nwhat it ran on", (WORK, MOVES),
                       [Condition("unpinned", "as it is"), Condition("pinned & <kept>", "with pins")],
                       [("unpinned", "pinned & <kept>")], windows, left_out=[("isolated", "no kernel for it")],
                       notes=["the host was busy"], facts={"cpus": 2})
    if curves:
        made.curves = {condition.name: [(1e-4, 0.5), (1e-3, 0.1), (1e-2, 0.0)] for condition in made.conditions}
    return made


class Table(unittest.TestCase):
    def test_table_has_medians_intervals_and_what_was_left_out(self):
        text = to_text(measurement())
        self.assertRegex(text, r"\n +unpinned +pinned & <kept>\n")
        self.assertRegex(text, r"\nwork done, % +53\.5 \[\d\d\.\d, \d\d\.\d\] +93\.5 \[[^]]*\]\n")
        self.assertRegex(text, r"\nmoves, /s +6\.0 \[[^]]*\] +-\n", "what was not measured is a dash")
        self.assertIn("Left out: isolated: no kernel for it", text)
        self.assertIn("Note: the host was busy", text)

    def test_difference_is_better_by_the_metrics_own_direction(self):
        self.assertRegex(to_text(measurement()), r"-> pinned .*\+40\.0 \[\+40\.0, \+40\.0\] points +better")
        worse = to_text(measurement(pinned=lambda number: 10.0 + number))
        self.assertRegex(worse, r"-40\.0 .* points +worse")

    def test_interval_with_no_difference_in_it_is_said_to_show_nothing(self):
        text = to_text(measurement(pinned=lambda number: 50.0 + number + (-2, 2)[number % 2]))
        self.assertRegex(text, r"-> pinned .* could not be shown")
        self.assertNotRegex(text, "better\n|worse\n")

    def test_columns_that_do_not_fit_come_below(self):
        columns = [["", "speed"], *([f"condition {number_}", "1.00 [0.50, 1.50]"] for number_ in range(5))]
        lines = list(blocks(columns, 60))
        self.assertTrue(all(len(line) <= 60 for line in lines))
        self.assertEqual([line[:5] for line in lines], ["     ", "speed", "", "     ", "speed", "", "     ", "speed"])
        self.assertEqual("".join(lines).count("condition"), 5)

    def test_nothing_is_minus_nothing(self):
        self.assertEqual([number(-0.001, 2), number(0.0, 1), number(-1.5, 1)], ["0.00", "0.0", "-1.5"])


class Json(unittest.TestCase):
    def test_everything_is_in_it(self):
        read = json.loads(to_json(measurement()))
        self.assertEqual(read["version"], 1)
        self.assertEqual([condition["name"] for condition in read["conditions"]], ["unpinned", "pinned & <kept>"])
        self.assertEqual(len(read["windows"]), 16)
        (compared,) = read["comparisons"]
        self.assertEqual((compared["metric"], compared["value"], compared["shown"], compared["rounds"]),
                         ("work", 40.0, True, 8))
        self.assertNotIn("moves", read["conditions"][1]["estimates"])
        self.assertEqual(read["left-out"], [{"condition": "isolated", "why": "no kernel for it"}])


class Picture(unittest.TestCase):
    def drawn(self, made):
        return ElementTree.fromstring(to_svg(made, made.metrics))

    def texts(self, root):
        return [element.text for element in root.iter(SVG + "text")]

    def test_picture_has_a_curve_for_each_condition_and_a_dot_for_each_window(self):
        root = self.drawn(measurement())
        self.assertEqual(len(list(root.iter(SVG + "polyline"))), 2)
        self.assertEqual(len(list(root.iter(SVG + "circle"))), 16)
        for said in ("unpinned", "virtpind-bench: a title", "what it ran on", "100 ms"):
            self.assertIn(said, self.texts(root))

    def test_picture_says_what_may_be_said(self):
        self.assertIn("pinned & <kept> against unpinned: +40.0 points of work done, better",
                      self.texts(self.drawn(measurement())))
        noise = measurement(pinned=lambda number: 50.0 + number + (-2, 2)[number % 2])
        self.assertTrue(any("could not be shown" in text for text in self.texts(self.drawn(noise))))

    def test_without_curves_there_are_two_kinds_of_dots(self):
        root = self.drawn(measurement(curves=False))
        self.assertEqual(len(list(root.iter(SVG + "polyline"))), 0)
        self.assertEqual(len(list(root.iter(SVG + "circle"))), 24)

    def test_condition_that_never_waits_says_so(self):
        made = measurement()
        made.curves["unpinned"] = [(1e-4, 0.0), (1.0, 0.0)]
        self.assertIn("unpinned: never", self.texts(self.drawn(made)))

    def test_everything_lies_within_the_picture(self):
        root = self.drawn(measurement())
        for element in root.iter():
            for name, most in (("x", 1040), ("cx", 1040), ("x1", 1040), ("x2", 1040), ("y", 580), ("cy", 580)):
                if element.get(name):
                    self.assertTrue(0 <= float(element.get(name)) <= most, ElementTree.tostring(element))

    def test_axes_end_at_round_numbers(self):
        for value, top in ((0, 1), (0.13, 0.16), (2.2, 2.4), (99, 100), (100, 100), (101, 120)):
            self.assertAlmostEqual(nice_top(value), top)
