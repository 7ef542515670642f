"""Pictures of when and why customers leave and of what they are worth, each also in words."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from markupsafe import Markup

from retention.reporting import svg
from retention.reporting.scorecard.wording import cut, months, number, plain, signed, stretch
from retention.reporting.svg import Scale, area, bar, dot, x_axis, grid, line, segment, step_path, figure, text
from retention.scorecard.report_data import (
    CauseReport,
    ChannelLtv,
    Figure,
    Hazard,
    SurvivalCurve,
    SurvivalPoint,
)

MOST_GROUPS: Final = 6  # curves in one picture, each with its own colour and dashes
MOST_CAUSES: Final = 10
_MOST_STEPS: Final = 120  # of one curve
_WIDE: Final = 460


def survival(curves: Sequence[SurvivalCurve]) -> Markup:
    """How many are still customers, by days since the first purchase."""
    shown = [(i, curve) for i, curve in enumerate(curves[:MOST_GROUPS]) if curve.points]
    if not shown:
        return svg.NOTHING
    lowest = min(step.low for _, curve in shown for step in curve.points)
    longest = max(curve.points[-1].day for _, curve in shown)
    y = Scale(0.0 if lowest < 0.5 else int(lowest * 10) / 10, 1.0, 220, 12)
    x = Scale(0, max(longest, 1), 58, _WIDE - 12)
    say = partial(number, unit="share", currency="")
    parts = [grid(x, y, svg.ticks(y.low, y.high, 5, 0.1), lambda i: f"{i:.0%}")]
    parts += [_interval_area(curve, x, y, i) for i, curve in shown]
    for i, curve in shown:
        spots = [(x(step.day), y(step.survival)) for step in _thin_out(curve.points)]
        parts.append(line(step_path(spots), f"group s{i}"))
    ends = svg.ticks(0, longest)
    parts.append(x_axis(x, 222, [(i, plain(i, 0)) for i in ends if i <= longest]))
    parts.append(_axis_title(x, "days as a customer"))
    description = "; ".join(
        f"{cut(curve.group, 40)} {say(curve.points[-1].survival)} after {curve.points[-1].day} days"
        for _, curve in shown
    )
    return figure(_WIDE, 264, "chart", "Still customers", f"{description}.", parts)


def _thin_out(points: Sequence[SurvivalPoint]) -> list[SurvivalPoint]:
    every = -(-len(points) // _MOST_STEPS)
    return [*points[:-1:every], points[-1]]


def _interval_area(curve: SurvivalCurve, x: Scale, y: Scale, color: int) -> Markup:
    thin = _thin_out(curve.points)
    upper = step_path([(x(step.day), y(step.high)) for step in thin])
    return area(upper, step_path([(x(step.day), y(step.low)) for step in thin]), f"likely s{color}")


def hazard(hazards: Sequence[Hazard], groups: Sequence[str]) -> Markup:
    """The share that leaves in a month, by stretch of days; `groups` gives each its colour."""
    hazards_shown = [
        h for h in hazards if h.per_month is not None and h.group in groups[:MOST_GROUPS]
    ]
    if not hazards_shown:
        return svg.NOTHING
    bands = sorted({(h.from_day, h.to_day) for h in hazards_shown}, key=lambda band: band[0])
    shown = [
        group for group in groups[:MOST_GROUPS] if any(h.group == group for h in hazards_shown)
    ]
    ends = svg.ticks(0, _top_rate(hazards_shown), 4, 0.01)
    x, y = Scale(0, len(bands), 58, _WIDE - 12), Scale(0, ends[-1], 220, 12)
    parts = [grid(x, y, ends, lambda position: f"{position:.0%}")]
    for hazard_rate in hazards_shown:
        place = 0.1 + 0.8 * (shown.index(hazard_rate.group) + 0.5) / len(shown)
        position = x(bands.index((hazard_rate.from_day, hazard_rate.to_day)) + place)
        parts.append(_hazard_mark(position, hazard_rate, y, list(groups).index(hazard_rate.group)))
    every = -(-len(bands) // 8)
    days = [(position + 0.5, str(bands[position][0])) for position in range(0, len(bands), every)]
    parts += [x_axis(x, 222, days), _axis_title(x, "from this day as a customer")]
    return figure(_WIDE, 264, "chart", "Leaving in a month", _steepest_words(hazards_shown), parts)


def _top_rate(hazards: Sequence[Hazard]) -> float:
    """The top of the picture: an interval of few customers may reach beyond it."""
    rates = max(h.per_month or 0.0 for h in hazards)
    ends = max(h.per_month or 0.0 if h.high is None else h.high for h in hazards)
    return min(ends, 3 * rates) or ends


def _steepest_words(hazards: Sequence[Hazard]) -> str:
    steepest = max(hazards, key=lambda h: h.per_month or 0.0)
    rate = number(steepest.per_month, "share", "")
    days = stretch(steepest.from_day, steepest.to_day)
    return f"Highest: {cut(steepest.group, 40)}, {days}, {rate} a month."


def _hazard_mark(position: float, hazard_rate: Hazard, y: Scale, group: int) -> Markup:
    value = hazard_rate.per_month or 0.0
    rate, days = number(value, "share", ""), stretch(hazard_rate.from_day, hazard_rate.to_day)
    words = f"{cut(hazard_rate.group, 40)}, {days}: {rate} a month"
    low, high = (
        value if end is None else min(end, y.high) for end in (hazard_rate.low, hazard_rate.high)
    )
    spread = segment((position, y(low)), (position, y(high)), f"range s{group}")
    return spread + dot((position, y(value)), 3.5, f"dot s{group}", words)


def _axis_title(x: Scale, words: str, y: float = 257) -> Markup:
    return text(((x.start + x.end) / 2, y), words, "middle quiet")


def causes(rows: Sequence[CauseReport]) -> Markup:
    """Losses above or below those expected, by cause: a bar, and a line for its interval."""
    shown = rows[:MOST_CAUSES]
    ends = [end for c in shown for end in (c.excess, c.low, c.high) if end is not None]
    if not ends:
        return svg.NOTHING
    x = Scale(min(0.0, *ends), max(0.0, *ends), 2, _WIDE - 2)
    height = 46 * len(shown) + 4
    parts = [segment((x(0), 0), (x(0), height), "zero")]
    for i, cause in enumerate(shown):
        parts += _cause_bar(cause, x, 46 * i)
    description = "; ".join(f"{cut(cause.title, 40)} {_excess_words(cause)}" for cause in shown)
    title = "Customers lost beyond those expected, by cause"
    return figure(_WIDE, height, "chart", title, f"{description}.", parts)


def _cause_bar(cause: CauseReport, x: Scale, top: int) -> list[Markup]:
    clear = cause.low is not None and cause.low > 0
    kind = "excess clear" if clear else "excess"
    parts = [
        text((0, top + 15), cut(cause.title, 38), "start behind"),
        text(
            (_WIDE, top + 15), _excess_words(cause), "end behind strong" if clear else "end behind"
        ),
        bar((x(0), top + 22), (x(cause.excess), top + 36), kind),
    ]
    if cause.low is not None and cause.high is not None:
        parts.append(segment((x(cause.low), top + 29), (x(cause.high), top + 29), "whisker"))
    return parts


def _excess_words(cause: CauseReport) -> str:
    if cause.low is None or cause.high is None:
        return signed(cause.excess)
    return f"{signed(cause.excess)} ({signed(cause.low)} to {signed(cause.high)})"


def payback(channel: ChannelLtv, channels: Sequence[ChannelLtv], currency: str) -> Markup:
    """What a customer has brought by each month against its cost; all channels on one scale."""
    if not channel.curve:
        return svg.NOTHING
    values = [value for other in channels for _, value in other.curve]
    values += [other.cost for other in channels if other.cost is not None]
    last = max(month for other in channels for month, _ in other.curve)
    heights = svg.ticks(min(0.0, *values), max(values), 3)
    x, y = Scale(0, max(last, 1), 58, 290), Scale(heights[0], heights[-1], 140, 10)
    say = partial(number, unit="money", currency=currency)
    parts = [
        grid(x, y, heights, lambda value: number(value, "money", currency).removesuffix(".00"))
    ]
    if channel.low is not None and channel.high is not None:
        parts.append(bar((x(channel.low), y.end), (x(min(channel.high, last)), y.start), "likely"))
    if channel.cost is not None:
        parts.append(segment((x.start, y(channel.cost)), (x.end, y(channel.cost)), "target"))
    parts.append(line([(x(month), y(value)) for month, value in channel.curve], "value"))
    if channel.break_even_month is not None and channel.cost is not None:
        parts.append(dot((x(channel.break_even_month), y(channel.cost)), 4.5, "even"))
    parts.append(
        x_axis(x, 143, [(value, plain(value, 0)) for value in svg.ticks(0, last, 4, 1.0)[:-1]])
    )
    parts.append(_axis_title(x, "months since won", 177))
    return figure(
        300,
        184,
        "chart small",
        f"Payback of {cut(channel.channel)}",
        payback_sentence(channel, say),
        parts,
    )


def payback_sentence(channel: ChannelLtv, say: svg.Format) -> str:
    """When the cost is earned back, in a sentence."""
    if channel.cost is None:
        return "What winning a customer costs is not known."
    if channel.break_even_month is None:
        return f"The cost of {say(channel.cost)} is not yet earned back."
    likely = ""
    if channel.low is not None and channel.high is not None:
        likely = f" (likely {plain(channel.low, 0)} to {plain(channel.high, 0)})"
    return f"The cost of {say(channel.cost)} is earned back in {months(channel.break_even_month)}{likely}."


def interval_bar(figure: Figure, rows: Sequence[Figure]) -> Markup:
    """A value and its interval on the scale of all rows of its table; the cell beside has both."""
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    if figure.value is None:
        return svg.NOTHING
    x = Scale(min(ends), max(ends), 5, 115)
    spot = dot((x(figure.value), 6), 3.5, "dot")
    if figure.low is None or figure.high is None:
        return svg.decoration(120, 12, "interval", [spot])
    return svg.decoration(
        120, 12, "interval", [segment((x(figure.low), 6), (x(figure.high), 6), "range"), spot]
    )
