"""Choose the label rule and its windows from the gaps in the company's own history."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from retention.core import point_in_time

HORIZONS: Final = (14, 30, 60, 90, 180, 365)
"""Days that a horizon may have: all of them are windows of features."""

_KINDS: Final = ("purchase", "payment", "visit", "delivery", "invoice", "contact")
_USUAL: Final = 0.9


@dataclass(frozen=True)
class LabelProposal:
    """The sections `labels` and `snapshots`, with evidence by key."""

    churn: dict[str, Any]
    value: dict[str, Any]
    snapshots: dict[str, Any]
    evidence: dict[str, str]


def propose_labels(events: Sequence[pa.Table]) -> LabelProposal:
    """The rule, the kinds and the windows that suit the events of all sources."""
    with duckdb.connect() as connection:
        every = pa.concat_tables([table.select(_COLUMNS) for table in events]) if events else _NONE
        connection.register("events", every)
        counts = dict(connection.sql("select kind, count(*) from events group by kind").fetchall())
        if counts.get("cancel"):
            return _cancel(connection, counts)
        return _silence(connection, counts)


_COLUMNS: Final = ["customer_id", "kind", "occurred_day"]
_NONE: Final = pa.schema(
    [("customer_id", pa.string()), ("kind", pa.string()), ("occurred_day", pa.int32())]
).empty_table()


def _silence(connection: duckdb.DuckDBPyConnection, counts: dict[str, int]) -> LabelProposal:
    kinds = [kind for kind in _KINDS if counts.get(kind)] or sorted(counts) or ["purchase"]
    kind = kinds[0]
    rest = f"; or {', '.join(kinds[1:])}" if len(kinds) > 1 else ""
    ((usual, middle, n_gaps),) = connection.execute(
        f"""select quantile_disc(gap, {_USUAL}), quantile_disc(gap, 0.5), count(*)
        from (select day - lag(day) over (partition by customer_id order by day) as gap
            from (select distinct customer_id, occurred_day as day from events where kind = $kind))
        where gap is not null""",
        {"kind": kind},
    ).fetchall()
    first, last = _span(connection, [kind])
    horizon = next((days for days in HORIZONS if days >= (usual or 90)), HORIZONS[-1])
    why = (
        f"{_USUAL:.0%} of {n_gaps:,} gaps between a customer's days of {kind} are at most {usual}"
        f" days (half of them {middle})"
        if n_gaps
        else f"no customer has {kind} on two days: look whether customer_id names the customer"
    )
    horizon, note = _fitting(horizon, last - first + 1, 3)
    evidence = {
        "rule": f"no contract ends in the data, so a customer is lost who is silent{rest}",
        "horizon_days": why + note,
        "active_days": "twice the horizon",
    }
    churn = {
        "rule": "silence",
        "kinds": [kind],
        "active_days": 2 * horizon,
        "horizon_days": horizon,
    }
    return _proposal(churn, counts, horizon, evidence, (first, last))


def _cancel(connection: duckdb.DuckDBPyConnection, counts: dict[str, int]) -> LabelProposal:
    first, last = _span(connection, ["start", "cancel"])
    horizon, note = _fitting(90, last - first + 1, 3)
    evidence = {
        "rule": f"{counts['cancel']:,} contracts end in the data",
        "horizon_days": f"a quarter of a year{note}",
        "active_days": "days of history before the first snapshot",
    }
    churn = {"rule": "cancel", "active_days": 2 * horizon, "horizon_days": horizon}
    return _proposal(churn, counts, horizon, evidence, (first, last))


def _span(connection: duckdb.DuckDBPyConnection, kinds: Sequence[str]) -> tuple[int, int]:
    """The first and the last day of some kinds."""
    ((first, last),) = connection.execute(
        "select min(occurred_day), max(occurred_day) from events where list_contains($kinds, kind)",
        {"kinds": list(kinds)},
    ).fetchall()
    return (int(first), int(last)) if first is not None else (0, 0)


def _fitting(horizon: int, days: int, needed: int) -> tuple[int, str]:
    """The longest horizon up to one of which the history holds several, and a note."""
    fits = [each for each in HORIZONS if each <= horizon and (needed + 1) * each <= days]
    if fits and fits[-1] == horizon:
        return horizon, ""
    shorter = fits[-1] if fits else HORIZONS[0]
    return shorter, f"; shortened from {horizon}, for the history has {days:,} days"


def _proposal(
    churn: dict[str, Any],
    counts: dict[str, int],
    horizon: int,
    evidence: dict[str, str],
    span: tuple[int, int],
) -> LabelProposal:
    money = [kind for kind in ("purchase", "payment", "invoice") if counts.get(kind)][:1]
    value = {"kinds": [*money, *(["return"] if counts.get("return") else [])] or ["purchase"]}
    value["horizon_days"] = horizon  # type: ignore[assignment]
    days = " to ".join(str(_date(day)) for day in span)
    evidence["value"] = f"the money of {money[0]}" if money else "no money is mapped"
    snapshots = {"every_days": 7 if horizon <= 30 else 30, "most": 24}
    evidence["snapshots"] = f"history from {days}"
    return LabelProposal(churn, value, snapshots, evidence)


def _date(day: int) -> dt.date:
    return point_in_time.date_of(day)
