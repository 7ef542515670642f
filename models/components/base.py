"""The contracts of the models: what a churn model and a value model take, give and remember.

A model is a scikit-learn estimator whose parameters are its constructor's arguments. It reads
its own columns by name, wherever they stand in X, and refuses X when one is missing. What it has
learnt is plain JSON (`state`), never a pickle.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Floats = NDArray[np.float64]
State = dict[str, Any]

TREATED = "treated"
"""A column that only learning may have: 1 for who was contacted before the outcome. Whoever is
foretold without it is foretold as left alone."""

BIAS = "bias"  # the column of `contributions` that belongs to no feature


def weights(weight: ArrayLike | None, rows: int) -> Floats:
    """Row weights as floats, (rows,); ones when none are given. ValueError unless all >= 0."""
    if weight is None:
        return np.ones(rows)
    given = np.asarray(weight, dtype=float)
    if given.shape != (rows,) or not np.isfinite(given).all() or (given < 0).any():
        raise ValueError(f"weight must be {rows} finite numbers >= 0")
    if given.sum() <= 0:
        raise ValueError("weight must not be all zero")
    return given


def _target(y: ArrayLike, rows: int) -> Floats:
    target = np.asarray(y, dtype=float)
    if target.shape != (rows,) or rows == 0:
        raise ValueError(f"y must be one number a row of X, which has {rows}")
    if not np.isfinite(target).all():
        raise ValueError("y must be finite")
    return target


def require(X: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    if not isinstance(X, pd.DataFrame):
        raise TypeError("X must be a pandas DataFrame: columns are read by name")
    missing = [name for name in columns if name not in X.columns]
    if missing:
        raise ValueError(f"X misses columns: {', '.join(missing)}")
    chosen = X.loc[:, columns]
    if chosen.shape[1] != len(columns):
        raise ValueError("X has two columns of one name")
    return chosen


def refuse_infinite(X: pd.DataFrame) -> None:
    numeric = X.select_dtypes("number")
    infinite = np.isinf(numeric.to_numpy(dtype=float, na_value=np.nan)).any(axis=0)
    if infinite.any():
        raise ValueError(f"X is infinite in: {', '.join(numeric.columns[infinite])}")


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What all models share: how they are named, read columns, predict and are written down.

    A subclass states the class attributes, says which columns it reads (`columns`), predicts
    (`_predict`) and lists what it has learnt (`_learnt`, `_restore`).
    """

    task: ClassVar[Literal["churn", "value", "uplift"]]
    baseline: ClassVar[bool]
    simplicity: ClassVar[int]  # lower is simpler
    title: ClassVar[str]

    def columns(self, X: pd.DataFrame) -> list[str]:
        """The columns of X that this model reads, in its own order."""
        return list(X.columns)

    @abstractmethod
    def _predict(self, X: pd.DataFrame) -> Floats:
        """One number a row of X, which holds exactly the columns in `feature_names_in_`."""

    @abstractmethod
    def _learnt(self) -> State:
        """What `_predict` needs, as JSON-able values."""

    @abstractmethod
    def _restore(self, learnt: State) -> None:
        """The inverse of `_learnt`."""

    def state(self) -> State:
        """All that prediction needs, as JSON-able values."""
        check_is_fitted(self)
        names = self.feature_names_in_.tolist()
        return {"params": self.get_params(), "columns": names, "learnt": self._learnt()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The fitted model whose `state` this was; its predictions are the same to the bit."""
        model = cls(**state["params"])
        model._set_columns(state["columns"])
        model._restore(state["learnt"])
        return model

    def _set_columns(self, names: list[str]) -> None:
        self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = len(names)

    def _read(self, X: pd.DataFrame) -> pd.DataFrame:
        """The model's own columns of X, in its own order; ValueError names a missing one."""
        check_is_fitted(self)
        names = self.feature_names_in_.tolist()
        if TREATED in names and TREATED not in X.columns:
            X = X.assign(**{TREATED: 0.0})
        chosen = require(X, names)
        refuse_infinite(chosen)
        return chosen

    def _finite(self, X: pd.DataFrame) -> Floats:
        chosen = self._read(X)
        predicted = self._predict(chosen) if len(chosen) else np.empty(0)
        if not np.isfinite(predicted).all():
            raise ValueError(f"{type(self).__name__} predicted a number that is not finite")
        return predicted


class Model(Estimator):
    """What churn and value models share: a subclass learns (`_fit`) from rows, y and weights."""

    @abstractmethod
    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        """Learn from checked rows; sets only attributes that end with an underscore."""

    def _check_target(self, y: Floats) -> None:
        """ValueError when the target cannot be learnt from."""

    def fit(self, X: pd.DataFrame, y: ArrayLike, weight: ArrayLike | None = None) -> Self:
        """Learn from X (n rows), y (n,) and row weights (n,). ValueError says what is wrong."""
        chosen = require(X, self.columns(X))
        target = _target(y, len(chosen))
        self._check_target(target)
        refuse_infinite(chosen)
        self._set_columns(list(chosen.columns))
        with threadpool_limits(limits=1, user_api="blas"):  # sums the same on any number of cores
            self._fit(chosen, target, weights(weight, len(chosen)))
        return self

    def tune(
        self,
        X: pd.DataFrame,  # noqa: ARG002
        y: ArrayLike,  # noqa: ARG002
        X_valid: pd.DataFrame,  # noqa: ARG002
        y_valid: ArrayLike,  # noqa: ARG002
    ) -> dict[str, int | float]:
        """Parameters that one later fold fixes, for `set_params`; none for most models."""
        return {}


class ChurnModel(ClassifierMixin, Model):  # type: ignore[misc]
    """A probability that a watched customer is lost in the label window; classes are 0 and 1."""

    task = "churn"

    @abstractmethod
    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Log-odds a column; the columns `feature_names_in_` (or some of them) and "bias"."""

    def _check_target(self, y: Floats) -> None:
        if not np.isin(y, (0.0, 1.0)).all():
            raise ValueError("y must be 0 (kept) or 1 (churned)")
        if y.min() == y.max():
            raise ValueError(f"y has one class, {y[0]:.0f}: nothing tells churners from the kept")

    def _set_columns(self, names: list[str]) -> None:
        super()._set_columns(names)
        self.classes_ = np.array([0, 1])

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """(n, 2): P(kept), P(churned). ValueError on missing columns and non-finite results."""
        churned = self._finite(X)
        return np.column_stack([1.0 - churned, churned])

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """(n,): 1 where churn is the likelier of the two."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the log-odds of churn, and "bias"; a row sums to them.

        Index as X. Says what the score is associated with, not what causes churn.
        """
        told = self._contributions(self._read(X))
        if TREATED in told.columns:
            told[BIAS] += told.pop(TREATED)
        return told


class ValueModel(RegressorMixin, Model):  # type: ignore[misc]
    """The money expected of a watched customer in the value window, account currency."""

    task = "value"

    def predict(self, X: pd.DataFrame) -> Floats:
        """(n,): expected money. ValueError on missing columns and non-finite results."""
        return self._finite(X)


def log_odds(p: Floats) -> Floats:
    """ln(p / (1 - p)), with p kept 1e-12 away from 0 and 1."""
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    return np.log(inside) - np.log1p(-inside)


def base_rate(y: Floats, weight: Floats, prior: float, strength: float = 10.0) -> float:
    """Weighted mean of y, drawn to `prior` as by `strength` further rows; `prior` when empty."""
    return float(((weight * y).sum() + strength * prior) / (weight.sum() + strength))


def scale_to(predicted: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """(ratio, offset) for which ratio * predicted + offset has the money that y has.

    ratio = sum(w y) / sum(w predicted), offset = 0: ranks stay and the bias on these rows is 1.
    Where money was lost on the whole (returns, service cost), or nothing was predicted, no
    positive ratio can do this: then everyone gets the mean, ratio 0.
    """
    actual, expected = float((weight * y).sum()), float((weight * predicted).sum())
    if actual <= 0 or expected <= 0:
        return 0.0, actual / float(weight.sum())
    return actual / expected, 0.0
