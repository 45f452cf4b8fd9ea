# SPDX-License-Identifier: LGPL-2.1-or-later
"""A measurement as one picture, to be read without the text. Pure."""
import math
from xml.sax.saxutils import escape

from .estimates import estimate
from .table import number, verdict

WIDTH, HEIGHT, TOP, BOTTOM = 1040, 580, 96, 156
PLOT = HEIGHT - TOP - BOTTOM
# Told apart by people who do not see red or green, too; in the order of the conditions.
COLOURS = ("#6c757d", "#c0392b", "#7d3c98", "#1f618d", "#d68910", "#117a65", "#34495e", "#a04000")
GRID, INK, PALE = "#dfe3e6", "#212529", "#5c636a"


class Drawing:
    def __init__(self):
        self.parts = []

    def text(self, x, y, words, size=13, anchor="start", colour=INK, weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
                          f'font-weight="{weight}">{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, colour=GRID, width=1):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
                          f'stroke-width="{width}"/>')

    def curve(self, points, colour):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5" '
                          'stroke-linejoin="round"/>')

    def dot(self, x, y, colour):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}" fill-opacity="0.45"/>')

    def svg(self, title):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
                f'height="{HEIGHT}" font-family="DejaVu Sans, sans-serif" role="img"><title>{escape(title)}</title>'
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


def draw_curves(drawing, measurement, colours, left, width):
    """How often an arrival waits longer than x; both axes logarithmic."""
    low, high, rarest = 1e-4, 1.0, 1e-5

    def x_of(seconds):
        return left + width * math.log10(seconds / low) / math.log10(high / low)

    def y_of(share):
        return TOP + PLOT * math.log10(share) / math.log10(rarest)

    drawing.text(left, TOP - 34, "How often work in the guest is kept waiting", 14, weight="bold")
    drawing.text(left, TOP - 14, "share of arrivals, by how long they wait at least; lower and further left is better",
                 12, colour=PALE)
    for power, label in zip(range(-4, 1), ("0.1 ms", "1 ms", "10 ms", "100 ms", "1 s")):
        drawing.line(x_of(10 ** power), TOP, x_of(10 ** power), TOP + PLOT)
        drawing.text(x_of(10 ** power), TOP + PLOT + 20, label, 12, "middle", PALE)
    for power, label in zip(range(-5, 1), ("0.001 %", "0.01 %", "0.1 %", "1 %", "10 %", "100 %")):
        drawing.line(left, y_of(10 ** power), left + width, y_of(10 ** power))
        drawing.text(left - 8, y_of(10 ** power) + 4, label, 12, "end", PALE)
    drawn = []
    for name, points in measurement.curves.items():
        shown = [(x_of(x), y_of(share)) for x, share in points if share >= rarest]
        if len(shown) > 1:
            drawing.curve(shown, colours[name])
            drawn.append(name)
    x, y = left, TOP + PLOT + 44
    for name in measurement.curves:
        said = name + ("" if name in drawn else ": never")
        drawing.line(x, y - 4, x + 20, y - 4, colours[name], 3)
        drawing.text(x + 25, y, said, 13)
        x += 44 + 8 * len(said)


def nice_top(value):
    """A round number not below the value."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * power >= value)


def draw_dots(drawing, measurement, metric, colours, left, width):
    """A dot for each window, and the median with its interval."""
    values = {condition.name: list(measurement.values(condition.name, metric.name).values())
              for condition in measurement.conditions}
    top = nice_top(max((value for some in values.values() for value in some), default=0))

    def y_of(value):
        return TOP + PLOT - PLOT * min(value / top, 1)

    better = {True: "; higher is better", False: "; lower is better", None: ""}[metric.more_is_better]
    drawing.text(left, TOP - 34, metric.title[:1].upper() + metric.title[1:] + f", {metric.unit}", 14, weight="bold")
    drawing.text(left, TOP - 14, f"dots: windows; bar: median and 95 %{better}", 12, colour=PALE)
    for step in range(5):
        value = top * step / 4
        drawing.line(left, y_of(value), left + width, y_of(value))
        drawing.text(left - 8, y_of(value) + 4, f"{value:g}", 12, "end", PALE)
    slot = width / len(measurement.conditions)
    for index, condition in enumerate(measurement.conditions):
        middle = left + slot * (index + 0.5)
        for index_of_window, value in enumerate(values[condition.name]):
            drawing.dot(middle + (index_of_window % 5 - 2) * 4 - 12, y_of(value), colours[condition.name])
        if values[condition.name]:
            found = estimate(values[condition.name])
            drawing.line(middle + 12, y_of(found.low), middle + 12, y_of(found.high), INK, 2)
            drawing.line(middle + 4, y_of(found.value), middle + 20, y_of(found.value), INK, 3)
        draw_name(drawing, condition.name, middle, slot, colours[condition.name])


def draw_name(drawing, name, middle, slot, colour):
    """Below its dots, in as many lines as it has parts."""
    words = name.replace("+", " +").replace("-", "- ").split() if len(name) * 8.6 > slot else [name]
    for row, word in enumerate(words):
        size = 13 if len(word) * 8.6 < slot else 11
        drawing.text(middle, TOP + PLOT + 22 + 16 * row, word, size, "middle", colour, "bold")


def draw_verdicts(drawing, measurement, metric):
    """What may be said of the first metric; at most three comparisons."""
    rows = [row for row in measurement.comparisons() if row[2].name == metric.name]
    for row, (before, after, _, found) in enumerate(rows[:3]):
        said = (f"{number(found.estimate.value, metric.decimals, '+')} {metric.difference_unit} of {metric.title}, "
                f"{verdict(metric, found)}")
        drawing.text(24, TOP + PLOT + 72 + 18 * row, f"{after} against {before}: {said}", 13,
                     colour=INK if found.shown else PALE)


def to_svg(measurement, metrics):
    """Waiting curves, where there are some, and the first of the metrics; else the first two metrics."""
    drawing = Drawing()
    colours = {condition.name: COLOURS[index % len(COLOURS)] for index, condition in enumerate(measurement.conditions)}
    head, *rest = measurement.title.split("\n")
    drawing.text(24, 30, head, 17, weight="bold")
    for words in rest[:1]:
        drawing.text(24, HEIGHT - 14, words, 11, colour=PALE)
    draw_verdicts(drawing, measurement, metrics[0])
    if measurement.curves:
        draw_curves(drawing, measurement, colours, 86, 500)
        draw_dots(drawing, measurement, metrics[0], colours, 660, 360)
    else:
        draw_dots(drawing, measurement, metrics[0], colours, 70, 430)
        draw_dots(drawing, measurement, metrics[1], colours, 580, 430)
    return drawing.svg(head)
