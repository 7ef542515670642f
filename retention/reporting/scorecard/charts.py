"""Pictures of when and why customers leave and of what they are worth, each also in words."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from markupsafe import Markup

from retention.reporting import svg as drawing
from retention.reporting.scorecard.wording import cut, months, number, plain, signed, stretch
from retention.reporting.svg import Scale, area, bar, dot, feet, grid, line, rule, steps, svg, text
from retention.scorecard.report_data import Cause, Curve, Figure, Hazard, Step, Worth

MOST_GROUPS: Final = 6  # curves in one picture, each with its own colour and dashes
MOST_CAUSES: Final = 10
_MOST_STEPS: Final = 120  # of one curve
_WIDE: Final = 460


def survival(curves: Sequence[Curve]) -> Markup:
    """How many are still customers, by days since the first purchase."""
    drawn = [(at, curve) for at, curve in enumerate(curves[:MOST_GROUPS]) if curve.points]
    if not drawn:
        return drawing.NOTHING
    least = min(step.low for _, curve in drawn for step in curve.points)
    longest = max(curve.points[-1].day for _, curve in drawn)
    y = Scale(0.0 if least < 0.5 else int(least * 10) / 10, 1.0, 220, 12)
    x = Scale(0, max(longest, 1), 58, _WIDE - 12)
    say = partial(number, unit="share", currency="")
    parts = [grid(x, y, drawing.ticks(y.low, y.high, 5, 0.1), lambda at: f"{at:.0%}")]
    parts += [_likely(curve, x, y, at) for at, curve in drawn]
    for at, curve in drawn:
        spots = [(x(step.day), y(step.share)) for step in _thin(curve.points)]
        parts.append(line(steps(spots), f"group s{at}"))
    ends = drawing.ticks(0, longest)
    parts.append(feet(x, 222, [(at, plain(at, 0)) for at in ends if at <= longest]))
    parts.append(_under(x, "days as a customer"))
    told = "; ".join(
        f"{cut(curve.group, 40)} {say(curve.points[-1].share)} after {curve.points[-1].day} days"
        for _, curve in drawn
    )
    return svg(_WIDE, 264, "chart", "Still customers", f"{told}.", parts)


def _thin(points: Sequence[Step]) -> list[Step]:
    every = -(-len(points) // _MOST_STEPS)
    return [*points[:-1:every], points[-1]]


def _likely(curve: Curve, x: Scale, y: Scale, at: int) -> Markup:
    thin = _thin(curve.points)
    upper = steps([(x(step.day), y(step.high)) for step in thin])
    return area(upper, steps([(x(step.day), y(step.low)) for step in thin]), f"likely s{at}")


def hazard(hazards: Sequence[Hazard], groups: Sequence[str]) -> Markup:
    """The share that leaves in a month, by stretch of days; `groups` gives each its colour."""
    known = [h for h in hazards if h.per_month is not None and h.group in groups[:MOST_GROUPS]]
    if not known:
        return drawing.NOTHING
    bands = sorted({(h.from_day, h.to_day) for h in known}, key=lambda band: band[0])
    shown = [group for group in groups[:MOST_GROUPS] if any(h.group == group for h in known)]
    ends = drawing.ticks(0, _highest(known), 4, 0.01)
    x, y = Scale(0, len(bands), 58, _WIDE - 12), Scale(0, ends[-1], 220, 12)
    parts = [grid(x, y, ends, lambda at: f"{at:.0%}")]
    for one in known:
        place = 0.1 + 0.8 * (shown.index(one.group) + 0.5) / len(shown)
        at = x(bands.index((one.from_day, one.to_day)) + place)
        parts.append(_range(at, one, y, list(groups).index(one.group)))
    every = -(-len(bands) // 8)
    days = [(at + 0.5, str(bands[at][0])) for at in range(0, len(bands), every)]
    parts += [feet(x, 222, days), _under(x, "from this day as a customer")]
    return svg(_WIDE, 264, "chart", "Leaving in a month", _steepest(known), parts)


def _highest(known: Sequence[Hazard]) -> float:
    """The top of the picture: an interval of few customers may reach beyond it."""
    rates = max(h.per_month or 0.0 for h in known)
    ends = max(h.per_month or 0.0 if h.high is None else h.high for h in known)
    return min(ends, 3 * rates) or ends


def _steepest(known: Sequence[Hazard]) -> str:
    worst = max(known, key=lambda h: h.per_month or 0.0)
    rate = number(worst.per_month, "share", "")
    days = stretch(worst.from_day, worst.to_day)
    return f"Highest: {cut(worst.group, 40)}, {days}, {rate} a month."


def _range(at: float, one: Hazard, y: Scale, group: int) -> Markup:
    value = one.per_month or 0.0
    rate, days = number(value, "share", ""), stretch(one.from_day, one.to_day)
    words = f"{cut(one.group, 40)}, {days}: {rate} a month"
    low, high = (value if end is None else min(end, y.high) for end in (one.low, one.high))
    spread = rule((at, y(low)), (at, y(high)), f"range s{group}")
    return spread + dot((at, y(value)), 3.5, f"dot s{group}", words)


def _under(x: Scale, words: str, at: float = 257) -> Markup:
    return text(((x.start + x.end) / 2, at), words, "middle quiet")


def causes(rows: Sequence[Cause]) -> Markup:
    """Losses above or below those expected, by cause: a bar, and a line for its interval."""
    drawn = rows[:MOST_CAUSES]
    ends = [end for c in drawn for end in (c.excess, c.low, c.high) if end is not None]
    if not ends:
        return drawing.NOTHING
    x = Scale(min(0.0, *ends), max(0.0, *ends), 2, _WIDE - 2)
    height = 46 * len(drawn) + 4
    parts = [rule((x(0), 0), (x(0), height), "zero")]
    for at, cause in enumerate(drawn):
        parts += _cause(cause, x, 46 * at)
    told = "; ".join(f"{cut(cause.title, 40)} {_excess(cause)}" for cause in drawn)
    title = "Customers lost beyond those expected, by cause"
    return svg(_WIDE, height, "chart", title, f"{told}.", parts)


def _cause(cause: Cause, x: Scale, top: int) -> list[Markup]:
    clear = cause.low is not None and cause.low > 0
    kind = "excess clear" if clear else "excess"
    parts = [
        text((0, top + 15), cut(cause.title, 38), "start behind"),
        text((_WIDE, top + 15), _excess(cause), "end behind strong" if clear else "end behind"),
        bar((x(0), top + 22), (x(cause.excess), top + 36), kind),
    ]
    if cause.low is not None and cause.high is not None:
        parts.append(rule((x(cause.low), top + 29), (x(cause.high), top + 29), "whisker"))
    return parts


def _excess(cause: Cause) -> str:
    if cause.low is None or cause.high is None:
        return signed(cause.excess)
    return f"{signed(cause.excess)} ({signed(cause.low)} to {signed(cause.high)})"


def payback(one: Worth, all_of_them: Sequence[Worth], currency: str) -> Markup:
    """What a customer has brought by each month against its cost; all channels on one scale."""
    if not one.curve:
        return drawing.NOTHING
    values = [value for other in all_of_them for _, value in other.curve]
    values += [other.cost for other in all_of_them if other.cost is not None]
    last = max(month for other in all_of_them for month, _ in other.curve)
    heights = drawing.ticks(min(0.0, *values), max(values), 3)
    x, y = Scale(0, max(last, 1), 58, 290), Scale(heights[0], heights[-1], 140, 10)
    say = partial(number, unit="money", currency=currency)
    parts = [grid(x, y, heights, lambda at: number(at, "money", currency).removesuffix(".00"))]
    if one.low is not None and one.high is not None:
        parts.append(bar((x(one.low), y.end), (x(min(one.high, last)), y.start), "likely"))
    if one.cost is not None:
        parts.append(rule((x.start, y(one.cost)), (x.end, y(one.cost)), "target"))
    parts.append(line([(x(month), y(value)) for month, value in one.curve], "value"))
    if one.break_even_month is not None and one.cost is not None:
        parts.append(dot((x(one.break_even_month), y(one.cost)), 4.5, "even"))
    parts.append(feet(x, 143, [(at, plain(at, 0)) for at in drawing.ticks(0, last, 4, 1.0)[:-1]]))
    parts.append(_under(x, "months since won", 177))
    return svg(
        300, 184, "chart small", f"Payback of {cut(one.channel)}", even_words(one, say), parts
    )


def even_words(one: Worth, say: drawing.Say) -> str:
    """When the cost is earned back, in a sentence."""
    if one.cost is None:
        return "What winning a customer costs is not known."
    if one.break_even_month is None:
        return f"The cost of {say(one.cost)} is not yet earned back."
    likely = ""
    if one.low is not None and one.high is not None:
        likely = f" (likely {plain(one.low, 0)} to {plain(one.high, 0)})"
    return f"The cost of {say(one.cost)} is earned back in {months(one.break_even_month)}{likely}."


def interval_bar(figure: Figure, rows: Sequence[Figure]) -> Markup:
    """A value and its interval on the scale of all rows of its table; the cell beside has both."""
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    if figure.value is None:
        return drawing.NOTHING
    x = Scale(min(ends), max(ends), 5, 115)
    spot = dot((x(figure.value), 6), 3.5, "dot")
    if figure.low is None or figure.high is None:
        return drawing.decoration(120, 12, "interval", [spot])
    return drawing.decoration(
        120, 12, "interval", [rule((x(figure.low), 6), (x(figure.high), 6), "range"), spot]
    )
