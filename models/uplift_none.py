"""No individual uplift: a contact has the same relative effect on every customer."""

import numpy as np
import pandas as pd

from models.components.base import Floats, State
from models.components.uplift import (
    RISK,
    ExperimentData,
    UpliftModel,
    clip_risk,
    common_relative_effect,
)


class NoUplift(UpliftModel):
    """effect = relative effect * risk, with one relative effect for all customers.

    Ranking by effect times value then equals ranking by expected loss. Where X has no risk, every
    customer has the mean risk of the training rows, and so the same effect.
    """

    baseline = True
    title = "the same share of everybody's risk"

    def columns(self, X: pd.DataFrame) -> list[str]:
        """The risk, where X has it."""
        return [RISK] if RISK in X.columns else []

    def _risk(self, X: pd.DataFrame) -> Floats:
        return clip_risk(X[RISK]) if RISK in X.columns else np.full(len(X), self.rate_)

    def _fit_experiment(self, X: pd.DataFrame, experiment: ExperimentData) -> None:
        mean = np.average(experiment.y, weights=experiment.balancing_weights)
        self.rate_ = float(clip_risk(mean))
        risk = self._risk(X)
        scores = experiment.doubly_robust_scores(risk)
        self.relative_effect_ = max(common_relative_effect(experiment, scores, risk), -1.0)

    def _predict(self, X: pd.DataFrame) -> Floats:
        return self.relative_effect_ * self._risk(X)

    def _get_state(self) -> State:
        return {"rate": self.rate_, "share": self.relative_effect_}

    def _set_state(self, state: State) -> None:
        self.rate_, self.relative_effect_ = state["rate"], state["share"]
