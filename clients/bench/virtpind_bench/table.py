# SPDX-License-Identifier: LGPL-2.1-or-later
"""A measurement as text. Pure."""
import textwrap

WIDTH_MAX = 100  # columns


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


def condition_columns(measurement):
    """A column for each condition, behind one with the names of the figures."""
    metrics = measurement.shown_metrics()
    yield ["", *(f"{metric.title}, {metric.unit}" for metric in metrics)]
    for condition in measurement.conditions:
        found = measurement.estimates(condition.name)
        yield [condition.name, *(cell(found[metric.name], metric) if metric.name in found else "-"
                                 for metric in metrics)]


def blocks(columns, width_max=WIDTH_MAX):
    """Tables one below the other, each of the first column and as many others as fit."""
    head, *rest = columns
    while rest:
        taken, width = [head], max(map(len, head))
        while rest and (len(taken) == 1 or width + 2 + max(map(len, rest[0])) <= width_max):
            width += 2 + max(map(len, rest[0]))
            taken.append(rest.pop(0))
        yield from aligned([list(row) for row in zip(*taken)])
        if rest:
            yield ""


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
    head, *rest = measurement.title.split("\n")
    lines = [head, *(textwrap.fill(line, WIDTH_MAX) for line in rest), "",
             "Median of the windows [95 % interval of the median, bootstrap]:", ""]
    lines += blocks(list(condition_columns(measurement)))
    comparisons = list(comparison_rows(measurement))
    if comparisons:
        lines += ["", "Differences within rounds, median [99 % interval]:", "", *aligned(comparisons)]
    said = [f"{condition.name}: {condition.meaning}." for condition in measurement.conditions]
    said += [f"{metric.title}: {metric.meaning}." for metric in measurement.shown_metrics()]
    said += [f"Left out: {name}: {why}" for name, why in measurement.left_out]
    said += [f"Note: {note}" for note in measurement.notes]
    lines += ["", *(textwrap.fill(line, WIDTH_MAX, subsequent_indent="    ") for line in said)]
    return "\n".join(lines) + "\n"
