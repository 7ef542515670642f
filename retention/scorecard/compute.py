"""Metrics by period with control chart and alarm, by group, and the workload."""

import datetime as dt
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.core.point_in_time import date_of
from retention.scorecard import churn_by_cause, ratios, tenure_spells
from retention.scorecard.frames import STAGES, Frames, journey_stage
from retention.scorecard.metrics import METRICS, PER_CUSTOMER_DAYS, Definitions, Metric
from retention.scorecard.report_data import (
    Better,
    Breakdown,
    ChartPoint,
    Figure,
    GroupFigure,
    MetricReport,
    Period,
    Trend,
    Week,
    Workload,
)
from retention.stats import change_point, control_chart

POINT_DAYS = 28  # length of one point of the control chart
MAX_POINTS = 26
RECENT_POINTS = 3  # newest points, which are judged and do not set the band
YEAR_DAYS = 364  # 52 weeks, so that weekdays match
POINTS_A_YEAR = YEAR_DAYS // POINT_DAYS
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
    "touches",
)
DIMENSIONS = {
    "channel": "channel",
    "topic": "topic",
    "team": "team",
    "agent": "agent_id",
    "branch": "branch",
    "journey stage": "stage",
    "purchases so far": "purchases",
}


@dataclass(frozen=True)
class MetricInputs:
    """The frames, the dates and the groups that metrics are computed from."""

    frames: Frames
    definitions: Definitions
    as_of: int
    period_days: int
    targets: dict[str, float | None]  # by name of the metric
    teams: pd.DataFrame  # team and branch by agent_id
    customer_groups: pd.DataFrame  # attributes by customer_id whose groups are compared
    first_days: "pd.Series[int]"  # the day on which each customer came, by customer_id
    min_cases: int  # a group with fewer is not shown

    @property
    def silence_days(self) -> int:
        """Days of silence after which a customer is no longer one."""
        return tenure_spells.silence_days(self.definitions.churn)


@dataclass(frozen=True)
class Measured:
    """The rows of a metric that can be judged, of the days first <= day < end."""

    metric: Metric
    rows: pd.DataFrame
    presence: pd.DataFrame  # spells, of a metric per customer
    first: int
    end: int

    def figure(self, start: int, end: int) -> Figure:
        """The metric over a period; none where its record does not cover the whole of it."""
        return _figure(self.metric, self.between(start, end)) if start >= self.first else Figure()

    def between(self, start: int, end: int) -> pd.DataFrame:
        """The rows of start <= day < end, with the base of a metric per customer."""
        rows = ratios.in_period(self.rows, start, end)
        if not self.metric.per_customer:
            return rows
        days = tenure_spells.days_present(self.presence, max(start, self.first), end)
        base = self.presence.loc[days.index, ["customer_id"]].assign(
            day=start, part=0.0, whole=days / PER_CUSTOMER_DAYS
        )
        return pd.concat([rows, base], ignore_index=True)

    def sums(self, starts: list[int], days: int) -> pd.DataFrame:
        """period, part, whole: the sums of each period."""
        sums = ratios.sums_by_period(self.rows, starts, days)
        if self.metric.per_customer:
            present = [
                tenure_spells.days_present(self.presence, start, start + days).sum()
                for start in starts
            ]
            sums = sums.assign(whole=np.array(present) / PER_CUSTOMER_DAYS)
        return sums


def measured(metric: Metric, inputs: MetricInputs) -> Measured | None:
    """What can be said of a metric; None where no source tells of it."""
    rows = metric.rows(inputs.frames)
    end = inputs.as_of - metric.judged_after(inputs.definitions)
    rows = rows[rows["day"] < end]
    # A base of all customers is no record: only rows of its own tell since when there is one.
    base = inputs.frames["presence"] if metric.per_customer else rows[rows["whole"] > 0]
    if not (rows["part"] != 0).any() or base.empty:
        return None
    recorded = rows if metric.per_customer else base
    return Measured(metric, rows, inputs.frames["presence"], int(recorded["day"].min()), end)


def metric_reports(inputs: MetricInputs) -> Iterator[MetricReport]:
    """Every metric that some source has rows for."""
    for metric in METRICS.values():
        if (record := measured(metric, inputs)) is not None:
            yield metric_report(record, inputs)


