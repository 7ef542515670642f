"""Metrics by period with control chart and alarm, by group, and the workload."""

import datetime as dt
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.core.point_in_time import date_of
from retention.scorecard import ratios
from retention.scorecard.frames import Frames, journey_stage
from retention.scorecard.metrics import METRICS, Metric
from retention.scorecard.report_data import (
    Breakdown,
    ChartPoint,
    Figure,
    GroupFigure,
    MetricReport,
    Trend,
    Week,
    Workload,
)
from retention.stats import control_chart

POINT_DAYS = 28  # length of one point of the control chart
MAX_POINTS = 26
RECENT_POINTS = 3  # newest points, which are judged and do not set the band
YEAR_DAYS = 364  # 52 weeks, so that weekdays match
TREND_Z = 2.0  # z beyond which now differs from before
OUTLIER_Z = 3.0  # z beyond which a group stands out
METRICS_BY_GROUP = (
    "on_time",
    "rework",
    "answered_in_time",
    "ended_in_time",
    "solved_once",
    "satisfaction",
    "person",
)
DIMENSIONS = {
    "channel": "channel",
    "topic": "topic",
    "team": "team",
    "agent": "agent_id",
    "branch": "branch",
    "journey stage": "stage",
}


@dataclass(frozen=True)
class MetricInputs:
    """The frames, the dates and the groups that metrics are computed from."""

    frames: Frames
    as_of: int
    period_days: int
    targets: dict[str, float | None]  # by name of the metric
    teams: pd.DataFrame  # team and branch by agent_id
    customer_groups: pd.DataFrame  # attributes by customer_id whose groups are compared
    first_days: "pd.Series[int]"  # the day on which each customer came, by customer_id
    min_cases: int  # a group with fewer is not shown


def metric_reports(inputs: MetricInputs) -> Iterator[MetricReport]:
    """Every metric that some source has rows for."""
    for metric in METRICS.values():
        rows = metric.rows(inputs.frames)
        if (rows["part"] != 0).any() and rows["whole"].sum() > 0:
            yield _metric_report(metric, rows, inputs)


def _metric_report(metric: Metric, rows: pd.DataFrame, inputs: MetricInputs) -> MetricReport:
    now, before, year_ago = (
        _figure(metric, ratios.in_period(rows, start, start + inputs.period_days))
        for start in period_starts(inputs.as_of, inputs.period_days)
    )
    target = inputs.targets.get(metric.name)
    points = _chart_points(metric, rows, inputs.as_of)
    return MetricReport(
        name=metric.name,
        title=metric.title,
        unit=metric.unit,
        better=metric.better,
        meaning=metric.meaning,
        target=target,
        now=now,
        before=before,
        year_ago=year_ago,
        target_met=_target_met(now, target, metric.better),
        trend=_trend(now, before, metric.better),
        points=points,
        alarm=_alarm(points),
    )


def _figure(metric: Metric, rows: pd.DataFrame) -> Figure:
    """The metric over some rows; `n` is the number of its cases or events."""
    figure = ratios.ratio(rows, 1.0 if metric.unit == "share" else np.inf)
    counted = rows["part"] != 0 if metric.counted == "events" else rows["whole"] > 0
    return replace(figure, n=int(counted.sum()))


def period_starts(as_of: int, period: int) -> tuple[int, int, int]:
    """The first days of the period, of the one before it and of the same a year ago."""
    return as_of - period, as_of - 2 * period, as_of - YEAR_DAYS - period


def _target_met(now: Figure, target: float | None, better: str) -> bool | None:
    if target is None or now.value is None:
        return None
    return now.value >= target if better == "high" else now.value <= target


def _trend(now: Figure, before: Figure, better: str) -> Trend | None:
    z = ratios.z_between_periods(now, before)
    if z is None:
        return None
    if abs(z) < TREND_Z:
        return "same"
    return "better" if (z > 0) == (better == "high") else "worse"


def _chart_points(metric: Metric, metric_rows: pd.DataFrame, as_of: int) -> tuple[ChartPoint, ...]:
    """The last MAX_POINTS of the metric with its band, none before its first row."""
    first = max(int(metric_rows["day"].min()), as_of - MAX_POINTS * POINT_DAYS)
    n_points = (as_of - first) // POINT_DAYS
    starts = [as_of - POINT_DAYS * n_back for n_back in range(n_points, 0, -1)]
    table = _control_chart(metric, ratios.sums_by_period(metric_rows, starts, POINT_DAYS))
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    return tuple(
        ChartPoint(
            start=date_of(row["period"]),
            value=row["value"],
            centre=row["centre"],
            low=row["low"],
            high=row["high"],
            alarm=row["alarm"],
        )
        for row in records
    )


def _control_chart(metric: Metric, sums: pd.DataFrame) -> pd.DataFrame:
    """p' for shares of cases, u' for counts over something, XmR for means."""
    counted = sums.rename(columns={"part": "numerator", "whole": "denominator"})
    if metric.counted == "cases":
        return control_chart.p_chart(counted, RECENT_POINTS)
    if metric.counted == "events":
        return control_chart.u_chart(counted, RECENT_POINTS)
    value = sums["part"] / sums["whole"].where(sums["whole"] > 0)
    return control_chart.xmr_chart(sums.assign(value=value), RECENT_POINTS, lowest=0.0)


def _alarm(points: Sequence[ChartPoint]) -> str | None:
    """What is unusual at the end of the points."""
    alarms = [point for point in points[-RECENT_POINTS:] if point.alarm]
    if not alarms:
        return None
    last = alarms[-1]
    return f"{last.alarm} in the four weeks from {last.start:%-d %B %Y}"


