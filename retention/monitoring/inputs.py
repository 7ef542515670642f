"""What the guards measure: the artefacts of a run, and the record that is kept of it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from retention.core.documents.modelling import ChampionManifest
from retention.core.documents.scoring import ScoreSummary
from retention.core.documents.sources import IngestSummary, SourceSummary
from retention.core.params import Params
from retention.ledgers.runs import Run


@dataclass(frozen=True)
class GuardInputs:
    """What the stages before wrote, the champion, and the runs before."""

    sources: Mapping[
        str, SourceSummary
    ]  # last known day of each kind and source, from stage `events`
    ingested: Mapping[str, IngestSummary]  # summary of stage `ingest` of each source
    scored: ScoreSummary  # summary of stage `score`
    scores_sha256: str
    X: pd.DataFrame  # features of the cohort at as_of
    p: pd.Series  # churn probabilities of the same customers, in the same order
    champion: ChampionManifest
    reference: dict[str, Any] | None  # its profile, if it has one
    past: pd.DataFrame  # PAST_LISTS
    published: list[Run]  # all published runs of the company
    customers: int | None = None  # rows accepted of the customers file; None without such a file

    @property
    def as_of(self) -> dt.date:
        return self.scored.as_of


def run_record(inputs: GuardInputs, params: Params) -> Run:
    """The measurements of a run that need no comparison: a part of runs.Run."""
    counts = {"read", "accepted", "rejected", "unmapped", "ignored_columns"}
    return {
        "as_of": inputs.as_of.isoformat(),
        "company": params.company,
        "model": inputs.champion.models,
        "trained_to": inputs.champion.trained_to.isoformat(),
        "sources": {
            source: summary.model_dump(mode="json", include=counts)
            for source, summary in inputs.ingested.items()
        },
        "customers": inputs.customers,
        "watched": len(inputs.X),
        "scores_sha256": inputs.scores_sha256,
        "mean_risk": float(inputs.p.mean()),
    }
