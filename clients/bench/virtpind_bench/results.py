# SPDX-License-Identifier: LGPL-2.1-or-later
"""A finished measurement as a value: conditions with their windows, what is said of them, what was left out. Pure."""
import json
from dataclasses import dataclass, field

from .estimates import difference, estimate


@dataclass(frozen=True)
class Condition:
    name: str
    meaning: str


@dataclass
class Measurement:
    title: str  # what was measured, on what
    metrics: tuple
    conditions: list  # in the order of the table
    pairs: list  # of names: which conditions are compared, (before, after)
    windows: list = field(default_factory=list)  # {"round", "condition", metric: value or None}
    curves: dict = field(default_factory=dict)  # condition: [(seconds, share)]
    left_out: list = field(default_factory=list)  # (condition, why)
    notes: list = field(default_factory=list)  # what a reader must know of how it came about
    facts: dict = field(default_factory=dict)  # of host and run, for JSON

    def values(self, condition, metric):
        """By round; without those that were not measured."""
        return {window["round"]: window[metric] for window in self.windows
                if window["condition"] == condition and window.get(metric) is not None}

    def estimates(self, condition):
        """By metric, where there are values."""
        every = {metric.name: self.values(condition, metric.name) for metric in self.metrics}
        return {name: estimate(values.values()) for name, values in every.items() if values}

    def shown_metrics(self):
        return [metric for metric in self.metrics
                if any(self.values(condition.name, metric.name) for condition in self.conditions)]

    def comparisons(self):
        """[(before, after, metric, Difference)] of all pairs and metrics that were measured."""
        every = []
        for before, after in self.pairs:
            for metric in self.shown_metrics():
                first, second = self.values(before, metric.name), self.values(after, metric.name)
                if first.keys() & second.keys():
                    every.append((before, after, metric, difference(first, second)))
        return every


def as_object(found):
    return {"value": found.value, "low": found.low, "high": found.high}


def to_json(measurement):
    conditions = [{"name": condition.name, "meaning": condition.meaning,
                   "estimates": {name: as_object(found)
                                 for name, found in measurement.estimates(condition.name).items()},
                   "waiting": [list(point) for point in measurement.curves.get(condition.name, [])]}
                  for condition in measurement.conditions]
    comparisons = [{"before": before, "after": after, "metric": metric.name, **as_object(found.estimate),
                    "rounds": found.rounds, "shown": found.shown, "more-is-better": metric.more_is_better}
                   for before, after, metric, found in measurement.comparisons()]
    return json.dumps({"version": 1, "title": measurement.title, "facts": measurement.facts,
                       "metrics": {metric.name: {"unit": metric.unit, "meaning": metric.meaning}
                                   for metric in measurement.shown_metrics()},
                       "conditions": conditions, "comparisons": comparisons, "windows": measurement.windows,
                       "left-out": [{"condition": name, "why": why} for name, why in measurement.left_out],
                       "notes": measurement.notes}, indent=1) + "\n"
