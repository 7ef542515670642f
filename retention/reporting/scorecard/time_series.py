"""Pictures of what goes over time: a measure within its normal band, and the work of the weeks."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Final

from markupsafe import Markup

from retention.i18n.language import ENGLISH
from retention.reporting import svg as drawing
from retention.reporting.scorecard.wording import number, plain
from retention.reporting.svg import Scale, area, bar, dot, feet, grid, line, rule, svg
from retention.scorecard.report_data import Measured, Point, Unit, Week

_WIDE: Final = 460
_LEAST_STEP: Final[dict[Unit, float]] = {"share": 0.02, "count": 1.0}


def spark(measure: Measured, currency: str) -> Markup:
    """The course of a measure in a table cell: its normal band, its line, its alarms."""
    if not (known := _known(measure.points)):
        return drawing.NOTHING
    x = Scale(0, max(len(measure.points) - 1, 1), 5, 155)
    y = Scale(min(known), max(known), 35, 5)
    parts = _course(measure.points, x, y, measure.unit, currency)
    return svg(160, 40, "spark", f"{measure.title} over time", _told(measure, currency), parts)


def over_time(measure: Measured, currency: str) -> Markup:
    """The same with days and values at the sides, and the target."""
    points = measure.points
    target = [] if measure.target is None else [measure.target]
    if not (known := _known(points)):
        return drawing.NOTHING
    say = partial(number, unit=measure.unit, currency=currency)
    heights = drawing.ticks(
        min(known + target), max(known + target), 4, _LEAST_STEP.get(measure.unit, 0.0)
    )
    x = Scale(0, max(len(points) - 1, 1), 58, _WIDE - 10)
    y = Scale(heights[0], heights[-1], 180, 12)
    aims = [rule((x.start, y(at)), (x.end, y(at)), "target") for at in target]
    parts = [grid(x, y, heights, say), *_course(points, x, y, measure.unit, currency), *aims]
    parts.append(feet(x, 184, _days([point.start for point in points])))
    title = f"{measure.title} over time"
    return svg(_WIDE, 208, "chart", title, _told(measure, currency), parts)


def _known(points: Sequence[Point]) -> list[float]:
    values = [value for point in points for value in (point.value, point.low, point.high)]
    return [value for value in values if value is not None]


def _course(points: Sequence[Point], x: Scale, y: Scale, unit: Unit, currency: str) -> list[Markup]:
    band = [
        (x(at), y(point.high), y(point.low))
        for at, point in enumerate(points)
        if point.high is not None and point.low is not None
    ]
    spots = [None if p.value is None else (x(at), y(p.value)) for at, p in enumerate(points)]
    centre = [None if p.centre is None else (x(at), y(p.centre)) for at, p in enumerate(points)]
    alarms = [
        dot(spot, 3.5, "alarm", f"{ENGLISH.date(p.start, short=True)}, "
            f"{number(p.value, unit, currency)}: {p.alarm}")
        for spot, p in zip(spots, points, strict=True)
        if spot and p.alarm
    ]  # fmt: skip
    normal = area([(a, high) for a, high, _ in band], [(a, low) for a, _, low in band], "band")
    return [normal, line(centre, "centre"), line(spots, "value"), *alarms]


def _told(measure: Measured, currency: str) -> str:
    known = [point for point in measure.points if point.value is not None]
    if not known:
        return "No data."
    last = known[-1]
    said = partial(number, unit=measure.unit, currency=currency)
    first, newest = ENGLISH.date(known[0].start), ENGLISH.date(last.start)
    told = f"From {first} to {newest}; last {said(last.value)}"
    if last.low is not None and last.high is not None:
        told += f", where {said(last.low)} to {said(last.high)} is normal"
    alarms = [ENGLISH.date(point.start) for point in known if point.alarm]
    return f"{told}. Outside the normal: {', '.join(alarms) or 'never'}."


def _days(dates: Sequence[dt.date]) -> list[drawing.Label]:
    """The first, the middle and the last day, where each stands."""
    last = len(dates) - 1
    places = sorted({0, last // 2, last})
    return [(at, ENGLISH.date(dates[at], short=True)) for at in places]


def work(weeks: Sequence[Week]) -> Markup:
    """Contacts by week, for each agent where the agents are known."""
    each = all(week.per_agent is not None for week in weeks)
    heights = [week.per_agent if each else week.contacts for week in weeks]
    known = [float(height or 0) for height in heights]
    if not known:
        return drawing.NOTHING
    ends = drawing.ticks(0, max(known), 4, 1.0)
    x, y = Scale(0, len(weeks), 58, _WIDE - 10), Scale(0, ends[-1], 180, 12)
    bars = [bar((x(at + 0.15), y(0)), (x(at + 0.85), y(v)), "load") for at, v in enumerate(known)]
    labels = [(at + 0.5, words) for at, words in _days([week.start for week in weeks])]
    parts = [grid(x, y, ends, partial(plain, digits=0)), *bars, feet(x, 184, labels)]
    title = f"Contacts by week{', for each agent' if each else ''}"
    told = f"From {plain(min(known), 0)} to {plain(max(known), 0)}; last {plain(known[-1], 0)}."
    return svg(_WIDE, 208, "chart", title, told, parts)


def in_time(weeks: Sequence[Week], target: float | None) -> Markup:
    """The share of contacts answered in time, by week."""
    points = tuple(Point(week.start, week.in_time) for week in weeks)
    return over_time(
        Measured("in_time", "Answered in time", "share", "high", "", target, points=points), ""
    )
