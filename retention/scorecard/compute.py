"""The measures taken: period against period, with band and alarm, by group, and the workload."""

import datetime as dt
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from retention.core.point_in_time import date_of
from retention.scorecard import ratios
from retention.scorecard.frames import Frames, stage_of
from retention.scorecard.metrics import MEASURES, Measure
from retention.scorecard.report_data import (
    Breakdown,
    Figure,
    Group,
    Measured,
    Point,
    Trend,
    Week,
    Workload,  # fmt: skip
)
from retention.stats import control_chart

POINT = 28  # days of a point of the control chart
POINTS = 26
RECENT = 3  # points at the end that are judged, not learnt from
LAST_YEAR = 364  # days: the same weekdays
NOISE = 2.0  # z beyond which now differs from before
OUTSIDE = 3.0  # z beyond which a group stands out
BY_GROUP = ("on_time", "rework", "answered_in_time", "ended_in_time", "solved_once",
            "satisfaction", "person")  # fmt: skip
DIMENSIONS = {"channel": "channel", "topic": "topic", "team": "team", "agent": "agent_id",
              "branch": "branch", "journey stage": "stage"}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What measures are taken against: the frames, when, and who belongs where.

    `groups`: columns of customers that should all be served alike, by customer_id; `teams`: team
    and branch by agent_id; `begins`: the day on which each customer came.
    """

    frames: Frames
    as_of: int
    period: int
    targets: dict[str, float | None]
    teams: pd.DataFrame
    groups: pd.DataFrame
    begins: "pd.Series[int]"
    least: int


def measured(setting: Setting) -> Iterator[Measured]:
    """Every measure of which some source tells."""
    for one in MEASURES.values():
        rows = one.rows(setting.frames)
        if (rows["part"] != 0).any() and rows["whole"].sum() > 0:
            yield _measured(one, rows, setting)


def _measured(one: Measure, rows: pd.DataFrame, setting: Setting) -> Measured:
    now, before, year = (
        _figure(one, ratios.within(rows, start, start + setting.period))
        for start in starts(setting.as_of, setting.period)
    )
    target = setting.targets.get(one.name)
    points = _points(one, rows, setting.as_of)
    return Measured(
        name=one.name, title=one.title, unit=one.unit, better=one.better, meaning=one.meaning,
        target=target, now=now, before=before, year=year, kept=_kept(now, target, one.better),
        trend=_trend(now, before, one.better), points=points, alarm=_alarm(points),
    )  # fmt: skip


def _figure(one: Measure, rows: pd.DataFrame) -> Figure:
    """The measure over some rows; `n` is of what it counts, be it cases or events."""
    figure = ratios.ratio(rows, 1.0 if one.unit == "share" else np.inf)
    counted = rows["part"] != 0 if one.counted == "events" else rows["whole"] > 0
    return replace(figure, n=int(counted.sum()))


def starts(as_of: int, period: int) -> tuple[int, int, int]:
    """The first days of the period, of the one before it and of the same a year ago."""
    return as_of - period, as_of - 2 * period, as_of - LAST_YEAR - period


def _kept(now: Figure, target: float | None, better: str) -> bool | None:
    if target is None or now.value is None:
        return None
    return now.value >= target if better == "high" else now.value <= target


def _trend(now: Figure, before: Figure, better: str) -> Trend | None:
    z = ratios.difference(now, before)
    if z is None:
        return None
    if abs(z) < NOISE:
        return "same"
    return "better" if (z > 0) == (better == "high") else "worse"


def _points(one: Measure, rows: pd.DataFrame, as_of: int) -> tuple[Point, ...]:
    """The last POINTS of the measure with its band; those before its first row are left out."""
    first = max(int(rows["day"].min()), as_of - POINTS * POINT)
    many = (as_of - first) // POINT
    begun = [as_of - POINT * place for place in range(many, 0, -1)]
    table = _chart(one, ratios.by_period(rows, begun, POINT))
    known = table.astype(object).where(table.notna(), None).to_dict("records")
    return tuple(
        Point(date_of(row["period"]), row["value"], row["centre"], row["low"], row["high"],
              row["alarm"])
        for row in known
    )  # fmt: skip


def _chart(one: Measure, sums: pd.DataFrame) -> pd.DataFrame:
    """p' for shares of cases, u' for counts over something, XmR for means."""
    counted = sums.rename(columns={"part": "numerator", "whole": "denominator"})
    if one.counted == "cases":
        return control_chart.proportions(counted, RECENT)
    if one.counted == "events":
        return control_chart.counts(counted, RECENT)
    value = sums["part"] / sums["whole"].where(sums["whole"] > 0)
    return control_chart.means(sums.assign(value=value), RECENT, lowest=0.0)


def _alarm(points: Sequence[Point]) -> str | None:
    """What is unusual at the end of the points."""
    told = [point for point in points[-RECENT:] if point.alarm]
    if not told:
        return None
    last = told[-1]
    return f"{last.alarm} in the four weeks from {last.start:%-d %B %Y}"


def breakdowns(setting: Setting) -> Iterator[Breakdown]:
    """The measures of BY_GROUP by everything their rows tell of, in the present period."""
    for one in (MEASURES[name] for name in BY_GROUP):
        rows = _placed(_present(one, setting), setting)
        for by, column in DIMENSIONS.items():
            if column in rows and rows[column].notna().any():
                groups = _groups(rows, column, one, setting.least)
                if len(groups) > 1:
                    yield Breakdown(one.title, one.unit, by, groups)


def spreads(setting: Setting) -> Iterator[Breakdown]:
    """Whether customers of every group are served alike."""
    for one in (MEASURES[name] for name in BY_GROUP):
        rows = _present(one, setting)
        for column in setting.groups:
            named = rows.copy()
            named[column] = rows["customer_id"].map(setting.groups[column])
            groups = _groups(named, str(column), one, setting.least)
            if len(groups) > 1:
                by = str(column).replace("_", " ")
                yield Breakdown(one.title, one.unit, by, groups)


def _present(one: Measure, setting: Setting) -> pd.DataFrame:
    start = setting.as_of - setting.period
    return ratios.within(one.rows(setting.frames), start, setting.as_of)


def _placed(rows: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """With team and branch of the agent, and the customer's stage on that day."""
    begins = rows["customer_id"].map(setting.begins)
    placed = rows.assign(stage=stage_of(begins, rows["day"]))
    if "agent_id" not in rows:
        return placed
    found = setting.teams.reindex(rows["agent_id"]).set_axis(rows.index)
    return placed.assign(team=found["team"], branch=found["branch"])


