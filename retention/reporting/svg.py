"""Lines, areas and axes as inline SVG: text that reads aloud and scales, styled by the page.

Own SVG rather than matplotlib's: that draws letters as shapes and styles every element in place,
which the page's policy forbids. What is put into `Markup.format` is escaped.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

Spot = tuple[float, float]
Label = tuple[float, str]
Say = Callable[[float], str]

_STEPS: Final = (1, 2, 5, 10)
NOTHING: Final = Markup("")


class Scale(NamedTuple):
    """From values low..high to places start..end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        width = (self.high - self.low) or 1.0
        return round(self.start + (value - self.low) / width * (self.end - self.start), 1) + 0.0


def ticks(low: float, high: float, most: int = 5, least: float = 0.0) -> list[float]:
    """Round values that reach from at or below low to at or above high, `least` or more apart."""
    raw = max((high - low) / most, least, 1e-9)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in _STEPS if step * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * n, 10) for n in range(first, max(last, first + 1) + 1)]


def joined(parts: Iterable[Markup]) -> Markup:
    return NOTHING.join(parts)


def svg(
    width: int, height: int, kind: str, title: str, said: str, parts: Iterable[Markup]
) -> Markup:
    """A picture with a name and a description for those who do not see it."""
    about = Markup("<title>{}</title>").format(title)
    if said:
        about += Markup("<desc>{}</desc>").format(said)
    return Markup(
        '<svg class="{}" role="img" viewBox="0 0 {} {}" width="{}" height="{}">{}{}</svg>'
    ).format(kind, width, height, width, height, about, joined(parts))


def decoration(width: int, height: int, kind: str, parts: Iterable[Markup]) -> Markup:
    """A picture of what the text beside it says."""
    return Markup(
        '<svg class="{}" aria-hidden="true" viewBox="0 0 {} {}" width="{}" height="{}">{}</svg>'
    ).format(kind, width, height, width, height, joined(parts))


def key(at: int) -> Markup:
    """The line of one group, for the key beside a picture."""
    return decoration(30, 10, "key", [rule((1, 5), (29, 5), f"group s{at}")])


def line(spots: Iterable[Spot | None], kind: str) -> Markup:
    """A line through the spots, broken at each None; a spot alone is a dot."""
    path, pen = [], "M"
    for spot in spots:
        path += [] if spot is None else [f"{pen}{_at(spot)}" + ("h0" if pen == "M" else "")]
        pen = "M" if spot is None else "L"
    return Markup('<path class="{}" d="{}"/>').format(kind, "".join(path)) if path else NOTHING


def area(upper: Sequence[Spot], lower: Sequence[Spot], kind: str) -> Markup:
    """What lies between two lines."""
    around = [*upper, *reversed(lower)]
    path = "M" + "L".join(map(_at, around)) + "Z"
    return Markup('<path class="{}" d="{}"/>').format(kind, path) if around else NOTHING


def steps(spots: Sequence[Spot]) -> list[Spot]:
    """The spots with corners: each height lasts until the next."""
    corners = [(after[0], before[1]) for before, after in pairwise(spots)]
    return [spot for pair in zip(spots, [*corners, spots[-1]], strict=True) for spot in pair]


def rule(start: Spot, end: Spot, kind: str) -> Markup:
    return Markup('<path class="{}" d="M{}L{}"/>').format(kind, _at(start), _at(end))


def dot(at: Spot, size: float, kind: str, title: str = "") -> Markup:
    words = Markup("<title>{}</title>").format(title) if title else NOTHING
    shape = Markup('<circle class="{}" cx="{}" cy="{}" r="{}">{}</circle>')
    return shape.format(kind, _short(at[0]), _short(at[1]), size, words)


def bar(start: Spot, end: Spot, kind: str) -> Markup:
    """A rectangle between two opposite corners."""
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(start, end, strict=True))
    sizes = map(_short, (left, top, right - left, bottom - top))
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(kind, *sizes)


def text(at: Spot, words: str, kind: str = "") -> Markup:
    """Words; kind may be start, middle or end, which says where `at` lies in them."""
    shape = Markup('<text class="{}" x="{}" y="{}">{}</text>')
    return shape.format(kind, _short(at[0]), _short(at[1]), words)


def grid(x: Scale, y: Scale, heights: Sequence[float], say: Say) -> Markup:
    """A faint line and a label at each height."""
    lines = (rule((x.start, y(at)), (x.end, y(at)), "grid") for at in heights)
    labels = (text((x.start - 6, y(at) + 4), say(at), "end") for at in heights)
    return joined([*lines, *labels])


def feet(x: Scale, bottom: float, labels: Sequence[Label]) -> Markup:
    """Labels under the picture; one that would leave it at the right ends with it."""
    outer = [x(at) + 4 * len(words) > x.end + 8 for at, words in labels]
    return joined(
        text((x.end if out else x(at), bottom + 17), words, "end" if out else "middle")
        for (at, words), out in zip(labels, outer, strict=True)
    )


def _at(spot: Spot) -> str:
    return f"{_short(spot[0])} {_short(spot[1])}"


def _short(value: float) -> str:
    return f"{round(value, 1) + 0.0:g}"
