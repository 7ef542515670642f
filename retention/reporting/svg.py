"""Charts as inline SVG: lines, areas, bars, ticks and axes, styled by the style sheet of the page.

matplotlib is no alternative: its SVG draws letters as shapes, which no screen reader can read, and
has inline styles, which the Content-Security-Policy of the pages forbids. Values that are put into
`Markup.format` are escaped.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

Point = tuple[float, float]
Label = tuple[float, str]  # a value of the axis and its text
Format = Callable[[float], str]

_STEPS: Final = (1, 2, 5, 10)
NOTHING: Final = Markup("")


class Scale(NamedTuple):
    """A linear scale from values low..high to coordinates start..end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        width = (self.high - self.low) or 1.0
        return round(self.start + (value - self.low) / width * (self.end - self.start), 1) + 0.0


def ticks(low: float, high: float, max_ticks: int = 5, min_step: float = 0.0) -> list[float]:
    """Round tick values that cover low..high, at least min_step apart; about max_ticks of them."""
    raw = max((high - low) / max_ticks, min_step, 1e-9)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in _STEPS if step * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * n, 10) for n in range(first, max(last, first + 1) + 1)]


def join(parts: Iterable[Markup]) -> Markup:
    """The parts in one."""
    return NOTHING.join(parts)


def figure(
    width: int, height: int, css_class: str, title: str, description: str, parts: Iterable[Markup]
) -> Markup:
    """A chart with a title and a description for screen readers."""
    about = Markup("<title>{}</title>").format(title)
    if description:
        about += Markup("<desc>{}</desc>").format(description)
    return Markup(
        '<svg class="{}" role="img" viewBox="0 0 {} {}" width="{}" height="{}">{}{}</svg>'
    ).format(css_class, width, height, width, height, about, join(parts))


def decoration(width: int, height: int, css_class: str, parts: Iterable[Markup]) -> Markup:
    """A chart that screen readers skip, for the text beside it says the same."""
    return Markup(
        '<svg class="{}" aria-hidden="true" viewBox="0 0 {} {}" width="{}" height="{}">{}</svg>'
    ).format(css_class, width, height, width, height, join(parts))


def legend_line(group: int) -> Markup:
    """The line of one group in the legend of a chart."""
    return decoration(30, 10, "key", [segment((1, 5), (29, 5), f"group s{group}")])


def line(points: Iterable[Point | None], css_class: str) -> Markup:
    """A line through points, with a gap at each None; a point alone is a dot."""
    path, command = [], "M"
    for point in points:
        if point is None:
            command = "M"
            continue
        # a segment of length 0 lets a point alone show as a dot, with round line ends
        path.append(f"{command}{_coordinates(point)}" + ("h0" if command == "M" else ""))
        command = "L"
    return Markup('<path class="{}" d="{}"/>').format(css_class, "".join(path)) if path else NOTHING


def area(upper: Sequence[Point], lower: Sequence[Point], css_class: str) -> Markup:
    """The area between two lines."""
    around = [*upper, *reversed(lower)]
    path = "M" + "L".join(map(_coordinates, around)) + "Z"
    return Markup('<path class="{}" d="{}"/>').format(css_class, path) if around else NOTHING


def step_path(points: Sequence[Point]) -> list[Point]:
    """Points of a step function: each y holds until the next point."""
    corners = [(after[0], before[1]) for before, after in pairwise(points)]
    return [point for pair in zip(points, [*corners, points[-1]], strict=True) for point in pair]


def segment(start: Point, end: Point, css_class: str) -> Markup:
    """A straight line between two points."""
    return Markup('<path class="{}" d="M{}L{}"/>').format(
        css_class, _coordinates(start), _coordinates(end)
    )


def dot(center: Point, size: float, css_class: str, title: str = "") -> Markup:
    """A circle, with a tooltip if it has a title."""
    words = Markup("<title>{}</title>").format(title) if title else NOTHING
    shape = Markup('<circle class="{}" cx="{}" cy="{}" r="{}">{}</circle>')
    return shape.format(css_class, _rounded(center[0]), _rounded(center[1]), size, words)


def bar(start: Point, end: Point, css_class: str) -> Markup:
    """A rectangle given by two opposite corners."""
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(start, end, strict=True))
    sizes = map(_rounded, (left, top, right - left, bottom - top))
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        css_class, *sizes
    )


def text(anchor: Point, words: str, css_class: str = "") -> Markup:
    """Text; the css_class start, middle or end says which part of it lies at the anchor."""
    shape = Markup('<text class="{}" x="{}" y="{}">{}</text>')
    return shape.format(css_class, _rounded(anchor[0]), _rounded(anchor[1]), words)


def grid(x: Scale, y: Scale, y_values: Sequence[float], format_value: Format) -> Markup:
    """Horizontal grid lines with their labels."""
    lines = (segment((x.start, y(y_value)), (x.end, y(y_value)), "grid") for y_value in y_values)
    labels = (
        text((x.start - 6, y(y_value) + 4), format_value(y_value), "end") for y_value in y_values
    )
    return join([*lines, *labels])


def x_axis(x: Scale, bottom: float, labels: Sequence[Label]) -> Markup:
    """Labels below a chart; one that would leave it at the right is aligned with its end."""
    outer = [x(x_value) + 4 * len(words) > x.end + 8 for x_value, words in labels]
    return join(
        text((x.end if out else x(x_value), bottom + 17), words, "end" if out else "middle")
        for (x_value, words), out in zip(labels, outer, strict=True)
    )


def _coordinates(point: Point) -> str:
    return f"{_rounded(point[0])} {_rounded(point[1])}"


def _rounded(value: float) -> str:
    return f"{round(value, 1) + 0.0:g}"
