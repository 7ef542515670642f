"""Charts of churn timing, churn drivers and payback, each with a description in words."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from markupsafe import Markup

from retention.reporting import svg
from retention.reporting.scorecard.wording import cut, months, number, plain, signed, stretch
from retention.reporting.svg import (
    Scale,
    area,
    bar,
    dot,
    figure,
    grid,
    line,
    segment,
    step_path,
    text,
    x_axis,
)
from retention.scorecard.report_data import (
    CauseReport,
    ChannelLtv,
    Figure,
    Hazard,
    SurvivalCurve,
    SurvivalPoint,
)

MAX_GROUPS: Final = 6  # curves in one chart, each with its own colour and dashes
MAX_CAUSES: Final = 10
_MAX_STEPS: Final = 120  # of one curve
_WIDTH: Final = 460


def survival(curves: Sequence[SurvivalCurve]) -> Markup:
    """The share still customers, by days since they came."""
    shown = [(i, curve) for i, curve in enumerate(curves[:MAX_GROUPS]) if curve.points]
    if not shown:
        return svg.NOTHING
    lowest = min(step.low for _, curve in shown for step in curve.points)
    longest = max(curve.points[-1].day for _, curve in shown)
    y = Scale(0.0 if lowest < 0.5 else int(lowest * 10) / 10, 1.0, 220, 12)
    x = Scale(0, max(longest, 1), 58, _WIDTH - 12)
    format_share = partial(number, unit="share", currency="")
    parts = [grid(x, y, svg.ticks(y.low, y.high, 5, 0.1), "{:.0%}".format)]
    parts += [_interval_area(curve, x, y, i) for i, curve in shown]
    for i, curve in shown:
        points = [(x(step.day), y(step.survival)) for step in _thin_out(curve.points)]
        parts.append(line(step_path(points), f"group s{i}"))
    ends = svg.ticks(0, longest)
    parts.append(x_axis(x, 222, [(day, plain(day, 0)) for day in ends if day <= longest]))
    parts.append(_axis_title(x, "days as a customer"))
    description = "; ".join(
        f"{cut(curve.group, 40)} {format_share(last.survival)} after {last.day} days"
        for _, curve in shown
        for last in curve.points[-1:]
    )
    return figure(_WIDTH, 264, "chart", "Still customers", f"{description}.", parts)


def _thin_out(points: Sequence[SurvivalPoint]) -> list[SurvivalPoint]:
    every = -(-len(points) // _MAX_STEPS)
    return [*points[:-1:every], points[-1]]


def _interval_area(curve: SurvivalCurve, x: Scale, y: Scale, color: int) -> Markup:
    thin = _thin_out(curve.points)
    upper = step_path([(x(step.day), y(step.high)) for step in thin])
    return area(upper, step_path([(x(step.day), y(step.low)) for step in thin]), f"likely s{color}")


def hazard(hazards: Sequence[Hazard], groups: Sequence[str]) -> Markup:
    """The churn rate a month by band of tenure; `groups` gives each group its colour."""
    first_groups = groups[:MAX_GROUPS]
    shown = [h for h in hazards if h.per_month is not None and h.group in first_groups]
    if not shown:
        return svg.NOTHING
    bands = sorted({(h.from_day, h.to_day) for h in shown}, key=lambda band: band[0])
    groups_shown = [group for group in first_groups if any(h.group == group for h in shown)]
    ends = svg.ticks(0, _top_rate(shown), 4, 0.01)
    x, y = Scale(0, len(bands), 58, _WIDTH - 12), Scale(0, ends[-1], 220, 12)
    parts = [grid(x, y, ends, "{:.0%}".format)]
    for hazard_rate in shown:
        # Groups stand side by side in the middle 80 % of their band.
        place = 0.1 + 0.8 * (groups_shown.index(hazard_rate.group) + 0.5) / len(groups_shown)
        position = x(bands.index((hazard_rate.from_day, hazard_rate.to_day)) + place)
        parts.append(_hazard_mark(position, hazard_rate, y, list(groups).index(hazard_rate.group)))
    every = -(-len(bands) // 8)
    days = [(i + 0.5, str(bands[i][0])) for i in range(0, len(bands), every)]
    parts += [x_axis(x, 222, days), _axis_title(x, "from this day as a customer")]
    return figure(_WIDTH, 264, "chart", "Leaving in a month", _steepest_words(shown), parts)


def _top_rate(hazards: Sequence[Hazard]) -> float:
    """The top of the scale: a wide interval of few customers may reach beyond it."""
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
    """Excess losses by cause: a bar, and a line for its interval."""
    shown = by_excess(rows)[:MAX_CAUSES]
    ends = [end for c in shown for end in (c.excess, c.low, c.high) if end is not None]
    if not ends:
        return svg.NOTHING
    x = Scale(min(0.0, *ends), max(0.0, *ends), 2, _WIDTH - 2)
    height = 46 * len(shown) + 4
    parts = [segment((x(0), 0), (x(0), height), "zero")]
    for i, cause in enumerate(shown):
        parts += _cause_bar(cause, x, 46 * i)
    description = "; ".join(f"{cut(cause.title, 40)} {_excess_words(cause)}" for cause in shown)
    title = "Customers lost beyond those expected, by cause"
    return figure(_WIDTH, height, "chart", title, f"{description}.", parts)


def by_excess(rows: Sequence[CauseReport]) -> list[CauseReport]:
    """The causes in the order of what their bars show, the longest first."""
    return sorted(rows, key=lambda cause: -cause.excess)


def _cause_bar(cause: CauseReport, x: Scale, top: int) -> list[Markup]:
    clear = cause.low is not None and cause.low > 0
    kind = "excess clear" if clear else "excess"
    parts = [
        text((0, top + 15), cut(cause.title, 38), "start behind"),
        text(
            (_WIDTH, top + 15), _excess_words(cause), "end behind strong" if clear else "end behind"
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
    """Cumulative margin of a customer against its cost; all channels on one scale."""
    if not channel.curve:
        return svg.NOTHING
    values = [value for other in channels for _, value in other.curve]
    values += [other.cost for other in channels if other.cost is not None]
    last = max(month for other in channels for month, _ in other.curve)
    heights = svg.ticks(min(0.0, *values), max(values), 3)
    x, y = Scale(0, max(last, 1), 58, 290), Scale(heights[0], heights[-1], 140, 10)
    format_money = partial(number, unit="money", currency=currency)
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
        x_axis(x, 143, [(month, plain(month, 0)) for month in svg.ticks(0, last, 4, 1.0)[:-1]])
    )
    parts.append(_axis_title(x, "months since won", 177))
    title = f"Payback of {cut(channel.channel)}"
    return figure(300, 184, "chart small", title, _payback_sentence(channel, format_money), parts)


def _payback_sentence(channel: ChannelLtv, format_money: svg.Format) -> str:
    """When the cost is earned back, in a sentence."""
    if channel.cost is None:
        return "What winning a customer costs is not known."
    if channel.break_even_month is None:
        return f"The cost of {format_money(channel.cost)} is not yet earned back."
    interval = ""
    if channel.low is not None and channel.high is not None:
        interval = f" (likely {plain(channel.low, 0)} to {plain(channel.high, 0)})"
    month = months(channel.break_even_month)
    return f"The cost of {format_money(channel.cost)} is earned back in {month}{interval}."


def interval_bar(value: Figure, rows: Sequence[Figure]) -> Markup:
    """A value and its interval on the scale of all rows of its table; the cell beside has both."""
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    if value.value is None:
        return svg.NOTHING
    x = Scale(min(ends), max(ends), 5, 115)
    mark = dot((x(value.value), 6), 3.5, "dot")
    if value.low is None or value.high is None:
        return svg.decoration(120, 12, "interval", [mark])
    return svg.decoration(
        120, 12, "interval", [segment((x(value.low), 6), (x(value.high), 6), "range"), mark]
    )
