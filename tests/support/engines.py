"""One DuckDB for all tests; features of small histories on any engine."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from features import discover
from features.engine import table
from features.engine.base import Feature
from retention.core import engine
from retention.core.params import ServiceParams
from retention.core.point_in_time import Frame
from tests.support import histories

WINDOWS = (7, 14, 30, 60, 90, 180, 365)


@cache
def duck() -> engine.DuckDB:
    return engine.DuckDB(memory="1GB", threads=2)


@cache
def declared() -> list[Feature]:
    return discover(WINDOWS)


def frame(history: Iterable[histories.Event], on: engine.Engine | None = None) -> Frame:
    """A frame of events."""
    return (on or duck()).load(histories.table(history))


def collected(lazy: Frame, on: engine.Engine | None = None) -> list[dict[str, Any]]:
    """The rows of a frame, in the order of all its columns."""
    names = lazy.collect_schema().names()
    rows: list[dict[str, Any]] = (on or duck()).collect(lazy, sort=names).to_pylist()
    return rows


def customers(lazy: Frame) -> list[str]:
    return [row["customer_id"] for row in collected(lazy)]


def features_of(
    history: pa.Table | Iterable[histories.Event],
    persons: Iterable[histories.Person],
    cohort: Iterable[str],
    snapshot: int = histories.SNAPSHOT,
    features: Sequence[Feature] | None = None,
    on: engine.Engine | None = None,
    service_params: ServiceParams | None = None,
) -> pa.Table:
    """The features of a cohort at a snapshot, as the stage computes them."""
    open_engine = on or duck()
    events = history if isinstance(history, pa.Table) else histories.table(history)
    return table.features_at(
        open_engine,
        open_engine.load(events),
        open_engine.load(histories.people_table(persons)),
        open_engine.load(histories.cohort_table(cohort)),
        snapshot,
        list(declared() if features is None else features),
        service_params=service_params,
    )
