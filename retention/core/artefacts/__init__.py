"""What lies where: every file that a stage leaves for another, described in one place.

A table states its path, grain, key and columns (name, type, meaning); data/README.md is made from
this. Each artefact is a name of this package: `artefacts.SCORES.read()`.
"""

from collections.abc import Callable
from typing import Final

from retention.core.artefacts.artefact import DATA, Artefact
from retention.core.artefacts.cohort import (
    DURATIONS,
    EARLIER_LABELS,
    FEATURES,
    FEATURES_SUMMARY,
    HISTORIES,
    LABELS,
    LABELS_SUMMARY,
    LATER_VALUES,
    SNAPSHOTS,
    SNAPSHOTS_SUMMARY,
)
from retention.core.artefacts.document import Document
from retention.core.artefacts.modelling import (
    CANDIDATE,
    CROSS_PREDICTIONS,
    DECISION,
    EXPERIMENT,
    HEADLINE_METRICS,
    LIFETIME,
    METRICS,
    MODEL_CARD,
    PINNED_CANDIDATE,
    PLOTS,
    PREDICTIONS,
    PROMOTE_METRICS,
    RISK_HISTORY,
    SCORES,
    SELECTION,
    TEST_PREDICTIONS,
    TEST_SCORES,
    UPLIFT,
    UPLIFT_METRICS,
    UPLIFT_SCORES,
)
from retention.core.artefacts.reports import (
    OUTCOMES_METRICS,
    OUTCOMES_PAGE,
    OUTCOMES_TABLE,
    SCORECARD_METRICS,
    SCORECARD_PAGE,
    SCORECARD_TABLE,
)
from retention.core.artefacts.scoring import (
    CUSTOMER_STATE,
    FORECAST,
    FORECAST_PAGE,
    GUARD_METRICS,
    GUARD_PAGE,
    GUARD_SUMMARY,
    PURCHASE_RHYTHM,
    REASONS,
    RECENT_ISSUES,
    SCORE_SUMMARY,
    TIMELINE,
)
from retention.core.artefacts.sources import (
    CUSTOMER_REJECTS,
    CUSTOMERS,
    EVENTS,
    EVENTS_SUMMARY,
    PARAMS,
    RUN_KIND,
    TABLES,
    fingerprint,
    ingest_summary,
    ingested,
    rejected,
)
from retention.core.artefacts.table import Column, CsvTable, Table, TableArtefact
from retention.core.artefacts.types import MONEY
from retention.core.artefacts.worklist import (
    AT_RISK,
    DROPPED,
    HELD_OUT,
    LANES,
    LIST_PAGE,
    LIST_SUMMARY,
    LIST_WORKBOOK,
    REASON_COLUMNS,
)

__all__ = [
    "AT_RISK",
    "CANDIDATE",
    "CROSS_PREDICTIONS",
    "CUSTOMERS",
    "CUSTOMER_REJECTS",
    "CUSTOMER_STATE",
    "DATA",
    "DECISION",
    "DROPPED",
    "DURATIONS",
    "EARLIER_LABELS",
    "EVENTS",
    "EVENTS_SUMMARY",
    "EXPERIMENT",
    "FEATURES",
    "FEATURES_SUMMARY",
    "FORECAST",
    "FORECAST_PAGE",
    "GUARD_METRICS",
    "GUARD_PAGE",
    "GUARD_SUMMARY",
    "HEADLINE_METRICS",
    "HELD_OUT",
    "HISTORIES",
    "LABELS",
    "LABELS_SUMMARY",
    "LANES",
    "LATER_VALUES",
    "LIFETIME",
    "LIST_PAGE",
    "LIST_SUMMARY",
    "LIST_WORKBOOK",
    "METRICS",
    "MODEL_CARD",
    "MONEY",
    "OUTCOMES_METRICS",
    "OUTCOMES_PAGE",
    "OUTCOMES_TABLE",
    "PARAMS",
    "PER_SOURCE",
    "PINNED_CANDIDATE",
    "PLOTS",
    "PREDICTIONS",
    "PROMOTE_METRICS",
    "PURCHASE_RHYTHM",
    "REASONS",
    "REASON_COLUMNS",
    "RECENT_ISSUES",
    "RISK_HISTORY",
    "RUN_KIND",
    "SCORECARD_METRICS",
    "SCORECARD_PAGE",
    "SCORECARD_TABLE",
    "SCORES",
    "SCORE_SUMMARY",
    "SELECTION",
    "SNAPSHOTS",
    "SNAPSHOTS_SUMMARY",
    "STAGES",
    "TABLES",
    "TEST_PREDICTIONS",
    "TEST_SCORES",
    "TIMELINE",
    "UPLIFT",
    "UPLIFT_METRICS",
    "UPLIFT_SCORES",
    "Artefact",
    "Column",
    "CsvTable",
    "Document",
    "Table",
    "TableArtefact",
    "fingerprint",
    "ingest_summary",
    "ingested",
    "registry",
    "rejected",
]

PER_SOURCE: Final[tuple[Callable[[str], Artefact], ...]] = (
    fingerprint,
    ingested,
    rejected,
    ingest_summary,
)
STAGES: Final = (
    "params",
    "extract",
    "ingest",
    "customers",
    "events",
    "snapshots",
    "labels",
    "scorecard",
    "features",
    "train",
    "uplift",
    "evaluate",
    "promote",
    "interactions",
    "score",
    "forecast",
    "guard",
    "at_risk",
    "outcomes",
)
"""The stages that leave files, in the order of dvc.yaml."""


def registry() -> list[Artefact]:
    """Every artefact in the order of stages; those of a source under the name SOURCE."""
    single = [value for value in globals().values() if isinstance(value, Artefact)]
    per_source = [artefact_of("SOURCE") for artefact_of in PER_SOURCE]
    return sorted([*single, *per_source], key=lambda artefact: STAGES.index(artefact.stage))
