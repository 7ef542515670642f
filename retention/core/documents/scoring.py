"""What score and guard say of a run."""

import datetime as dt
from collections.abc import Mapping

from retention.core.documents.base import Contents, Entries, Number
from retention.core.documents.modelling import UpliftManifest


class ScoreSummary(Contents):
    """Where the numbers on the list come from."""

    as_of: dt.date
    champion: str  # its folder in champion/
    watched: int
    model: str  # in words
    banners: tuple[str, ...]  # of the model
    definition: str  # what churn is
    horizon_days: int
    uplift: UpliftManifest  # without the model; nothing is set where the champion has none
    mean_churn_probability: float


class SourceCounts(Contents):
    """The rows of one source."""

    read: int
    accepted: int
    rejected: int
    unmapped: int
    ignored_columns: tuple[str, ...]


class RunReport(Contents):
    """A run, as it is recorded in ledgers/runs once its list is published."""

    as_of: dt.date
    company: str
    model: str  # the champion's folder
    trained_to: dt.date
    sources: Mapping[str, SourceCounts]
    customers: int | None  # rows of the customers file; null without one
    watched: int
    scores_sha256: str
    mean_risk: float
    drop: Number | None  # largest share missing against the last run
    drifted: int | None  # features beyond a limit
    features: int | None
    score_psi: Number | None
    levels: Mapping[str, str]  # worst level by guard
    override: Mapping[str, str]  # reason by guard


class GuardSummary(Contents):
    """Every guard's verdict."""

    as_of: dt.date
    banners: tuple[str, ...]
    refused: tuple[str, ...]
    run: RunReport


class GuardMetrics(Entries[Number | None]):
    """What the guards measured, flat; `rows_SOURCE` for each source."""