def metric_report(record: Measured, inputs: MetricInputs) -> MetricReport:
    """The metric in its three periods, with its chart."""
    metric, days = record.metric, inputs.period_days
    start, before_start, year_ago_start = period_starts(record.end, days)
    # A young record is shown for the days that it has; what it is compared with must be whole.
    start = max(start, record.first)
    now = record.figure(start, record.end)
    before, year_ago = (
        record.figure(first, first + days) for first in (before_start, year_ago_start)
    )
    target = inputs.targets.get(metric.name)
    chart = _control_chart(metric, record.sums(_point_starts(record), POINT_DAYS))
    points = _chart_points(chart, metric.better)
    alarm = _last_alarm(points)
    return MetricReport(
        name=metric.name,
        title=metric.title,
        unit=metric.unit,
        better=metric.better,
        meaning=metric.meaning,
        period=Period(*first_and_last_date(start, record.end - start)),
        target=target,
        now=now,
        before=before,
        year_ago=year_ago,
        target_met=_target_met(now, target, metric.better),
        trend=_trend(now, before, metric.better, _season_between(chart, record.end, days)),
        points=points,
        alarm=None if alarm is None else _alarm_sentence(alarm),
        alarm_good=alarm is not None and alarm.good,
        changed_on=_changed_on(chart.tail(MAX_POINTS)),
    )


def _changed_on(chart: pd.DataFrame) -> dt.date | None:
    """The first day of the period from which the level is another."""
    value, centre, sigma = (
        chart[name].to_numpy(dtype=float, na_value=np.nan) for name in ("value", "centre", "sigma")
    )
    index = change_point.change_point(value - centre, sigma)
    return None if index is None else date_of(int(chart["period"].iloc[index]))


def _season_between(chart: pd.DataFrame, end: int, days: int) -> tuple[float, float]:
    """How far the time of the year alone moves a period from the one before, and its error."""
    moves = []
    for start in (end - days, end - 2 * days):
        first = chart["period"].to_numpy(dtype=float)
        overlap = np.minimum(first + POINT_DAYS, start + days) - np.maximum(first, start)
        weight = np.maximum(overlap, 0.0)
        if weight.sum() <= 0:
            return 0.0, 0.0
        fraction = weight / weight.sum()
        season, error = (chart[name].to_numpy() for name in ("season", "season_error"))
        moves.append((fraction @ season, np.hypot.reduce(fraction * error)))
    (now, now_error), (before, before_error) = moves
    return float(now - before), float(np.hypot(now_error, before_error))


def _figure(metric: Metric, rows: pd.DataFrame) -> Figure:
    """The metric over some rows; `n` is the number of its cases or events."""
    figure = ratios.ratio(rows, 1.0 if metric.unit == "share" else np.inf)
    counted = rows["part"] != 0 if metric.counted == "events" else rows["whole"] > 0
    return replace(figure, n=int(counted.sum()))


def period_starts(end: int, period: int) -> tuple[int, int, int]:
    """The first days of the period before `end`, of the one before it and of that a year ago."""
    return end - period, end - 2 * period, end - YEAR_DAYS - period


def _target_met(now: Figure, target: float | None, better: Better) -> bool | None:
    if target is None or now.value is None:
        return None
    return now.value >= target if better == "high" else now.value <= target


def _trend(
    now: Figure, before: Figure, better: Better, season: tuple[float, float]
) -> Trend | None:
    """The change beyond what the time of the year brings every year."""
    z = ratios.z_between_periods(now, before, *season)
    if z is None:
        return None
    if abs(z) < TREND_Z:
        return "same"
    return "better" if (z > 0) == (better == "high") else "worse"


def _point_starts(record: Measured) -> list[int]:
    """The first days of all whole chart periods of the record."""
    n_points = (record.end - record.first) // POINT_DAYS
    return [record.end - POINT_DAYS * n_back for n_back in range(n_points, 0, -1)]


def _chart_points(chart: pd.DataFrame, better: Better) -> tuple[ChartPoint, ...]:
    """The last MAX_POINTS of the metric with its band."""
    table = chart.tail(MAX_POINTS)
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    return tuple(
        ChartPoint(
            start=date_of(row["period"]),
            value=row["value"],
            centre=row["centre"],
            low=row["low"],
            high=row["high"],
            alarm=row["alarm"],
            good=row["alarm"] is not None and (row["value"] > row["centre"]) == (better == "high"),
        )
        for row in records
    )


