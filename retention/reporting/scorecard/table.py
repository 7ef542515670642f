"""The scorecard as one long table: one row a figure, for whoever computes further."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from retention.reporting import figures
from retention.reporting.figures import Row
from retention.reporting.scorecard.wording import stretch
from retention.scorecard.report_data import (
    Breakdown,
    Content,
    Figure,
    Measured,
    Period,
    Unit,
    Week,
    Worth,
)

COLUMNS: Final = (
    "section", "measure", "by", "group", "period_from", "period_to", "value", "low", "high", "n",
    "unit", "target", "verdict",
)  # fmt: skip
"""period_from and period_to are the first day and the last; low and high the 95 % interval, but
of section `over time` the normal band. Null is the empty cell."""


def table(content: Content) -> list[Row]:
    """The rows in the page's order, of COLUMNS; texts as `guarded` writes them."""
    rows = [
        *_measures(content),
        *_over_time(content),
        *_groups(content),
        *_workload(content),
        *_when(content),
        *_why(content),
        *_worth(content),
    ]
    return [figures.row(COLUMNS, one) for one in rows]


def as_csv(rows: list[Row]) -> str:
    """The whole file of such rows."""
    return figures.as_csv(COLUMNS, rows)


def _row(section: str, measure: str, unit: str, value: float | None, **more: Any) -> Row:
    return {"section": section, "measure": measure, "unit": unit, "value": value, **more}


def _of(figure: Figure) -> Row:
    return {"low": figure.low, "high": figure.high, "n": figure.n}


def _days(period: Period) -> Row:
    return {"period_from": period.start, "period_to": period.end}


def _measures(content: Content) -> Iterator[Row]:
    for one in content.measures:
        periods = (
            (content.now, one.now, _verdict(one)),
            (content.before, one.before, None),
            (content.year, one.year, None),
        )
        for period, figure, verdict in periods:
            more = _of(figure) | _days(period) | {"target": one.target, "verdict": verdict}
            yield _row("measures", one.title, one.unit, figure.value, **more)


def _verdict(one: Measured) -> str | None:
    """'missed, worse': whether the target is reached, and the trend."""
    kept = {True: "kept", False: "missed", None: None}[one.kept]
    return ", ".join(word for word in (kept, one.trend) if word) or None


def _over_time(content: Content) -> Iterator[Row]:
    for one in content.measures:
        for p in one.points:
            band = {"low": p.low, "high": p.high, "period_from": p.start, "verdict": p.alarm}
            yield _row("over time", one.title, one.unit, p.value, target=one.target, **band)


def _groups(content: Content) -> Iterator[Row]:
    parts: list[tuple[str, Breakdown]] = [("breakdown", b) for b in content.breakdowns]
    parts += [("spread", one) for one in content.spread]
    for section, one in parts:
        for row in one.rows:
            more = _of(row.figure) | _days(content.now) | {"by": one.by, "group": row.name}
            value = row.figure.value
            yield _row(section, one.measure, one.unit, value, verdict=row.flag, **more)


def _workload(content: Content) -> Iterator[Row]:
    for week in content.workload.weeks:
        more = _days(Period(week.start, week.start + dt.timedelta(days=6)))
        for measure, unit, value in _of_week(week):
            target = content.workload.target if unit == "share" else None
            yield _row("workload", measure, unit, value, target=target, by="week", **more)


def _of_week(week: Week) -> tuple[tuple[str, Unit, float | None], ...]:
    return (
        ("contacts", "count", week.contacts),
        ("agents", "count", week.agents),
        ("contacts per agent", "count", week.per_agent),
        ("answered in time", "share", week.in_time),
    )


def _when(content: Content) -> Iterator[Row]:
    for curve in content.when.curves:
        for step in curve.points:
            name, ends = f"still customers after {step.day} days", _of_ends(step.low, step.high)
            yield _row("when", name, "share", step.share, group=curve.group, **ends)
    for one in content.when.hazards:
        name = f"leaving in a month, {stretch(one.from_day, one.to_day)}"
        more = _of_ends(one.low, one.high) | {"group": one.group, "n": one.customers}
        yield _row("when", name, "share", one.per_month, **more)


def _of_ends(low: float | None, high: float | None) -> Row:
    return {"low": low, "high": high}


def _why(content: Content) -> Iterator[Row]:
    why, cause = content.why, {"by": "cause"}
    for one in why.rows:
        of = cause | {"group": one.title, "verdict": one.verdict}
        yield _row("why", "lost", "count", one.lost, **of)
        yield _row("why", "met", "count", one.met, **of)
        yield _row("why", "excess", "count", one.excess, **_of_ends(one.low, one.high), **of)
        yield _row("why", "value lost", "money", one.value, **of)
        yield _row("why", "excess value", "money", one.excess_value, **of)
    if why.rows:
        yield _row("why", "lost", "count", why.unknown_lost, group="no known cause", **cause)
        yield _row("why", "value lost", "money", why.unknown_value, group="no known cause", **cause)
        yield _row("why", "lost", "count", why.lost, group="in all", **cause)


def _worth(content: Content) -> Iterator[Row]:
    for one in content.worth:
        of = {"by": "channel", "group": one.channel, "n": one.customers}
        yield _row("worth", "cost of winning one", "money", one.cost, **of)
        for month, brought in one.curve:
            yield _row("worth", f"brought in by month {month}", "money", brought, **of)
        yield _row("worth", "months to break even", "months", one.break_even_month,
                   verdict=_even(one), **_of_ends(one.low, one.high), **of)  # fmt: skip


def _even(one: Worth) -> str | None:
    return f"on {one.break_even_on.isoformat()}" if one.break_even_on else None
