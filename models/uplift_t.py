"""The T-learner: one churn model of those who were contacted, one of those who were not."""

import numpy as np
import pandas as pd
from scipy.special import expit

from models.components.base import Floats, State
from models.components.boosting import Encoder, Ensemble, Recipe
from models.components.uplift import Trial, UpliftModel


class TwoModels(UpliftModel):
    """effect = P(left | x, contacted) - P(left | x, not contacted), two boosters (LightGBM).

    What the two get wrong each on its own looks like an effect (Künzel et al. 2019): here as the
    textbook's baseline, with trees as large as those of the churn model.
    """

    baseline = True
    simplicity = 3
    title = "two churn models (T-learner)"

    def __init__(
        self,
        rounds: int = 60,
        learning_rate: float = 0.05,
        num_leaves: int = 7,
        min_data_in_leaf: int = 60,
        feature_fraction: float = 0.5,
        bagging_fraction: float = 0.8,
        lambda_l2: float = 5.0,
        seeds: int = 1,
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

    def _learn(self, X: pd.DataFrame, trial: Trial) -> None:
        self.encoder_ = Encoder.fit(X)
        self.arms_ = [self._arm(X, trial, arm) for arm in (0.0, 1.0)]

    def _arm(self, X: pd.DataFrame, trial: Trial, arm: float) -> Ensemble:
        mine = trial.treated == arm
        chance = trial.propensity if arm else 1 - trial.propensity
        recipe = Recipe.of(self, self.rounds, objective="binary")
        weight = chance.mean() / chance[mine]
        return recipe.train(self.encoder_, X.loc[mine], trial.left[mine], weight)

    def _predict(self, X: pd.DataFrame) -> Floats:
        matrix = self.encoder_.transform(X)
        alone, called = (expit(arm.raw(matrix)) for arm in self.arms_)
        return np.asarray(called - alone)

    def _learnt(self) -> State:
        return {"levels": self.encoder_.levels, "arms": [arm.texts() for arm in self.arms_]}

    def _restore(self, learnt: State) -> None:
        self.encoder_ = Encoder(self.feature_names_in_.tolist(), learnt["levels"])
        self.arms_ = [Ensemble.from_texts(texts, self.threads) for texts in learnt["arms"]]