def _control_chart(metric: Metric, sums: pd.DataFrame) -> pd.DataFrame:
    """p' for shares of cases, u' for counts over something, XmR for means."""
    counted = sums.rename(columns={"part": "numerator", "whole": "denominator"})
    if metric.counted == "cases":
        return control_chart.p_chart(counted, RECENT_POINTS, POINTS_A_YEAR)
    if metric.counted == "events":
        return control_chart.u_chart(counted, RECENT_POINTS, POINTS_A_YEAR)
    value = sums["part"] / sums["whole"].where(sums["whole"] > 0)
    means = sums.assign(value=value)
    return control_chart.xmr_chart(means, RECENT_POINTS, lowest=0.0, a_year=POINTS_A_YEAR)


def _last_alarm(points: Sequence[ChartPoint]) -> ChartPoint | None:
    """The newest alarm at the end of the points."""
    return next((point for point in reversed(points[-RECENT_POINTS:]) if point.alarm), None)


def _alarm_sentence(point: ChartPoint) -> str:
    return f"{point.alarm} in the four weeks from {point.start:%-d %B %Y}"


def breakdowns(inputs: MetricInputs) -> Iterator[Breakdown]:
    """METRICS_BY_GROUP by each of DIMENSIONS that their rows have, in the current period."""
    for metric in (METRICS[name] for name in METRICS_BY_GROUP):
        rows = _with_dimensions(_current_rows(metric, inputs), inputs)
        for dimension, column in DIMENSIONS.items():
            if column in rows and rows[column].notna().any():
                groups = _group_figures(rows, column, metric, inputs.min_cases)
                if len(groups) > 1:
                    period = _current_period(metric, inputs)
                    yield Breakdown(metric.title, metric.unit, dimension, groups, period)


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
                period = _current_period(metric, inputs)
                yield Breakdown(metric.title, metric.unit, dimension, groups, period)


def _current_period(metric: Metric, inputs: MetricInputs) -> Period:
    end = inputs.as_of - metric.judged_after(inputs.definitions)
    return Period(*first_and_last_date(end - inputs.period_days, inputs.period_days))


def _current_rows(metric: Metric, inputs: MetricInputs) -> pd.DataFrame:
    end = inputs.as_of - metric.judged_after(inputs.definitions)
    return ratios.in_period(metric.rows(inputs.frames), end - inputs.period_days, end)


def _with_dimensions(rows: pd.DataFrame, inputs: MetricInputs) -> pd.DataFrame:
    """The rows with team and branch of the agent, and the customer's stage on their day."""
    first_days = rows["customer_id"].map(inputs.first_days)
    with_stage = rows.assign(
        stage=journey_stage(first_days, rows["day"]), purchases=_purchases_so_far(rows, inputs)
    )
    if "agent_id" not in rows:
        return with_stage
    agents = inputs.teams.reindex(rows["agent_id"]).set_axis(rows.index)
    return with_stage.assign(team=agents["team"], branch=agents["branch"])


def _purchases_so_far(rows: pd.DataFrame, inputs: MetricInputs) -> "pd.Series[str]":
    """'one' or 'several' purchases up to each row's day; null before the first, and for one in the
    first days of the data, which an old customer may have made."""
    days = inputs.frames["orders"][["customer_id", "day"]].drop_duplicates()
    until = rows.assign(start=rows["day"] + 1)
    number = churn_by_cause.n_before(days, until, inputs.as_of).astype(int)
    first = rows["customer_id"].map(days.groupby("customer_id")["day"].min())
    is_new = first >= days["day"].min() + inputs.silence_days
    names = np.select([(number == 1) & is_new, number > 1], ["one", "several"], "")
    purchases = pd.Series(names, index=rows.index, dtype="str")
    return purchases.where(purchases != "")


def _group_figures(
    rows: pd.DataFrame, column: str, metric: Metric, min_cases: int
) -> tuple[GroupFigure, ...]:
    """Every group with at least min_cases, the worst first; flagged where beyond OUTLIER_Z."""
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
    if column == "stage":  # a journey has its own order
        return tuple(sorted(figures, key=lambda group: STAGES.index(group.name)))
    best_last = -1.0 if metric.better == "low" else 1.0
    return tuple(sorted(figures, key=lambda group: best_last * (group.figure.value or 0.0)))


def _flag(z: float | None, better: Better) -> str | None:
    if z is None or abs(z) < OUTLIER_Z:
        return None
    return "better than the rest" if (z > 0) == (better == "high") else "worse than the rest"


def workload(inputs: MetricInputs, weeks: int = 26) -> Workload:
    """Contacts a week, agents at work, and the cases of that week answered in time."""
    contacts, metric = inputs.frames["contacts"], METRICS["answered_in_time"]
    cases = ratios.in_period(
        metric.rows(inputs.frames), 0, inputs.as_of - metric.judged_after(inputs.definitions)
    )
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
