"""Gradient boosted trees on every feature."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from models.components.base import BIAS, ChurnModel, Floats, State
from models.components.boosting import BoostedModel, BoosterConfig, Encoder
from retention.stats.weighted import Weights


@dataclass(eq=False, repr=False, kw_only=True)
class LightGBMChurn(BoostedModel, ChurnModel):
    """P(churn) = 1 / (1 + exp(-mean raw score over the seeds)).

    Small trees with large leaves: rows of one customer repeat across snapshots, so the rows hold
    less information than their number suggests. Averaging log-odds keeps `contributions` exactly
    additive.

    References
    ----------
    Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree, NeurIPS 30.
    """

    baseline = False
    grows_with_rows = ("rounds",)
    title = "gradient boosted trees (LightGBM)"

    rounds: int = 120
    seeds: int = 2

    def _churn_config(self) -> BoosterConfig:
        return self._booster_config(self.rounds, objective="binary")

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        self.encoder_ = Encoder.fit(X)
        self.ensemble_ = self._churn_config().train(self.encoder_, X, y, weight)

    def tune(
        self,
        X: pd.DataFrame,
        y: ArrayLike,
        X_valid: pd.DataFrame,
        y_valid: ArrayLike,
        weight: Weights = None,
        weight_valid: Weights = None,
    ) -> dict[str, int | float]:
        """Rounds at which the log-loss on the later fold is lowest: {"rounds": n}."""
        target = np.asarray(y, dtype=float)
        self._check_target(target)
        valid = np.asarray(y_valid, dtype=float)
        rounds = self._churn_config().best_rounds(X, target, X_valid, valid, weight, weight_valid)
        return {"rounds": rounds}

    def _predict(self, X: pd.DataFrame) -> Floats:
        return np.asarray(expit(self.ensemble_.raw(self.encoder_.transform(X))))

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        columns = [*self.encoder_.columns, BIAS]
        if X.empty:
            return pd.DataFrame(columns=columns, index=X.index, dtype=float)
        parts = self.ensemble_.contributions(self.encoder_.transform(X))
        return pd.DataFrame(parts, columns=columns, index=X.index)

    def _get_state(self) -> State:
        return {"levels": self.encoder_.levels, "boosters": self.ensemble_.texts()}

    def _set_state(self, state: State) -> None:
        self.encoder_ = self._own_encoder(state["levels"])
        self.ensemble_ = self._load_ensemble(state["boosters"])
