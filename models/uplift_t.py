"""The T-learner: one churn model of the treated, one of the untreated."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from models.components.base import Floats, State
from models.components.boosting import BoostedModel, Encoder, Ensemble
from models.components.uplift import ExperimentData, UpliftModel


@dataclass(eq=False, repr=False, kw_only=True)
class TwoModels(BoostedModel, UpliftModel):
    """effect = P(churn | x, contacted) - P(churn | x, not contacted), two boosters (LightGBM).

    The independent errors of the two boosters look like effects. It is the textbook's baseline
    here, with trees as large as those of the churn model.

    References
    ----------
    Künzel, Sekhon, Bickel & Yu (2019), Metalearners for estimating heterogeneous treatment
    effects using machine learning, PNAS 116.
    """

    baseline = True
    title = "two churn models (T-learner)"

    rounds: int = 60
    num_leaves: int = 7
    min_data_in_leaf: int = 60

    def _fit_experiment(self, X: pd.DataFrame, experiment: ExperimentData) -> None:
        self.encoder_ = Encoder.fit(X)
        self.arms_ = [self._fit_arm(X, experiment, arm) for arm in (0.0, 1.0)]

    def _fit_arm(self, X: pd.DataFrame, experiment: ExperimentData, arm: float) -> Ensemble:
        in_arm = experiment.treated == arm
        p_arm = experiment.propensity if arm else 1 - experiment.propensity
        weight = p_arm.mean() / p_arm[in_arm]
        booster_config = self._booster_config(self.rounds, objective="binary")
        return booster_config.train(self.encoder_, X.loc[in_arm], experiment.y[in_arm], weight)

    def _predict(self, X: pd.DataFrame) -> Floats:
        matrix = self.encoder_.transform(X)
        untreated, treated = (expit(arm.raw(matrix)) for arm in self.arms_)
        return np.asarray(treated - untreated)

    def _get_state(self) -> State:
        return {"levels": self.encoder_.levels, "arms": [arm.texts() for arm in self.arms_]}

    def _set_state(self, state: State) -> None:
        self.encoder_ = self._own_encoder(state["levels"])
        self.arms_ = [self._load_ensemble(texts) for texts in state["arms"]]
