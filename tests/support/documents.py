"""The JSON files between stages: whole ones, of which a test says what it needs."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from retention.core.documents.cohort import SnapshotsSummary
from retention.core.documents.sources import (
    EventsSummary,
    IngestSummary,
    KindSummary,
    LifecycleViolations,
    SourceSummary,
)

_DAYS = {"rows": 1, "first_day": 0, "last_day": 0, "last_known_day": 0}
_COVERAGE = {
    "kinds": ["purchase"],
    "customers": 1,
    "share_of_customers": 1.0,
    "lag_hours": {"median": 0.0, "p95": 0.0, "max": 0.0},
}


def kind_summaries(kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, KindSummary]:
    return {name: KindSummary(**_DAYS | dict(kind)) for name, kind in kinds.items()}


def source_summaries(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, SourceSummary]:
    return {
        name: SourceSummary.model_validate(_DAYS | _COVERAGE | dict(source))
        for name, source in sources.items()
    }


def events_summary(
    kinds: Mapping[str, Mapping[str, Any]] | None = None,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
    **changes: Any,
) -> EventsSummary:
    """A summary of stage `events`; what is not said of a kind or source is plain."""
    plain = {
        "rows": 1,
        "event_ids": 1,
        "versions": 0,
        "versioned": False,
        "duplicates_removed": 0,
        "clashes": 0,
        "order_of_life": LifecycleViolations(),
        "known_days": {},
        "id_collisions": {"groups": 0, "examples": []},
    }
    return EventsSummary.model_validate(
        plain
        | {"kinds": kind_summaries(kinds or {}), "sources": source_summaries(sources or {})}
        | changes
    )


def ingest_summary(**changes: Any) -> IngestSummary:
    """A summary of stage `ingest`."""
    nothing = dict.fromkeys(("first_day", "last_day", "first_known_day", "last_known_day"))
    plain = {
        "read": 0,
        "accepted": 0,
        "rejected": 0,
        "unmapped": 0,
        "rules": {},
        "erased": 0,
        "expired": 0,
        "ignored_columns": [],
        "doubtful": {},
        "events": {"rows": 0, **nothing},
        "kinds": {},
    }
    return IngestSummary.model_validate(plain | changes)


def snapshots_summary(as_of: dt.date, n_watched: int = 1) -> SnapshotsSummary:
    """A summary of stage `snapshots` without a snapshot to learn from."""
    return SnapshotsSummary(
        as_of=as_of, learning=(), immature_snapshots=0, watched={as_of: n_watched}
    )
