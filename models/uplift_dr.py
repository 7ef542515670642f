"""The doubly robust learner: the experiment's scores, regressed on a few columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from models.components.base import Floats, State
from models.components.boosting import BoostedModel, BoosterConfig, Encoder, Ensemble
from models.components.uplift import (
    FOLDS,
    RISK,
    ExperimentData,
    UpliftModel,
    clip_risk,
    common_relative_effect,
    fold_of,
    inverse_variance,
)

MODIFIERS = (RISK, "visits_90d", "days_since_visit", "failures_90d", "failure_weight")
"""Likely effect modifiers: the risk, whether the customer is still active (a contact reminds an
inactive one to cancel), and service failures. Effects are small against noise: among hundreds of
columns the best split is a chance find. A company may name its own."""

_OUTCOME_OPTIONS = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "objective": "binary",
}


@dataclass(eq=False, repr=False, kw_only=True)
class DoublyRobust(BoostedModel, UpliftModel):
    """effect = risk * (relative effect + f(x)), f by LightGBM on doubly robust scores.

    The scores (`ExperimentData.doubly_robust_scores`) take their one nuisance, the expected
    outcome of a row, from a booster that has not seen the row's customer. They are divided by the
    risk and regressed with inverse-variance weights: where f finds nothing, one relative effect
    for all remains, and the ranking is that of expected loss. f is shrunk by stumps with large
    leaves, few rounds and `lambda_l2`, whose unit is the precision of a relative effect (1 /
    variance of its prior).

    `modifiers` are the columns that f may read, of those that X has; None stands for all, as
    does a list of which X has none. The risk is X's column of that name, or else the outcome
    model's own prediction.

    References
    ----------
    Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects,
    Electronic Journal of Statistics 17.
    """

    baseline = False
    complexity_rank = 4
    title = "doubly robust learner (LightGBM)"

    rounds: int = 50
    rounds_expected: int = 40  # of the outcome model
    learning_rate: float = 0.02
    num_leaves: int = 2
    min_data_in_leaf: int = 500
    bagging_fraction: float = 0.5
    lambda_l2: float = 4.0
    modifiers: Sequence[str] | None = MODIFIERS
    seeds: int = 4

    def _modifier_columns(self, X: pd.DataFrame) -> list[str]:
        named = [name for name in X.columns if name in (self.modifiers or ())]
        return named or list(X.columns)

    def _fit_outcome_model(
        self, X: pd.DataFrame, experiment: ExperimentData
    ) -> tuple[Encoder, Ensemble]:
        encoder = Encoder.fit(X)
        booster_config = BoosterConfig(
            _OUTCOME_OPTIONS, self.rounds_expected, 1, self.seed, self.threads
        )
        weight = experiment.balancing_weights
        return encoder, booster_config.train(encoder, X, experiment.churned, weight)

    def _out_of_fold_outcome(self, X: pd.DataFrame, experiment: ExperimentData) -> Floats:
        """(n,) expected outcome of each row, by a booster fitted on other customers."""
        folds = fold_of(experiment.customer, FOLDS, "nuisance")
        expected = np.empty(len(X))
        for fold in np.unique(folds):
            in_fold = folds == fold
            encoder, booster = self._fit_outcome_model(X.loc[~in_fold], experiment.take(~in_fold))
            expected[in_fold] = expit(booster.raw(encoder.transform(X.loc[in_fold])))
        return expected

    def _fit_experiment(self, X: pd.DataFrame, experiment: ExperimentData) -> None:
        expected = self._out_of_fold_outcome(X, experiment)
        self.risk_ = None if RISK in X.columns else self._fit_outcome_model(X, experiment)
        risk = clip_risk(X[RISK] if RISK in X.columns else expected)
        scores = experiment.doubly_robust_scores(expected)
        self.relative_effect_ = common_relative_effect(experiment, scores, risk)
        modifiers = X[self._modifier_columns(X)]
        self.encoder_ = Encoder.fit(modifiers)
        # The common effect is taken out, and boost_from_average is off, so that f starts at 0 and
        # lambda_l2 shrinks towards the common effect instead of towards no effect.
        booster_config = self._booster_config(
            self.rounds, objective="regression", boost_from_average=False
        )
        target = scores / risk - self.relative_effect_
        weight = inverse_variance(experiment, risk)
        self.effect_ = booster_config.train(self.encoder_, modifiers, target, weight)

    def _risk(self, X: pd.DataFrame) -> Floats:
        if self.risk_ is None:
            return clip_risk(X[RISK])
        encoder, booster = self.risk_
        return clip_risk(expit(booster.raw(encoder.transform(X))))

    def _predict(self, X: pd.DataFrame) -> Floats:
        """A contact cannot take away more than the risk, nor add more than 1 - risk."""
        risk = self._risk(X)
        relative_effect = self.relative_effect_ + self.effect_.raw(self.encoder_.transform(X))
        return np.clip(risk * relative_effect, -risk, 1 - risk)

    def _get_state(self) -> State:
        return {
            "share": self.relative_effect_,
            "effect": _dump(self.encoder_, self.effect_),
            "risk": _dump(*self.risk_) if self.risk_ else None,
        }

    def _set_state(self, state: State) -> None:
        self.relative_effect_ = state["share"]
        self.encoder_, self.effect_ = self._load(state["effect"])
        self.risk_ = self._load(state["risk"]) if state["risk"] else None

    def _load(self, dumped: State) -> tuple[Encoder, Ensemble]:
        encoder = Encoder(dumped["columns"], dumped["levels"])
        return encoder, self._load_ensemble(dumped["boosters"])


def _dump(encoder: Encoder, booster: Ensemble) -> State:
    return {
        "columns": encoder.columns,
        "levels": encoder.levels,
        "boosters": booster.texts(),
    }
