"""What the page of guards shows, already computed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from retention.ledgers.runs import Run
from retention.monitoring.finding import Finding
from retention.training import profile
from retention.training.profile import Drift, Shares

SHOWN = 4  # features whose distribution is drawn


@dataclass(frozen=True)
class Bins:
    """Shares of customers by bins, then and now. edges: upper ends of all bins but the last two.

    The last bin is of those without a value.
    """

    name: str
    edges: Sequence[float]
    then: Shares
    now: Shares


@dataclass(frozen=True)
class Course:
    """How far scores and features moved since the champion was made; empty without a profile.

    features: the furthest first. shown: distributions of some that moved furthest. told: whose
    scores `then` were.
    """

    score: Drift | None = None
    features: Sequence[Drift] = ()
    scores: Bins | None = None
    shown: Sequence[Bins] = ()
    told: str = ""

    @classmethod
    def of(cls, reference: dict[str, Any] | None, X: pd.DataFrame, p: pd.Series) -> "Course":
        """Against a champion's profile, if it has one."""
        if reference is None:
            return cls()
        told, found = reference["score"], profile.psi(reference, X)
        numbers = [one.name for one in found if one.measure == "psi"][:SHOWN]
        return cls(
            score=profile.drift("churn_probability", told, told["rows"], p),
            features=found,
            scores=_bins("churn_probability", told, p),
            shown=[_bins(name, reference["features"][name], X[name]) for name in numbers],
            told=reference["score"]["of"],
        )


def _bins(name: str, told: dict[str, Any], now: pd.Series) -> Bins:
    then = profile.reference_shares(told)
    return Bins(name, told["edges"], then, profile.shares(told, now))


@dataclass(frozen=True)
class Content:
    """The page. findings: the worst first. of_model: banners that the model brings itself.

    notes: what is said of overrides that do not count. limits: of each measure of drift.
    earlier: published runs, oldest first.
    """

    company: str
    as_of: dt.date
    findings: Sequence[Finding]
    banners: Sequence[str]
    model: str
    of_model: Sequence[str]
    run: Run
    earlier: Sequence[Run]
    course: Course
    limits: dict[str, float | None]
    notes: Sequence[str] = ()

    @property
    def on_the_list(self) -> list[str]:
        """What staff read above the list."""
        return [*self.of_model, *self.banners]
