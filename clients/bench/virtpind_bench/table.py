# SPDX-License-Identifier: LGPL-2.1-or-later
"""A measurement as text. Pure."""


def number(value, decimals, sign=""):
    text = f"{value:{sign}.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def cell(found, metric):
    low, high = number(found.low, metric.decimals), number(found.high, metric.decimals)
    return f"{number(found.value, metric.decimals)} [{low}, {high}]"


def aligned(rows):
    """Columns of equal width: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) if not column else text.rjust(width)
                        for column, (text, width) in enumerate(zip(row, widths))).rstrip()


def condition_rows(measurement):
    metrics = measurement.shown_metrics()
    yield ["", *(f"{metric.title} {metric.unit}" for metric in metrics)]
    for condition in measurement.conditions:
        found = measurement.estimates(condition.name)
        yield [condition.name, *(cell(found[metric.name], metric) if metric.name in found else "-"
                                 for metric in metrics)]


def verdict(metric, found):
    if not found.shown:
        return "could not be shown"
    if metric.more_is_better is None:
        return "differs"
    return "better" if (found.estimate.value > 0) == metric.more_is_better else "worse"


def comparison_rows(measurement):
    for before, after, metric, found in measurement.comparisons():
        low, high = (number(value, metric.decimals, "+") for value in (found.estimate.low, found.estimate.high))
        yield [f"{before} -> {after}", f"{metric.title}",
               f"{number(found.estimate.value, metric.decimals, '+')} [{low}, {high}] {metric.difference_unit}",
               verdict(metric, found)]


def to_text(measurement):
    lines = [measurement.title, "", "Median of the windows [95 % interval of the median, bootstrap]:", ""]
    lines += aligned(list(condition_rows(measurement)))
    comparisons = list(comparison_rows(measurement))
    if comparisons:
        lines += ["", "Differences within rounds, median [99 % interval]:", "", *aligned(comparisons)]
    lines += ["", *(f"{condition.name}: {condition.meaning}." for condition in measurement.conditions)]
    lines += [f"{metric.title}: {metric.meaning}." for metric in measurement.shown_metrics()]
    lines += [f"Left out: {name}: {why}" for name, why in measurement.left_out]
    return "\n".join(lines + [f"Note: {note}" for note in measurement.notes]) + "\n"
