"""The scorecard as one long table: one row a figure, for further analysis."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from retention.reporting import figures
from retention.reporting.figures import Row
from retention.reporting.scorecard.wording import stretch
from retention.scorecard.report_data import (
    Breakdown,
    ChannelLtv,
    Figure,
    MetricReport,
    Period,
    ScorecardReport,
    Unit,
    Week,
)

COLUMNS: Final = (
    "section",
    "measure",
    "by",
    "group",
    "period_from",
    "period_to",
    "value",
    "low",
    "high",
    "n",
    "unit",
    "target",
    "verdict",
)
"""period_from and period_to are the first day and the last; low and high the 95 % interval, but
of section `over time` the normal band. Null is the empty cell."""


def rows(report: ScorecardReport) -> list[Row]:
    """The rows in the page's order, of COLUMNS; texts as `guarded` writes them."""
    all_rows = [
        *_metric_rows(report),
        *_chart_rows(report),
        *_touch_rows(report),
        *_breakdown_rows(report),
        *_workload_rows(report),
        *_timing_rows(report),
        *_driver_rows(report),
        *_ltv_rows(report),
    ]
    return [figures.row(COLUMNS, row) for row in all_rows]


def as_csv(table: list[Row]) -> str:
    """The CSV file of `rows`."""
    return figures.as_csv(COLUMNS, table)


def _row(section: str, measure: str, unit: str, value: float | None, **more: Any) -> Row:
    return {"section": section, "measure": measure, "unit": unit, "value": value, **more}


def _interval_and_n(figure: Figure) -> Row:
    return {"low": figure.low, "high": figure.high, "n": figure.n}


def _period_days(period: Period) -> Row:
    return {"period_from": period.start, "period_to": period.end}


def _metric_rows(report: ScorecardReport) -> Iterator[Row]:
    for metric in report.metrics:
        periods = _periods(metric, report)
        for period, figure, verdict in periods:
            more = (
                _interval_and_n(figure)
                | _period_days(period)
                | {"target": metric.target, "verdict": verdict}
            )
            yield _row("measures", metric.title, metric.unit, figure.value, **more)


def _periods(
    metric: MetricReport, report: ScorecardReport
) -> tuple[tuple[Period, Figure, str | None], ...]:
    """Each period of the metric with its figure; they end where it can be judged."""
    lag = dt.timedelta(0) if metric.period is None else report.now.end - metric.period.end
    before, year_ago = (
        Period(period.start - lag, period.end - lag) for period in (report.before, report.year_ago)
    )
    return (
        (metric.period or report.now, metric.now, _verdict(metric)),
        (before, metric.before, None),
        (year_ago, metric.year_ago, None),
    )


def _touch_rows(report: ScorecardReport) -> Iterator[Row]:
    for part in report.touches.parts:
        named = {"by": part.dimension, "group": part.metric.title}
        for period, figure, verdict in _periods(part.metric, report):
            more = _interval_and_n(figure) | _period_days(period) | {"verdict": verdict} | named
            yield _row("touches", "contacts", part.metric.unit, figure.value, **more)
    for kind in report.touches.purchases:
        named = {"by": "purchase", "group": kind.name}
        named |= _period_days(report.touches.purchased or report.now)
        figure = kind.contacts
        more = _interval_and_n(figure) | named
        yield _row("touches", "contacts", "per purchase", figure.value, **more)
        yield _row("touches", "without a contact", "share", kind.untouched, **named)
        yield _row("touches", "usual at most", "count", kind.usual, **named)


def _verdict(metric: MetricReport) -> str | None:
    """'missed, worse': whether the target is reached, and the trend."""
    target = {True: "kept", False: "missed", None: None}[metric.target_met]
    return ", ".join(word for word in (target, metric.trend) if word) or None


