"""A churn blend and two value blends, combined into a customer's scores."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.components.base import Floats, State
from models.components.blend import ChurnBlend, ValueBlend
from models.components.interval import ValueInterval

COLUMNS = (
    "churn_probability",
    "expected_value",
    "value_low",
    "value_high",
    "value_if_kept",
    "value_if_lost",
    "expected_loss",
)
_NULLABLE = ("value_low", "value_high")


@dataclass(frozen=True)
class Scorer:
    """Fitted models, weighted and calibrated."""

    churn: ChurnBlend
    value_if_kept: ValueBlend  # E[value | stayed]
    value_if_lost: ValueBlend  # E[value | churned]
    interval: ValueInterval | None = None  # None: low and high are null

    def probability(self, X: pd.DataFrame) -> Floats:
        """Churn probability of each row of X, ndarray of shape (n,)."""
        return self.churn.predict(X)

    def score(self, X: pd.DataFrame) -> pd.DataFrame:
        """Scores of every row of X.

        expected_value = (1 - p) value_if_kept + p value_if_lost;
        expected_loss = p (value_if_kept - value_if_lost).

        Parameters
        ----------
        X : DataFrame of shape (n, features)

        Returns
        -------
        DataFrame of shape (n, 7)
            COLUMNS, indexed as X: a probability, and money in account currency; value_low and
            value_high are null where there is no interval.

        Raises
        ------
        ValueError
            If a column is missing, a score is not finite or a probability outside [0, 1].
        """
        p = self.probability(X)
        if_kept, if_lost = self.value_if_kept.predict(X), self.value_if_lost.predict(X)
        expected = (1 - p) * if_kept + p * if_lost
        unknown = np.full(len(X), np.nan)
        low, high = self.interval.predict(expected) if self.interval else (unknown, unknown)
        parts = [p, expected, low, high, if_kept, if_lost, p * (if_kept - if_lost)]
        scores = pd.DataFrame(dict(zip(COLUMNS, parts, strict=True)), index=X.index)
        required = scores if self.interval else scores.drop(columns=list(_NULLABLE))
        if not np.isfinite(required.to_numpy()).all() or not scores[COLUMNS[0]].between(0, 1).all():
            raise ValueError("a score is not finite, or a probability lies outside 0 to 1")
        return scores

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Contributions to the log-odds of churn; see `ChurnBlend`."""
        return self.churn.contributions(X)

    def states(self) -> dict[str, State]:
        """The scorer as JSON-able values, by the stem of the file: `churn` and `value`."""
        return {
            "churn": self.churn.state(),
            "value": {
                "kept": self.value_if_kept.state(),
                "lost": self.value_if_lost.state(),
                "interval": self.interval.state() if self.interval else None,
            },
        }

    @classmethod
    def from_states(cls, states: dict[str, State]) -> "Scorer":
        """The scorer that `states` describes; its scores are the same to the bit.

        Returns
        -------
        Scorer

        Raises
        ------
        KeyError
            If a model's file is no longer in `models/`, or an earlier version wrote the states.
        """
        churn, value = states["churn"], states["value"]
        interval = value["interval"]
        return cls(
            churn=ChurnBlend.from_state(churn),
            value_if_kept=ValueBlend.from_state(value["kept"]),
            value_if_lost=ValueBlend.from_state(value["lost"]),
            interval=ValueInterval.from_state(interval) if interval else None,
        )
