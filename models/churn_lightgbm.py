"""Gradient boosted trees on every feature (Ke et al. 2017)."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from models.components.base import BIAS, ChurnModel, Floats, State
from models.components.boosting import Encoder, Ensemble, Recipe


class LightGBMChurn(ChurnModel):
    """P(churn) = 1 / (1 + exp(-mean raw score over the seeds)).

    Small trees with large leaves: rows of one customer repeat across snapshots, so the rows say
    less than they count. Averaging log-odds keeps `contributions` exactly additive.
    """

    baseline = False
    simplicity = 4
    title = "gradient boosted trees (LightGBM)"

    def __init__(
        self,
        rounds: int = 120,
        learning_rate: float = 0.05,
        num_leaves: int = 15,
        min_data_in_leaf: int = 40,
        feature_fraction: float = 0.5,
        bagging_fraction: float = 0.8,
        lambda_l2: float = 5.0,
        seeds: int = 2,
        seed: int = 20260401,
        threads: int = 2,
    ) -> None:
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_data_in_leaf = min_data_in_leaf
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.lambda_l2 = lambda_l2
        self.seeds = seeds
        self.seed = seed
        self.threads = threads

    def _recipe(self) -> Recipe:
        return Recipe.of(self, self.rounds, objective="binary")

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        self.encoder_ = Encoder.fit(X)
        self.ensemble_ = self._recipe().train(self.encoder_, X, y, weight)

    def tune(
        self, X: pd.DataFrame, y: ArrayLike, X_valid: pd.DataFrame, y_valid: ArrayLike
    ) -> dict[str, int | float]:
        """{"rounds": n}: log-loss on the later fold is lowest there."""
        target = np.asarray(y, dtype=float)
        self._check_target(target)
        valid = np.asarray(y_valid, dtype=float)
        return {"rounds": self._recipe().best_rounds(X, target, X_valid, valid)}

    def _predict(self, X: pd.DataFrame) -> Floats:
        return np.asarray(expit(self.ensemble_.raw(self.encoder_.transform(X))))

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        columns = [*self.encoder_.columns, BIAS]
        if X.empty:
            return pd.DataFrame(columns=columns, index=X.index, dtype=float)
        parts = self.ensemble_.contributions(self.encoder_.transform(X))
        return pd.DataFrame(parts, columns=columns, index=X.index)

    def _learnt(self) -> State:
        return {"levels": self.encoder_.levels, "boosters": self.ensemble_.texts()}

    def _restore(self, learnt: State) -> None:
        self.encoder_ = Encoder(self.feature_names_in_.tolist(), learnt["levels"])
        self.ensemble_ = Ensemble.from_texts(learnt["boosters"], self.threads)