def _chart_rows(report: ScorecardReport) -> Iterator[Row]:
    for metric in report.metrics:
        for p in metric.points:
            band = {"low": p.low, "high": p.high, "period_from": p.start, "verdict": p.alarm}
            yield _row(
                "over time", metric.title, metric.unit, p.value, target=metric.target, **band
            )


def _breakdown_rows(report: ScorecardReport) -> Iterator[Row]:
    parts: list[tuple[str, Breakdown]] = [("breakdown", b) for b in report.breakdowns]
    parts += [("spread", breakdown) for breakdown in report.customer_groups]
    for section, breakdown in parts:
        for row in breakdown.groups:
            more = (
                _interval_and_n(row.figure)
                | _period_days(breakdown.period or report.now)
                | {"by": breakdown.dimension, "group": row.name}
            )
            value = row.figure.value
            yield _row(section, breakdown.metric, breakdown.unit, value, verdict=row.flag, **more)


def _workload_rows(report: ScorecardReport) -> Iterator[Row]:
    for week in report.workload.weeks:
        more = _period_days(Period(week.start, week.start + dt.timedelta(days=6)))
        for measure, unit, value in _week_figures(week):
            target = report.workload.target if unit == "share" else None
            yield _row("workload", measure, unit, value, target=target, by="week", **more)


def _week_figures(week: Week) -> tuple[tuple[str, Unit, float | None], ...]:
    return (
        ("contacts", "count", week.contacts),
        ("agents", "count", week.agents),
        ("contacts per agent", "count", week.per_agent),
        ("answered in time", "share", week.answered_in_time),
    )


def _timing_rows(report: ScorecardReport) -> Iterator[Row]:
    for curve in report.timing.curves:
        for step in curve.points:
            name, ends = f"still customers after {step.day} days", _interval(step.low, step.high)
            yield _row("when", name, "share", step.survival, group=curve.group, **ends)
    for hazard in report.timing.hazards:
        name = f"leaving in a month, {stretch(hazard.from_day, hazard.to_day)}"
        more = _interval(hazard.low, hazard.high) | {"group": hazard.group, "n": hazard.customers}
        yield _row("when", name, "share", hazard.per_month, **more)


def _interval(low: float | None, high: float | None) -> Row:
    return {"low": low, "high": high}


def _driver_rows(report: ScorecardReport) -> Iterator[Row]:
    drivers, grouping = report.drivers, {"by": "cause", "period_from": report.drivers.since}
    for cause in drivers.causes:
        by_cause = grouping | {"group": cause.title, "verdict": cause.verdict}
        yield _row("why", "lost", "count", cause.lost, **by_cause)
        yield _row("why", "met", "count", cause.lost_with_cause, **by_cause)
        interval = _interval(cause.low, cause.high)
        yield _row("why", "excess", "count", cause.excess, **interval, **by_cause)
        yield _row("why", "value lost", "money", cause.value, **by_cause)
        yield _row("why", "excess value", "money", cause.excess_value, **by_cause)
    if drivers.causes:
        unknown = grouping | {"group": "no known cause"}
        yield _row("why", "lost", "count", drivers.unknown_lost, **unknown)
        yield _row("why", "value lost", "money", drivers.unknown_value, **unknown)
        yield _row("why", "lost", "count", drivers.lost, group="in all", **grouping)


def _ltv_rows(report: ScorecardReport) -> Iterator[Row]:
    for channel in report.channel_ltv:
        by_channel = {"by": "channel", "group": channel.channel, "n": channel.customers}
        yield _row("worth", "cost of winning one", "money", channel.cost, **by_channel)
        for month, brought in channel.curve:
            yield _row("worth", f"brought in by month {month}", "money", brought, **by_channel)
        yield _row(
            "worth",
            "months to break even",
            "months",
            channel.break_even_month,
            verdict=_break_even_verdict(channel),
            **_interval(channel.low, channel.high),
            **by_channel,
        )


def _break_even_verdict(channel: ChannelLtv) -> str | None:
    return f"on {channel.break_even_on.isoformat()}" if channel.break_even_on else None
