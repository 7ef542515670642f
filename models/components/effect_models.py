"""The parts of a doubly robust learner: what is expected of a customer, what a contact changes."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.components.base import Floats, State, log_odds
from models.components.boosting import BoosterConfig, Encoder, Ensemble
from models.components.effect_columns import ColumnGroups, design_matrix
from models.components.effect_scale import EffectData, EffectScale, fit_linear_effect
from models.components.uplift import RISK, Outcome

OUTCOME_OPTIONS: State = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
}
_RARE = 1e-4  # probabilities are kept that far from 0 and 1
_LINE_PRECISION = np.array([1e-6, 1.0])  # of the prior of intercept and slope
_LINE_CENTRE = np.array([0.0, 1.0])


@dataclass(frozen=True)
class ExpectedOutcome:
    """Log-odds of churn, or money, expected of a customer whichever the arm.

    Log-odds of churn are those of RISK where X has it, recalibrated by a line, so that a risk that
    is too small for the customers of the experiment does no harm. The churn model has seen many
    more outcomes than the experiment has: boosters on top of it add noise. Else boosters predict.
    """

    outcome: Outcome
    intercept: float
    slope: float  # of the log-odds of RISK
    encoder: Encoder | None
    boosters: Ensemble | None  # None where RISK tells

    @classmethod
    def fit(
        cls, outcome: Outcome, X: pd.DataFrame, y: Floats, rounds: int, seed: int, threads: int
    ) -> Self:
        """Fit to n rows.

        Parameters
        ----------
        outcome : {"churn", "money"}
        X : DataFrame of shape (n, features)
        y : ndarray of shape (n,)
            0 or 1, or currency.
        rounds, seed, threads : int
            Of the boosters.

        Returns
        -------
        ExpectedOutcome
        """
        intercept, slope = _line(outcome, X, y)
        if slope:
            return cls(outcome, intercept, slope, None, None)
        objective = "binary" if outcome == "churn" else "regression"
        config = BoosterConfig(
            {**OUTCOME_OPTIONS, "objective": objective}, rounds, 1, seed, threads
        )
        encoder = Encoder.fit(X)
        boosters = config.train(encoder, X, y, np.ones(len(X)), np.full(len(X), intercept))
        return cls(outcome, intercept, slope, encoder, boosters)

    def predict(self, X: pd.DataFrame) -> Floats:
        """(n,) log-odds or currency."""
        if self.encoder is None or self.boosters is None:
            return np.asarray(self.intercept + self.slope * _risk_log_odds(X))
        return self.intercept + self.boosters.raw(self.encoder.transform(X))

    def state(self) -> State:
        """The model as JSON-able values."""
        return {
            "outcome": self.outcome,
            "intercept": self.intercept,
            "slope": self.slope,
            "columns": self.encoder.columns if self.encoder else None,
            "levels": self.encoder.levels if self.encoder else None,
            "boosters": self.boosters.texts() if self.boosters else None,
        }

    @classmethod
    def from_state(cls, state: State, threads: int) -> Self:
        """The model that `state` describes."""
        line = state["outcome"], state["intercept"], state["slope"]
        if state["boosters"] is None:
            return cls(*line, None, None)
        encoder = Encoder(state["columns"], state["levels"])
        return cls(*line, encoder, Ensemble.from_texts(state["boosters"], threads))


def _risk_log_odds(X: pd.DataFrame) -> Floats:
    return log_odds(np.clip(X[RISK].to_numpy(dtype=float), _RARE, 1 - _RARE))


def _line(outcome: Outcome, X: pd.DataFrame, y: Floats) -> tuple[float, float]:
    """Intercept and slope from which the boosters start."""
    if outcome == "money":
        return float(y.mean()), 0.0
    if RISK not in X.columns:
        return float(log_odds(np.clip(y.mean(), _RARE, 1 - _RARE))), 0.0
    ones = np.ones(len(X))
    data = EffectData(EffectScale("churn"), y, 0 * ones, ones)
    design = np.column_stack([ones, _risk_log_odds(X)])
    intercept, slope = fit_linear_effect(data, design, _LINE_PRECISION, _LINE_CENTRE)
    return float(intercept), float(slope)


@dataclass(frozen=True)
class EffectModifiers:
    """How the effect of a contact differs from the common one: a linear part and boosted trees.

    Both read the chosen columns as ranks within -1..1 (`design_matrix`), so that no outlier of a
    column moves the effect.
    """

    columns: list[str]  # those that were chosen; none: the effect is common
    groups: list[ColumnGroups]  # of each
    coefficients: Floats  # of `design_matrix`
    trees: Ensemble | None

    @classmethod
    def fit(
        cls,
        groups: dict[str, ColumnGroups],
        codes: NDArray[np.int64],
        data: EffectData,
        common: float,
        precision: tuple[float, float],
        trees: BoosterConfig,
    ) -> Self:
        """Fit to n rows.

        Parameters
        ----------
        groups : dict of str to ColumnGroups
            The k chosen columns.
        codes : ndarray of int, shape (n, k)
        data : EffectData of n rows
        common : float
            The common effect, from which the trees start.
        precision : tuple of float
            Of the priors of the common effect and of the coefficients.
        trees : BoosterConfig
            Its objective is set here.

        Returns
        -------
        EffectModifiers
        """
        if not groups:
            return cls([], [], np.empty(0), None)
        matrix = design_matrix(list(groups.values()), codes)
        design = np.column_stack([np.ones(len(matrix)), matrix])
        prior = np.full(design.shape[1], precision[1])
        prior[0] = precision[0]
        coefficients = fit_linear_effect(data, design, prior, np.zeros(len(prior)))[1:]

        def likelihood(f: Floats, _: object) -> tuple[Floats, Floats]:
            return -data.slope(f), data.curvature(f)

        config = replace(trees, options={**trees.options, "objective": likelihood})
        X, n = pd.DataFrame(matrix).add_prefix("column_"), len(matrix)
        boosters = config.train(Encoder.fit(X), X, data.y, np.ones(n), np.full(n, common))
        return cls(list(groups), list(groups.values()), coefficients, boosters)

    def predict(self, X: pd.DataFrame) -> Floats:
        """(n, 2) what the linear part and the trees add to the common effect."""
        if self.trees is None:
            return np.zeros((len(X), 2))
        codes = [
            group.codes(X[name]) for group, name in zip(self.groups, self.columns, strict=True)
        ]
        matrix = design_matrix(self.groups, np.column_stack(codes))
        return np.column_stack([matrix @ self.coefficients, self.trees.raw(matrix)])

    def state(self) -> State:
        """The model as JSON-able values."""
        return {
            "columns": self.columns,
            "edges": [group.edges for group in self.groups],
            "levels": [group.levels for group in self.groups],
            "coefficients": self.coefficients.tolist(),
            "trees": self.trees.texts() if self.trees else None,
        }

    @classmethod
    def from_state(cls, state: State, threads: int) -> Self:
        """The model that `state` describes."""
        cuts = zip(state["edges"], state["levels"], strict=True)
        trees = Ensemble.from_texts(state["trees"], threads) if state["trees"] else None
        groups = [ColumnGroups(edges, levels) for edges, levels in cuts]
        return cls(state["columns"], groups, np.array(state["coefficients"]), trees)
