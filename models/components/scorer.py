"""A churn model, two value models and their calibration, combined into a customer's scores."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import models
from models.components.base import ChurnModel, Floats, State, ValueModel
from models.components.calibration import Calibrator, restore_calibrator
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


@dataclass(frozen=True)
class Scorer:
    """Fitted models with the names of their files, and what calibrates them."""

    churn: tuple[str, ChurnModel]
    calibrator: Calibrator  # of the churn probability
    value_if_kept: tuple[str, ValueModel]  # E[value | stayed]
    value_if_lost: tuple[str, ValueModel]  # E[value | churned]
    interval: ValueInterval | None = None  # None: low and high are the expected value

    def probability(self, X: pd.DataFrame) -> Floats:
        """Calibrated churn probability of each row of X, ndarray of shape (n,)."""
        return self.calibrator.predict(self.churn[1].predict_proba(X)[:, 1])

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
            COLUMNS, indexed as X: a probability, and money in account currency.

        Raises
        ------
        ValueError
            If a column is missing, a score is not finite or a probability outside [0, 1].
        """
        p = self.probability(X)
        if_kept, if_lost = self.value_if_kept[1].predict(X), self.value_if_lost[1].predict(X)
        expected = (1 - p) * if_kept + p * if_lost
        low, high = self.interval.predict(expected) if self.interval else (expected, expected)
        parts = [p, expected, low, high, if_kept, if_lost, p * (if_kept - if_lost)]
        scores = pd.DataFrame(dict(zip(COLUMNS, parts, strict=True)), index=X.index)
        if not np.isfinite(scores.to_numpy()).all() or not scores[COLUMNS[0]].between(0, 1).all():
            raise ValueError("a score is not finite, or a probability lies outside 0 to 1")
        return scores

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Contributions to the log-odds of churn before calibration; see `ChurnModel`."""
        return self.churn[1].contributions(X)

    def states(self) -> dict[str, State]:
        """The scorer as JSON-able values, by the stem of the file: `churn` and `value`."""
        return {
            "churn": {"model": _named_state(self.churn), "calibrator": self.calibrator.state()},
            "value": {
                "kept": _named_state(self.value_if_kept),
                "lost": _named_state(self.value_if_lost),
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
            If a model's file is no longer in `models/`.
        """
        churn, value = states["churn"], states["value"]
        interval = value["interval"]
        return cls(
            churn=_named_model(churn["model"]),
            calibrator=restore_calibrator(churn["calibrator"]),
            value_if_kept=_named_model(value["kept"]),
            value_if_lost=_named_model(value["lost"]),
            interval=ValueInterval.from_state(interval) if interval else None,
        )


def _named_state(named: tuple[str, Any]) -> State:
    name, model = named
    return {"name": name, **model.state()}


def _named_model(state: State) -> tuple[str, Any]:
    return state["name"], models.discover()[state["name"]].from_state(state)
