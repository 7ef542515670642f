"""The doubly robust learner: what the experiment says of each row, regressed on few columns."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from models.components.base import Floats, State
from models.components.boosting import Encoder, Ensemble, Recipe
from models.components.uplift import (
    FOLDS,
    RISK,
    Trial,
    UpliftModel,
    common_share,
    fold_of,
    kept_inside,
    precision,
)

MODIFIERS = (RISK, "visits_90d", "days_since_visit", "failures_90d", "failure_weight")
"""What may change what a contact does: the risk, whether customers still deal with the company (who
has forgotten it had better not be reminded), and whether it failed them. Effects are small next to
chance: among hundreds of columns the best split is one of luck's. A company names its own."""

_NUISANCE = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "objective": "binary",
}


class DoublyRobust(UpliftModel):
    """effect = risk * (share + f(x)), f by LightGBM on doubly robust scores (Kennedy 2020).

    The scores (Trial.scores) take their one nuisance, the outcome expected of a row, from a
    booster that has not seen the row's customer. They are regressed as shares of the risk, each
    with its inverse variance as weight: where f finds nothing, what is left is one share for
    everybody, which ranks as the expected loss does. f is shrunk by stumps with large leaves, few
    rounds and `lambda_l2`, in units of the precision: 1 / variance of a share known before.

    `modifiers` are the columns that f may read, of those that X has; None stands for all, as
    does a list of which X has none. Risk is X's column of that name, else the nuisance's own.
    """

    baseline = False
    simplicity = 4
    title = "doubly robust learner (LightGBM)"

    def __init__(
        self,
        rounds: int = 50,
        rounds_expected: int = 40,
        learning_rate: float = 0.02,
        num_leaves: int = 2,
        min_data_in_leaf: int = 500,
        feature_fraction: float = 0.5,
        bagging_fraction: float = 0.5,
        lambda_l2: float = 4.0,
        modifiers: Sequence[str] | None = MODIFIERS,
        seeds: int = 4,
        seed: int = 20260401,
        threads: int = 2,
    ) -> None:
        self.rounds = rounds
        self.rounds_expected = rounds_expected
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_data_in_leaf = min_data_in_leaf
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.lambda_l2 = lambda_l2
        self.modifiers = modifiers
        self.seeds = seeds
        self.seed = seed
        self.threads = threads

    def _read_by_effect(self, X: pd.DataFrame) -> list[str]:
        named = [name for name in X.columns if name in (self.modifiers or ())]
        return named or list(X.columns)

    def _expected(self, X: pd.DataFrame, trial: Trial) -> tuple[Encoder, Ensemble]:
        encoder = Encoder.fit(X)
        recipe = Recipe(_NUISANCE, self.rounds_expected, 1, self.seed, self.threads)
        return encoder, recipe.train(encoder, X, trial.left, trial.balance)

    def _crossed(self, X: pd.DataFrame, trial: Trial) -> Floats:
        """(n,) the outcome expected of each row by a booster of other customers."""
        fold = fold_of(trial.customer, FOLDS, "nuisance")
        expected = np.empty(len(X))
        for one in np.unique(fold):
            held = fold == one
            encoder, booster = self._expected(X.loc[~held], trial.take(~held))
            expected[held] = expit(booster.raw(encoder.transform(X.loc[held])))
        return expected

    def _learn(self, X: pd.DataFrame, trial: Trial) -> None:
        expected = self._crossed(X, trial)
        self.risk_ = None if RISK in X.columns else self._expected(X, trial)
        risk = kept_inside(X[RISK] if RISK in X.columns else expected)
        scores, weight = trial.scores(expected), precision(trial, risk)
        self.share_ = common_share(trial, scores, risk)
        read = X[self._read_by_effect(X)]
        self.encoder_ = Encoder.fit(read)
        options = {"objective": "regression", "boost_from_average": False}
        recipe = Recipe.of(self, self.rounds, **options)
        self.effect_ = recipe.train(self.encoder_, read, scores / risk - self.share_, weight)

    def _risk(self, X: pd.DataFrame) -> Floats:
        if self.risk_ is None:
            return kept_inside(X[RISK])
        encoder, booster = self.risk_
        return kept_inside(expit(booster.raw(encoder.transform(X))))

    def _predict(self, X: pd.DataFrame) -> Floats:
        """No contact takes more than the whole risk, nor adds more than is left to 1."""
        risk = self._risk(X)
        share = self.share_ + self.effect_.raw(self.encoder_.transform(X))
        return np.clip(risk * share, -risk, 1 - risk)

    def _learnt(self) -> State:
        return {
            "share": self.share_,
            "effect": _written(self.encoder_, self.effect_),
            "risk": _written(*self.risk_) if self.risk_ else None,
        }

    def _restore(self, learnt: State) -> None:
        self.share_ = learnt["share"]
        self.encoder_, self.effect_ = self._read_back(learnt["effect"])
        self.risk_ = self._read_back(learnt["risk"]) if learnt["risk"] else None

    def _read_back(self, written: State) -> tuple[Encoder, Ensemble]:
        encoder = Encoder(written["columns"], written["levels"])
        return encoder, Ensemble.from_texts(written["boosters"], self.threads)


def _written(encoder: Encoder, booster: Ensemble) -> State:
    return {
        "columns": encoder.columns,
        "levels": encoder.levels,
        "boosters": booster.texts(),
    }
