"""The content of the monitoring page, computed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from retention.ledgers.runs import Run
from retention.monitoring.drift import Limits, ScoreDrift
from retention.monitoring.finding import Finding
from retention.monitoring.own_past import PastDrift, past_drift
from retention.training import profile
from retention.training.profile import Drift, Shares

MAX_SHOWN = 4  # features whose distribution is drawn


@dataclass(frozen=True)
class Bins:
    """Shares of customers by bins; the last bin holds customers without a value."""

    name: str
    edges: Sequence[float]  # upper ends of all bins but the last two
    then: Shares  # when the champion was trained
    now: Shares


@dataclass(frozen=True)
class DriftReport:
    """Drift of scores and features since the champion was trained; empty without a profile."""

    score: ScoreDrift | None = None
    past: PastDrift | None = None
    is_first_list: bool = False  # no later than the data that the champion was trained on
    features: Sequence[Drift] = ()  # by drift, the largest first
    scores: Bins | None = None
    shown: Sequence[Bins] = ()  # of some features that drifted most
    reference_description: str = ""  # which model the scores of then are from

    @classmethod
    def from_reference(
        cls, reference: dict[str, Any] | None, X: pd.DataFrame, p: pd.Series, as_of: dt.date
    ) -> "DriftReport":
        """Compare the cohort of a day with the profile of the champion, if it has one.

        X: features; p: churn probabilities of the same customers.
        """
        if reference is None:
            return cls()
        score, drifts = reference["score"], profile.feature_drifts(reference, X)
        numbers = [drift.name for drift in drifts if drift.measure == "psi"][:MAX_SHOWN]
        return cls(
            score=_score_drift(score, p),
            past=past_drift(reference, as_of),
            is_first_list=str(as_of) <= reference.get("as_of", ""),
            features=drifts,
            scores=_bins("churn_probability", score, p),
            shown=[_bins(name, reference["features"][name], X[name]) for name in numbers],
            reference_description=score["of"],
        )


def _score_drift(score: dict[str, Any], p: pd.Series) -> ScoreDrift:
    """Drift of the probabilities from the reference; `quantiles` is lacking in older profiles."""
    drift = profile.column_drift("churn_probability", score, score["rows"], p)
    quantiles = np.array(score.get("quantiles", []))
    if not len(quantiles) or not len(p):
        return ScoreDrift(drift, points=None, rarer_share=1.0)
    mean = float(quantiles.mean())
    shift = profile.score_shift(quantiles, profile.score_quantiles(p.to_numpy()))
    return ScoreDrift(drift, points=shift, rarer_share=min(mean, 1 - mean))


def _bins(name: str, reference: dict[str, Any], now: pd.Series) -> Bins:
    then = profile.reference_shares(reference)
    return Bins(name, reference["edges"], then, profile.shares_in_bins(reference, now))


@dataclass(frozen=True)
class GuardReport:
    """All findings of a run and what is recorded of it."""

    company: str
    as_of: dt.date
    findings: Sequence[Finding]  # the worst first
    banners: Sequence[str]  # what the findings add to the list
    model: str
    model_banners: Sequence[str]  # what the scores bring with them
    run: Run
    earlier: Sequence[Run]  # published runs, the oldest first
    drift_report: DriftReport
    limits: Limits  # of the drift of each feature
    notes: Sequence[str] = ()  # on overrides that do not count

    @property
    def list_banners(self) -> list[str]:
        """The banners of the list, in their order."""
        return [*self.model_banners, *self.banners]
