"""Churn and value put together: what one customer's scores are made of."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import models
from models.components.base import ChurnModel, Floats, State, ValueModel
from models.components.calibration import Calibrator, restore
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
    """A calibrated churn model, value given kept, value given lost, and the value's interval."""

    churn: tuple[str, ChurnModel]
    calibrator: Calibrator
    kept: tuple[str, ValueModel]
    lost: tuple[str, ValueModel]
    interval: ValueInterval | None = None

    def probability(self, X: pd.DataFrame) -> Floats:
        """(n,) calibrated probability of churn."""
        return self.calibrator.predict(self.churn[1].predict_proba(X)[:, 1])

    def score(self, X: pd.DataFrame) -> pd.DataFrame:
        """COLUMNS for every row of X, in currency and probabilities; ValueError if not finite.

        expected_value = (1 - p) kept + p lost; expected_loss = p (kept - lost).
        """
        p = self.probability(X)
        kept, lost = self.kept[1].predict(X), self.lost[1].predict(X)
        expected = (1 - p) * kept + p * lost
        low, high = self.interval.predict(expected) if self.interval else (expected, expected)
        parts = [p, expected, low, high, kept, lost, p * (kept - lost)]
        scores = pd.DataFrame(dict(zip(COLUMNS, parts, strict=True)), index=X.index)
        if not np.isfinite(scores.to_numpy()).all() or not scores[COLUMNS[0]].between(0, 1).all():
            raise ValueError("a score is not finite, or a probability lies outside 0 to 1")
        return scores

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the log-odds of churn, before calibration."""
        return self.churn[1].contributions(X)

    def states(self) -> dict[str, State]:
        """What to write down, by file stem: churn and value."""
        return {
            "churn": {"model": _state(self.churn), "calibrator": self.calibrator.state()},
            "value": {
                "kept": _state(self.kept),
                "lost": _state(self.lost),
                "interval": self.interval.state() if self.interval else None,
            },
        }

    @classmethod
    def from_states(cls, states: dict[str, State]) -> "Scorer":
        """The inverse of `states`."""
        churn, value = states["churn"], states["value"]
        interval = value["interval"]
        return cls(
            churn=_restored(churn["model"]),
            calibrator=restore(churn["calibrator"]),
            kept=_restored(value["kept"]),
            lost=_restored(value["lost"]),
            interval=ValueInterval.from_state(interval) if interval else None,
        )


def _state(named: tuple[str, Any]) -> State:
    name, model = named
    return {"name": name, **model.state()}


def _restored(state: State) -> tuple[str, Any]:
    return state["name"], models.discover()[state["name"]].from_state(state)
