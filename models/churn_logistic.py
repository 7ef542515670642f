"""Logistic regression on every feature, transformed and strongly regularised."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.components.base import BIAS, ChurnModel, Floats, State

MAX_DEVIATIONS = 5.0  # a standardised value beyond it counts as this


@dataclass
class _Columns:
    """How columns become regressors; every array is (regressors,)."""

    source: list[str]  # the column of each regressor
    level: list[str | None]  # the level it indicates; None for a number
    missing: list[bool]  # whether it indicates that the number is missing
    mean: Floats
    deviation: Floats


class RegularisedLogistic(ChurnModel):
    """ln(p / (1 - p)) = intercept + sum of coefficient * z over the regressors z.

    A number becomes sign(x) ln(1 + |x|), standardised on the training rows, clipped to
    +-MAX_DEVIATIONS; where it is missing z is 0, and a second regressor says so. A text becomes
    one regressor for each level of at least `min_share` of the rows. L2 penalty: rows of one
    customer repeat across snapshots and features of one theme are collinear, so it is strong.
    """

    baseline = False
    title = "logistic regression on all features"

    def __init__(self, C: float = 0.003, min_share: float = 0.01) -> None:
        self.C = C  # inverse strength of the penalty, relative to one row
        self.min_share = min_share

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        self.columns_ = _plan(X, self.min_share)
        z = _regressors(X, self.columns_)
        mean = np.average(np.nan_to_num(z), axis=0, weights=_present(z, weight))
        spread = np.average((np.nan_to_num(z) - mean) ** 2, axis=0, weights=_present(z, weight))
        varies = spread > 1e-12
        self.columns_ = _select(self.columns_, varies, mean, np.sqrt(spread))
        line = LogisticRegression(C=self.C, max_iter=500)
        line.fit(_standardised(z[:, varies], self.columns_), y, sample_weight=weight)
        self.intercept_, self.coef_ = float(line.intercept_[0]), line.coef_[0]

    def _parts(self, X: pd.DataFrame) -> Floats:
        return np.asarray(_standardised(_regressors(X, self.columns_), self.columns_) * self.coef_)

    def _predict(self, X: pd.DataFrame) -> Floats:
        return np.asarray(expit(self.intercept_ + self._parts(X).sum(axis=1)))

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        names = list(dict.fromkeys(self.columns_.source))
        place = {name: i for i, name in enumerate(names)}
        sums = np.zeros((len(names), len(X)))
        np.add.at(sums, [place[name] for name in self.columns_.source], self._parts(X).T)
        return pd.DataFrame(sums.T, columns=names, index=X.index).assign(**{BIAS: self.intercept_})

    def _get_state(self) -> State:
        columns = vars(self.columns_)
        arrays = {name: columns[name].tolist() for name in ("mean", "deviation")}
        coefficients = {"intercept": self.intercept_, "coef": self.coef_.tolist()}
        return {**coefficients, "regressors": {**columns, **arrays}}

    def _set_state(self, state: State) -> None:
        regressors = state["regressors"]
        arrays = {name: np.array(regressors[name]) for name in ("mean", "deviation")}
        self.columns_ = _Columns(**{**regressors, **arrays})
        self.intercept_, self.coef_ = state["intercept"], np.array(state["coef"])


def _plan(X: pd.DataFrame, min_share: float) -> _Columns:
    """Every regressor that X may give."""
    plan: list[tuple[str, str | None, bool]] = []
    numeric = set(X.select_dtypes(["number", "bool"]).columns)
    for name in X.columns:
        if name not in numeric:
            shares = X[name].astype("str").where(X[name].notna()).value_counts(normalize=True)
            frequent = sorted(shares.index[shares >= min_share])
            plan += [(name, level, False) for level in frequent]
            continue
        plan.append((name, None, False))
        if X[name].isna().any():
            plan.append((name, None, True))
    source, level, missing = (list(part) for part in zip(*plan, strict=True))
    empty = np.empty(0)
    return _Columns(source, level, missing, empty, empty)


def _regressors(X: pd.DataFrame, columns: _Columns) -> Floats:
    """(n, regressors) before standardising; NaN where a number is missing."""
    z = np.empty((len(X), len(columns.source)))
    for i, (name, level, missing) in enumerate(
        zip(columns.source, columns.level, columns.missing, strict=True)
    ):
        if level is not None:
            z[:, i] = (X[name].astype("str") == level).to_numpy(dtype=float)
            continue
        number = X[name].to_numpy(dtype=float, na_value=np.nan)
        z[:, i] = np.isnan(number) if missing else np.sign(number) * np.log1p(np.abs(number))
    return z


def _present(z: Floats, weight: Floats) -> Floats:
    """The weights of the values that are there, (n, regressors); ones where none is."""
    present = np.where(np.isnan(z), 0.0, weight[:, None])
    return np.where(present.sum(axis=0) > 0, present, 1.0)


def _standardised(z: Floats, columns: _Columns) -> Floats:
    deviations = (z - columns.mean) / columns.deviation
    return np.clip(np.nan_to_num(deviations, nan=0.0), -MAX_DEVIATIONS, MAX_DEVIATIONS)


def _select(
    columns: _Columns,
    varies: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    mean: Floats,
    deviation: Floats,
) -> _Columns:
    return _Columns(
        [name for name, is_regressor in zip(columns.source, varies, strict=True) if is_regressor],
        [level for level, is_regressor in zip(columns.level, varies, strict=True) if is_regressor],
        [
            missing
            for missing, is_regressor in zip(columns.missing, varies, strict=True)
            if is_regressor
        ],
        mean[varies],
        deviation[varies],
    )
