"""The rhythm of sources: how long they have been silent before, and days delivered twice."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import narwhals as nw
import pyarrow as pa

from retention.cohort import calendar
from retention.core.engine import Engine
from retention.core.params import Params
from retention.core.point_in_time import Frame

YEAR_AND_A_MONTH: Final = 396
"""Days of a source's past that its rhythm is taken from: a year's closed season is among them."""
MIN_SILENCES: Final = 20
"""Where that part of the past has fewer, the whole past is taken."""
_CONTENT: Final = (
    "source",
    "kind",
    "customer_id",
    "occurred_at",
    "occurred_day",
    "channel",
    "topic",
    "amount",
    "quantity",
    "order_id",
    "item_id",
    "case_id",
    "contract_id",
)
"""What two rows have in common that are one fact, entered twice."""

LabelDays = Mapping[str, Sequence[int]]
"""By source: the days, ascending, on which an event of the label's kinds became known."""


@dataclass(frozen=True)
class Rhythm:
    """When a source last knew of an event, and how long it was silent before."""

    last_day: int
    longest_silence: int  # whole days without an event between two days with one
    n_silences: int  # how many pairs of days that is the longest of; 0: the source has one day


@dataclass(frozen=True)
class RepeatedDay:
    """A day of a source, its rows, and how many of them repeat another one."""

    source: str
    day: int
    rows: int
    repeated: int

    @property
    def repeated_share(self) -> float:
        """The share of its rows that repeat another one."""
        return self.repeated / self.rows


def label_days(engine: Engine, events: Frame, params: Params, as_of: int) -> dict[str, list[int]]:
    """LabelDays of the sources of params, by what was known before as_of, a day number."""
    relevant = events.filter(
        nw.col("kind").is_in(calendar.label_kinds(params.labels.churn)),
        nw.col("source").is_in(list(params.sources)),
        nw.col("known_day") < as_of,
    )
    days = relevant.select("source", "known_day").unique()
    by_source: dict[str, list[int]] = {}
    for row in engine.collect(days, sort=["source", "known_day"]).to_pylist():
        by_source.setdefault(row["source"], []).append(row["known_day"])
    return by_source


def rhythm(days: Sequence[int]) -> Rhythm:
    """The rhythm of a source, or of several together; days: ascending, at least one."""
    silences = [(later, later - day - 1) for day, later in itertools.pairwise(days) if later > day]
    recent = [length for end, length in silences if end > days[-1] - YEAR_AND_A_MONTH]
    used = recent if len(recent) >= MIN_SILENCES else [length for _, length in silences]
    return Rhythm(days[-1], max(used, default=0), len(used))


def together(days: LabelDays) -> list[int]:
    """The days on which any of the sources knew of an event, ascending."""
    return sorted({day for known_days in days.values() for day in known_days})


def repeated_days(engine: Engine, events: Frame, as_of: int) -> list[RepeatedDay]:
    """Every day of a source on which some row repeats another, by what was known before as_of.

    A source with a key repeats no row: stage `events` has counted its copies once. One whose key is
    the number of the row cannot recognise them.
    """
    content = (
        events.filter(nw.col("known_day") < as_of)
        .group_by(*_CONTENT)
        .agg(n=nw.col("event_id").n_unique())
    )
    by_day = content.group_by("source", "occurred_day").agg(
        rows=nw.col("n").sum(), distinct=nw.len()
    )
    table: pa.Table = engine.collect(
        by_day.filter(nw.col("rows") > nw.col("distinct")), sort=["source", "occurred_day"]
    )
    return [
        RepeatedDay(
            row["source"],
            row["occurred_day"],
            int(row["rows"]),
            int(row["rows"]) - int(row["distinct"]),
        )
        for row in table.to_pylist()
    ]
