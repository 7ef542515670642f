"""The doubly robust learner: an effect in log-odds, calibrated on customers it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.components.base import Floats, State
from models.components.boosting import BoostedModel
from models.components.effect_calibration import EffectCalibration
from models.components.effect_columns import ColumnGroups, GroupSums, stable_columns
from models.components.effect_models import EffectModifiers, ExpectedOutcome
from models.components.effect_scale import EffectData, EffectScale, fit_linear_effect
from models.components.uplift import FOLDS, ExperimentData, Outcome, UpliftModel, fold_of

COMMON_PRECISION = 1.0  # a common effect of one in log-odds is one standard deviation of its prior
COEFFICIENT_PRECISION = 10.0
SHARE_PRECISION = 4.0  # of the prior of the shares of linear part and trees, whose mean is
SHARE_CENTRE = 0.5


@dataclass(eq=False, repr=False, kw_only=True)
class DoublyRobust(BoostedModel, UpliftModel):
    """base +- (common effect + a * linear part + b * trees) on the scale of `EffectScale`.

    1. What is expected of a row whichever its arm is its base, by models of other customers.
    2. The columns that modify the effect are those over whose groups it differs with most folds
       of customers left out in turn (`stable_columns`); often none is.
    3. The linear part and the trees are fitted to them, by the likelihood of the outcome given the
       base. The contrast is the treatment less its propensity, so that an error of the base
       does not pass for an effect.
    4. The common effect and the shares a and b are fitted to parts that have not seen the
       customer: where nothing is found on these, one effect in log-odds remains for all.
    5. Groups of customers by predicted effect are compared with doubly robust scores
       (`EffectCalibration`).

    `modifiers` restricts the columns that step 2 chooses from to those of these names; None
    stands for all, as does a list of which X has none.

    References
    ----------
    Nie & Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects, Biometrika
    108; Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects,
    Electronic Journal of Statistics 17.
    """

    baseline = False
    title = "doubly robust learner (LightGBM)"
    outcomes = ("churn", "money")

    outcome: Outcome = "churn"
    rounds: int = 40
    rounds_expected: int = 40  # of the base, where no RISK tells it
    learning_rate: float = 0.1
    num_leaves: int = 4
    min_data_in_leaf: int = 50
    min_information: float = 5.0  # of a leaf; 1 / the variance of its effect in log-odds
    feature_fraction: float = 1.0
    bagging_fraction: float = 0.8
    lambda_l2: float = 5.0  # precision of the prior of a leaf's effect
    modifiers: Sequence[str] | None = None
    greatest_p_value: float = 0.05  # of a column that is chosen; where there are many, the one at
    chance_columns: float = 1.25  # which so many of them are expected to pass by chance
    most_columns: int = 8

    def _candidates(self, X: pd.DataFrame) -> list[str]:
        named = [name for name in X.columns if name in (self.modifiers or ())]
        return named or list(X.columns)

    def _fit_base(self, X: pd.DataFrame, y: Floats) -> ExpectedOutcome:
        return ExpectedOutcome.fit(
            self.outcome, X, y, self.rounds_expected, self.seed, self.threads
        )

    def _out_of_fold_base(self, X: pd.DataFrame, experiment: ExperimentData) -> Floats:
        """(n,) base of each row, by a model fitted on other customers."""
        folds, base = self._folds(experiment), np.empty(len(X))
        for fold in np.unique(folds):
            held = folds == fold
            model = self._fit_base(X.loc[~held], experiment.y[~held])
            base[held] = model.predict(X.loc[held])
        return base

    @staticmethod
    def _folds(experiment: ExperimentData) -> NDArray[np.int64]:
        return fold_of(experiment.customer, FOLDS, "nuisance")

    def _fit_experiment(self, X: pd.DataFrame, experiment: ExperimentData) -> None:
        base = self._out_of_fold_base(X, experiment)
        contrast = experiment.treated - experiment.propensity
        self.scale_ = EffectScale.fit(self.outcome, experiment.y, base)
        data = EffectData(self.scale_, experiment.y, base, contrast)
        folds = self._folds(experiment)
        out_of_fold = self._fit_modifiers(X, data, folds)
        design = np.column_stack([np.ones(len(X)), out_of_fold])
        self.shares_ = fit_linear_effect(
            data,
            design,
            precision=np.array([COMMON_PRECISION, SHARE_PRECISION, SHARE_PRECISION]),
            centre=np.array([0.0, SHARE_CENTRE, SHARE_CENTRE]),
            at_least=np.array([-np.inf, 0.0, 0.0]),
        )
        untreated, treated = self.scale_.arms(base, design @ self.shares_, experiment.propensity)
        scores = experiment.doubly_robust_scores(experiment.crossed_mean(untreated, treated))
        self.calibration_ = EffectCalibration.fit(treated - untreated, scores, experiment.customer)
        self.propensity_ = float(experiment.propensity.mean())
        self.base_ = self._fit_base(X, experiment.y)

    def _fit_modifiers(self, X: pd.DataFrame, data: EffectData, folds: NDArray[np.int64]) -> Floats:
        """Fit them to all rows; returned are the parts (n, 2), fitted to other folds."""
        names = self._candidates(X)
        groups = [ColumnGroups.fit(X[name]) for name in names]
        codes = np.column_stack(
            [group.codes(X[name]) for group, name in zip(groups, names, strict=True)]
        )
        intercept = np.ones((len(X), 1))
        common = fit_linear_effect(data, intercept, np.array([COMMON_PRECISION]), np.zeros(1))[0]
        f = np.full(len(X), common)
        sums = GroupSums.from_rows(groups, codes, folds, data.slope(f), data.curvature(f))
        level = min(self.greatest_p_value, self.chance_columns / len(names))
        trees = self._booster_config(self.rounds, min_sum_hessian_in_leaf=self.min_information)

        def fit(rows: NDArray[np.bool_], of_folds: list[int]) -> EffectModifiers:
            columns = stable_columns(sums, of_folds, level, self.most_columns)
            return EffectModifiers.fit(
                {names[j]: groups[j] for j in columns},
                codes[rows][:, columns],
                data.take(rows),
                float(common),
                (COMMON_PRECISION, COEFFICIENT_PRECISION),
                trees,
            )

        present = np.unique(folds).tolist()
        parts = np.empty((len(X), 2))
        for fold in present:
            held = folds == fold
            others = [other for other in present if other != fold]
            parts[held] = fit(~held, others).predict(X.loc[held])
        self.modifiers_ = fit(np.ones(len(X), dtype=bool), present)
        return parts

    def _predict(self, X: pd.DataFrame) -> Floats:
        """Where the outcome is churn, within what the probability of staying or leaving allows."""
        f = self.shares_[0] + self.modifiers_.predict(X) @ self.shares_[1:]
        base, propensity = self.base_.predict(X), np.full(len(X), self.propensity_)
        untreated, treated = self.scale_.arms(base, f, propensity)
        return self.scale_.bounded(untreated, self.calibration_.apply(treated - untreated))

    def _get_state(self) -> State:
        return {
            "scale": vars(self.scale_),
            "propensity": self.propensity_,
            "base": self.base_.state(),
            "modifiers": self.modifiers_.state(),
            "shares": self.shares_.tolist(),
            "calibration": self.calibration_.state(),
        }

    def _set_state(self, state: State) -> None:
        if "scale" not in state:
            raise ValueError(
                "this doubly robust learner was fitted by an earlier version, which modelled the "
                "effect as a share of the risk; fit it anew"
            )
        self.scale_ = EffectScale(**state["scale"])
        self.propensity_ = state["propensity"]
        self.base_ = ExpectedOutcome.from_state(state["base"], self.threads)
        self.modifiers_ = EffectModifiers.from_state(state["modifiers"], self.threads)
        self.shares_ = np.array(state["shares"])
        self.calibration_ = EffectCalibration.from_state(state["calibration"])