def breakdowns(inputs: MetricInputs) -> Iterator[Breakdown]:
    """METRICS_BY_GROUP by each of DIMENSIONS that their rows have, in the current period."""
    for metric in (METRICS[name] for name in METRICS_BY_GROUP):
        rows = _with_dimensions(_current_rows(metric, inputs), inputs)
        for dimension, column in DIMENSIONS.items():
            if column in rows and rows[column].notna().any():
                groups = _group_figures(rows, column, metric, inputs.min_cases)
                if len(groups) > 1:
                    yield Breakdown(metric.title, metric.unit, dimension, groups)


def customer_group_breakdowns(inputs: MetricInputs) -> Iterator[Breakdown]:
    """METRICS_BY_GROUP by attribute of the customers: is every group served alike?"""
    for metric in (METRICS[name] for name in METRICS_BY_GROUP):
        rows = _current_rows(metric, inputs)
        for column in inputs.customer_groups:
            with_group = rows.copy()
            with_group[column] = rows["customer_id"].map(inputs.customer_groups[column])
            groups = _group_figures(with_group, str(column), metric, inputs.min_cases)
            if len(groups) > 1:
                dimension = str(column).replace("_", " ")
                yield Breakdown(metric.title, metric.unit, dimension, groups)


def _current_rows(metric: Metric, inputs: MetricInputs) -> pd.DataFrame:
    start = inputs.as_of - inputs.period_days
    return ratios.in_period(metric.rows(inputs.frames), start, inputs.as_of)


def _with_dimensions(rows: pd.DataFrame, inputs: MetricInputs) -> pd.DataFrame:
    """The rows with team and branch of the agent, and the customer's stage on that day."""
    first_days = rows["customer_id"].map(inputs.first_days)
    with_stage = rows.assign(stage=journey_stage(first_days, rows["day"]))
    if "agent_id" not in rows:
        return with_stage
    agents = inputs.teams.reindex(rows["agent_id"]).set_axis(rows.index)
    return with_stage.assign(team=agents["team"], branch=agents["branch"])


def _group_figures(
    rows: pd.DataFrame, column: str, metric: Metric, min_cases: int
) -> tuple[GroupFigure, ...]:
    """Every group with at least min_cases, by name; flagged where beyond OUTLIER_Z."""
    overall = _figure(metric, rows)
    figures = []
    for name, part in rows.groupby(column, observed=True):
        figure = _figure(metric, part)
        if figure.n >= min_cases and figure.value is not None and overall.value is not None:
            share_of_cases = float(part["whole"].sum() / rows["whole"].sum())
            z = ratios.z_against_all(figure, overall, share_of_cases)
            flag = _flag(z, metric.better)
            label = str(name).replace("_", " ") if column == "topic" else str(name)
            figures.append(GroupFigure(label, figure, flag, worse=flag == "worse than the rest"))
    return tuple(figures)


def _flag(z: float | None, better: str) -> str | None:
    if z is None or abs(z) < OUTLIER_Z:
        return None
    return "better than the rest" if (z > 0) == (better == "high") else "worse than the rest"


def workload(inputs: MetricInputs, weeks: int = 26) -> Workload:
    """Contacts a week, agents at work, and the cases of that week answered in time."""
    contacts, cases = inputs.frames["contacts"], METRICS["answered_in_time"].rows(inputs.frames)
    if not len(contacts):
        return Workload()
    starts = [inputs.as_of - 7 * n_back for n_back in range(weeks, 0, -1)]
    inside = ratios.in_period(contacts, starts[0], inputs.as_of)
    week = (inside["day"] - starts[0]) // 7
    counts = inside.groupby(week).size().reindex(range(weeks), fill_value=0)
    agents = inside.groupby(week)["agent_id"].nunique().reindex(range(weeks), fill_value=0)
    answered = ratios.sums_by_period(cases, starts, 7)
    share_in_time = answered["part"] / answered["whole"].where(answered["whole"] > 0)
    table = pd.DataFrame({"contacts": counts, "agents": agents, "share": share_in_time})
    week_rows = tuple(
        _week(start, row) for start, row in zip(starts, table.to_dict("records"), strict=True)
    )
    return Workload(week_rows, inputs.targets.get("answered_in_time"), _load_sentences(table))


def _week(start: int, row: dict[Hashable, Any]) -> Week:
    contacts, agents = int(row["contacts"]), int(row["agents"])
    per_agent = contacts / agents if agents else None
    share_in_time = None if np.isnan(row["share"]) else float(row["share"])
    return Week(date_of(start), contacts, agents or None, per_agent, share_in_time)


def _load_sentences(table: pd.DataFrame) -> tuple[str, ...]:
    """Whether busy weeks are answered later."""
    ranked = table.dropna().sort_values("contacts")
    quarter = len(ranked) // 4
    if not quarter:
        return ()
    calm, busy = ranked.head(quarter), ranked.tail(quarter)
    return (
        f"In the calmest quarter of weeks ({calm['contacts'].mean():,.0f} contacts a week) "
        f"{calm['share'].mean():.0%} of cases were answered in time, in the busiest "
        f"({busy['contacts'].mean():,.0f}) {busy['share'].mean():.0%}.",
    )


def first_and_last_date(start: int, days: int) -> tuple[dt.date, dt.date]:
    """The first and the last day of a period."""
    return date_of(start), date_of(start + days - 1)
