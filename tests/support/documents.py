"""The JSON files between stages: whole ones, of which a test says what it needs."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from retention.core.documents.cohort import SnapshotsSummary
from retention.core.documents.modelling import (
    CandidateManifest,
    ChampionManifest,
    SelectionReport,
    TestMetrics,
)
from retention.core.documents.reports import ListManifest, ListSummary
from retention.core.documents.scoring import PublishedRun, ScoreSummary
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
        name: _source_summary(_DAYS | _COVERAGE | dict(source)) for name, source in sources.items()
    }


def _source_summary(source: dict[str, Any]) -> SourceSummary:
    """A source all of whose kinds end on its last known day, unless it says otherwise."""
    days = dict.fromkeys(source["kinds"], source["last_known_day"])
    return SourceSummary.model_validate({"last_known_days": days} | source)


def events_summary(
    kinds: Mapping[str, Mapping[str, Any]] | None = None,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
    **changes: Any,
) -> EventsSummary:
    """A summary of stage `events`; what is not said of a kind or source is plain."""
    plain: dict[str, Any] = {
        "rows": 1,
        "event_ids": 1,
        "versions": 0,
        "versioned": False,
        "duplicates_removed": 0,
        "clashes": 0,
        "expired": 0,
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
    plain: dict[str, Any] = {
        "read": 0,
        "accepted": 0,
        "rejected": 0,
        "unmapped": 0,
        "rules": {},
        "erased": 0,
        "expired": 0,
        "held_back": 0,
        "collisions": {"keys": 0, "lost": 0, "first": None},
        "ignored_columns": [],
        "unended_files": [],
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


def selection_report(**changes: Any) -> SelectionReport:
    """The outcome of model selection without a fold."""
    plain: dict[str, Any] = {
        "rule": "the lowest loss",
        "evidence": "history",
        "chosen": {},
        "weights": {},
        "intercept": 0.0,
        "why": {},
        "losses": {},
        "params": {},
        "tuned_per_fold": {},
        "fold_metrics": {},
        "folds": [],
        "measured_on": None,
        "fold_rows": [],
        "rows": 1,
        "customers": 1,
        "churners": 0,
        "churn_rate": 0.0,
        "trained_to": "2026-01-01",
        "features": [],
        "banners": [],
        "titles": {},
    }
    return SelectionReport.model_validate(plain | changes)


def metrics(**changes: Any) -> TestMetrics:
    """Metrics of a test snapshot of which nothing is measured."""
    plain: dict[str, Any] = {
        "measured_on": None,
        "customers": 0,
        "churners": 0,
        "churn_rate": None,
        "capacity": 1,
        "definition": "lost",
        "banners": [],
        "churn": {},
        "value": {},
        "list": {},
        "gain": {},
        "value_by_decile": [],
        "slices": [],
    }
    return TestMetrics.model_validate(plain | changes)


def candidate_manifest(**changes: Any) -> CandidateManifest:
    """The manifest of a candidate of which nothing was measured."""
    plain: dict[str, Any] = {
        "definition": {},
        "models_chosen": {"churn": "a_rule", "value": "a_rule"},
        "titles": {"churn": "a rule", "value": "a rule"},
        "trained_to": "2026-01-01",
        "measured_on": None,
        "figures": {},
        "banners": [],
    }
    return CandidateManifest.model_validate(plain | changes)


def champion_manifest(**changes: Any) -> ChampionManifest:
    """The manifest of a champion of which nothing was measured."""
    pins = {"models": "0" * 24, "sha256": {}}
    return ChampionManifest.model_validate(candidate_manifest().as_json() | pins | changes)


def score_summary(**changes: Any) -> ScoreSummary:
    """The summary of stage `score` of a champion without an uplift model."""
    plain: dict[str, Any] = {
        "as_of": "2026-01-01",
        "champion": "0" * 24,
        "watched": 1,
        "model": "a rule",
        "banners": [],
        "definition": "lost",
        "horizon_days": 28,
        "uplift": {},
        "mean_churn_probability": 0.1,
    }
    return ScoreSummary.model_validate(plain | changes)


def list_summary(**changes: Any) -> ListSummary:
    """The summary of a list as stage `at_risk` leaves it, without files."""
    plain = list_manifest().as_json()
    for key in ("rows", "schema"):
        del plain[key]
    return ListSummary.model_validate(plain | {"columns": [], "files": {}} | changes)


def published_run(**changes: Any) -> PublishedRun:
    """The record of a published run, of the keys that every version wrote."""
    plain: dict[str, Any] = {
        "as_of": "2026-08-01",
        "company": "Mill Lane",
        "published_at": "2026-08-01T08:00:00+00:00",
        "sources": {},
        "watched": 1,
        "scores_sha256": "",
        "mean_risk": 0.2,
    }
    return PublishedRun.model_validate(plain | changes)


def list_manifest(**changes: Any) -> ListManifest:
    """The manifest of a published list without files."""
    plain: dict[str, Any] = {
        "as_of": "2026-01-01",
        "company": "Mill Lane",
        "counts": {"watched": 1, "listed": 0},
        "currency": "GBP",
        "definition": "lost",
        "evidence": [],
        "files": {},
        "gain": 0.0,
        "greedy_loss": 0.0,
        "language": "en",
        "lanes": {},
        "leaving": "leave",
        "limits": [],
        "list_id": "a-list",
        "model": "a rule",
        "notes": [],
        "previous": None,
        "rows": 0,
        "schema": [],
        "value_at_stake": 0.0,
        "value_days": 28,
    }
    return ListManifest.model_validate(plain | changes)
