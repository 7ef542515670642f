"""Charts over time: a metric within its normal band, and the workload by week."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Final

from markupsafe import Markup

from retention.i18n.language import ENGLISH
from retention.reporting import svg
from retention.reporting.scorecard.wording import number, plain
from retention.reporting.svg import Scale, area, bar, dot, figure, grid, line, segment, x_axis
from retention.scorecard.report_data import ChartPoint, MetricReport, Unit, Week

_WIDTH: Final = 460
_MIN_STEP: Final[dict[Unit, float]] = {"share": 0.02, "count": 1.0}


def spark(metric: MetricReport, currency: str) -> Markup:
    """A metric over time in a table cell: its normal band, its line, its alarms."""
    if not (values := _finite_values(metric.points)):
        return svg.NOTHING
    x = Scale(0, max(len(metric.points) - 1, 1), 5, 155)
    y = Scale(min(values), max(values), 35, 5)
    parts = _series(metric.points, x, y, metric.unit, currency)
    return figure(
        160, 40, "spark", f"{metric.title} over time", _description(metric, currency), parts
    )


def over_time(metric: MetricReport, currency: str) -> Markup:
    """The same with axes, and the target."""
    points = metric.points
    target = [] if metric.target is None else [metric.target]
    if not (values := _finite_values(points)):
        return svg.NOTHING
    format_value = partial(number, unit=metric.unit, currency=currency)
    heights = svg.ticks(
        min(values + target), max(values + target), 4, _MIN_STEP.get(metric.unit, 0.0)
    )
    x = Scale(0, max(len(points) - 1, 1), 58, _WIDTH - 10)
    y = Scale(heights[0], heights[-1], 180, 12)
    target_line = [segment((x.start, y(level)), (x.end, y(level)), "target") for level in target]
    parts = [
        grid(x, y, heights, format_value),
        *_series(points, x, y, metric.unit, currency),
        *target_line,
        *_change(metric, x, y),
    ]
    parts.append(x_axis(x, 184, _day_labels([point.start for point in points])))
    title = f"{metric.title} over time"
    return figure(_WIDTH, 208, "chart", title, _description(metric, currency), parts)


def _change(metric: MetricReport, x: Scale, y: Scale) -> list[Markup]:
    """A line at the first period of another level."""
    places = [i for i, point in enumerate(metric.points) if point.start == metric.changed_on]
    return [segment((x(i - 0.5), y.start), (x(i - 0.5), y.end), "change") for i in places]


def _finite_values(points: Sequence[ChartPoint]) -> list[float]:
    values = [value for point in points for value in (point.value, point.low, point.high)]
    return [value for value in values if value is not None]


def _series(
    points: Sequence[ChartPoint], x: Scale, y: Scale, unit: Unit, currency: str
) -> list[Markup]:
    band = [
        (x(i), y(point.high), y(point.low))
        for i, point in enumerate(points)
        if point.high is not None and point.low is not None
    ]
    values = [None if p.value is None else (x(i), y(p.value)) for i, p in enumerate(points)]
    centre = [None if p.centre is None else (x(i), y(p.centre)) for i, p in enumerate(points)]
    alarms = [
        dot(
            position,
            3.5,
            "alarm good" if p.good else "alarm",
            f"{ENGLISH.date(p.start, short=True)}, {number(p.value, unit, currency)}: {p.alarm}",
        )
        for position, p in zip(values, points, strict=True)
        if position and p.alarm
    ]
    normal = area([(a, high) for a, high, _ in band], [(a, low) for a, _, low in band], "band")
    return [normal, line(centre, "centre"), line(values, "value"), *alarms]


def _description(metric: MetricReport, currency: str) -> str:
    measured = [point for point in metric.points if point.value is not None]
    if not measured:
        return "No data."
    last = measured[-1]
    format_value = partial(number, unit=metric.unit, currency=currency)
    first, newest = ENGLISH.date(measured[0].start), ENGLISH.date(last.start)
    sentence = f"From {first} to {newest}; last {format_value(last.value)}"
    if last.low is not None and last.high is not None:
        sentence += f", where {format_value(last.low)} to {format_value(last.high)} is normal"
    alarms = [ENGLISH.date(point.start) for point in measured if point.alarm]
    change = "" if metric.changed_on is None else f" New level: {ENGLISH.date(metric.changed_on)}."
    return f"{sentence}. Outside the normal: {', '.join(alarms) or 'never'}.{change}"


def _day_labels(dates: Sequence[dt.date]) -> list[svg.Label]:
    """The first, the middle and the last day, each with its position."""
    last = len(dates) - 1
    places = sorted({0, last // 2, last})
    return [(i, ENGLISH.date(dates[i], short=True)) for i in places]


def work(weeks: Sequence[Week]) -> Markup:
    """Contacts by week, for each agent where the agents are known."""
    each = all(week.per_agent is not None for week in weeks)
    contacts = [week.per_agent if each else week.contacts for week in weeks]
    values = [float(number_of_contacts or 0) for number_of_contacts in contacts]
    if not values:
        return svg.NOTHING
    ends = svg.ticks(0, max(values), 4, 1.0)
    x, y = Scale(0, len(weeks), 58, _WIDTH - 10), Scale(0, ends[-1], 180, 12)
    bars = [bar((x(i + 0.15), y(0)), (x(i + 0.85), y(v)), "load") for i, v in enumerate(values)]
    labels = [(i + 0.5, words) for i, words in _day_labels([week.start for week in weeks])]
    parts = [grid(x, y, ends, partial(plain, digits=0)), *bars, x_axis(x, 184, labels)]
    title = f"Contacts by week{', for each agent' if each else ''}"
    description = (
        f"From {plain(min(values), 0)} to {plain(max(values), 0)}; last {plain(values[-1], 0)}."
    )
    return figure(_WIDTH, 208, "chart", title, description, parts)


def in_time(weeks: Sequence[Week], target: float | None) -> Markup:
    """The share of cases answered in time, by week."""
    points = tuple(ChartPoint(week.start, week.answered_in_time) for week in weeks)
    return over_time(
        MetricReport("in_time", "Answered in time", "share", "high", "", target, points=points), ""
    )