def _groups(rows: pd.DataFrame, column: str, one: Measure, least: int) -> tuple[Group, ...]:
    """Every group with at least `least` cases, by name; a flag on those beyond OUTSIDE."""
    overall = _figure(one, rows)
    found = []
    for name, part in rows.groupby(column, observed=True):
        figure = _figure(one, part)
        if figure.n >= least and figure.value is not None and overall.value is not None:
            share = float(part["whole"].sum() / rows["whole"].sum())
            z = ratios.apart(figure, overall, share)
            flag = _flag(z, one.better)
            said = str(name).replace("_", " ") if column == "topic" else str(name)
            found.append(Group(said, figure, flag, worse=flag == "worse than the rest"))
    return tuple(found)


def _flag(z: float | None, better: str) -> str | None:
    if z is None or abs(z) < OUTSIDE:
        return None
    return "better than the rest" if (z > 0) == (better == "high") else "worse than the rest"


def workload(setting: Setting, weeks: int = 26) -> Workload:
    """Contacts a week, agents at work, and the cases of that week answered in time."""
    told, cases = setting.frames["contacts"], MEASURES["answered_in_time"].rows(setting.frames)
    if not len(told):
        return Workload()
    begun = [setting.as_of - 7 * place for place in range(weeks, 0, -1)]
    inside = ratios.within(told, begun[0], setting.as_of)
    week = (inside["day"] - begun[0]) // 7
    counts = inside.groupby(week).size().reindex(range(weeks), fill_value=0)
    agents = inside.groupby(week)["agent_id"].nunique().reindex(range(weeks), fill_value=0)
    answered = ratios.by_period(cases, begun, 7)
    share = answered["part"] / answered["whole"].where(answered["whole"] > 0)
    table = pd.DataFrame({"contacts": counts, "agents": agents, "share": share})
    found = tuple(
        _week(start, row) for start, row in zip(begun, table.to_dict("records"), strict=True)
    )
    return Workload(found, setting.targets.get("answered_in_time"), _under_load(table))


def _week(start: int, row: dict[Hashable, Any]) -> Week:
    contacts, agents = int(row["contacts"]), int(row["agents"])
    per_agent = contacts / agents if agents else None
    share = None if np.isnan(row["share"]) else float(row["share"])
    return Week(date_of(start), contacts, agents or None, per_agent, share)


def _under_load(table: pd.DataFrame) -> tuple[str, ...]:
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


def period(start: int, days: int) -> tuple[dt.date, dt.date]:
    """The first and the last day of a period."""
    return date_of(start), date_of(start + days - 1)
