"""Base classes of the churn, value and uplift models.

A model is a scikit-learn estimator whose parameters are its constructor's arguments. It reads
its own columns by name, wherever they stand in X, and refuses X when one is missing. Its fitted
state is plain JSON (`state`), never a pickle.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from retention.stats.weighted import Weights

Floats = NDArray[np.float64]
State = dict[str, Any]

TREATED = "treated"
"""A column that only training data may have: 1 for a customer contacted before the outcome. Where
X does not have it, the prediction is for the customer without a contact."""

BIAS = "bias"  # the column of `contributions` that belongs to no feature


def validate_weights(weight: ArrayLike | None, rows: int) -> Floats:
    """Check row weights and return them as floats.

    Parameters
    ----------
    weight : array-like of shape (rows,), optional
        Weights >= 0; None stands for ones.
    rows : int
        Rows of X.

    Returns
    -------
    ndarray of shape (rows,)

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if the length is wrong, or if all weights are 0.
    """
    if weight is None:
        return np.ones(rows)
    row_weights = np.asarray(weight, dtype=float)
    if (
        row_weights.shape != (rows,)
        or not np.isfinite(row_weights).all()
        or (row_weights < 0).any()
    ):
        raise ValueError(f"weight must be {rows} finite numbers >= 0")
    if row_weights.sum() <= 0:
        raise ValueError("weight must not be all zero")
    return row_weights


def _validate_target(y: ArrayLike, rows: int) -> Floats:
    target = np.asarray(y, dtype=float)
    if target.shape != (rows,) or rows == 0:
        raise ValueError(f"y must be one number a row of X, which has {rows}")
    if not np.isfinite(target).all():
        raise ValueError("y must be finite")
    return target


def select_columns(X: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Columns of X by name, in the order given.

    Parameters
    ----------
    X : DataFrame of shape (n, any number of columns)
    columns : list of str
        Names that X must have, each once.

    Returns
    -------
    DataFrame of shape (n, len(columns))

    Raises
    ------
    TypeError
        If X is not a DataFrame.
    ValueError
        If a column is missing (all missing ones are named) or appears twice.
    """
    if not isinstance(X, pd.DataFrame):
        raise TypeError("X must be a pandas DataFrame: columns are read by name")
    missing = [name for name in columns if name not in X.columns]
    if missing:
        raise ValueError(f"X misses columns: {', '.join(missing)}")
    selected = X.loc[:, columns]
    if selected.shape[1] != len(columns):
        raise ValueError("X has two columns of one name")
    return selected


def varies(values: pd.Series) -> bool:
    """Whether a column holds two different values; that none is known counts as one.

    Parameters
    ----------
    values : Series of shape (n,)

    Returns
    -------
    bool
        False where n is 0.
    """
    if values.empty:
        return False
    first = values.iloc[0]
    return bool(values.notna().any() if pd.isna(first) else (values != first).any())


def refuse_infinite(X: pd.DataFrame) -> None:
    """Check that no number of X is infinite; NaN is allowed.

    Raises
    ------
    ValueError
        If a column holds an infinite number; the columns are named.
    """
    numeric = X.select_dtypes("number")
    infinite = np.isinf(numeric.to_numpy(dtype=float, na_value=np.nan)).any(axis=0)
    if infinite.any():
        raise ValueError(f"X is infinite in: {', '.join(numeric.columns[infinite])}")


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of all models: class attributes, columns read, checks, and the state as JSON.

    A subclass sets the class attributes, names the columns it reads (`columns`), predicts
    (`_predict`) and converts its fitted attributes to and from JSON (`_get_state`, `_set_state`).
    """

    task: ClassVar[Literal["churn", "value", "uplift"]]
    baseline: ClassVar[bool]  # a simple model that the others have to beat
    blended: ClassVar[bool] = True  # whether it is a part of what scores; else it stands beside it
    needs_labels: ClassVar[bool] = True  # whether few outcomes are too few for it
    reads_histories: ClassVar[bool] = False  # whether it is fitted on the histories of all
    label_rules: ClassVar[tuple[str, ...]] = ("silence", "cancel")  # of labels.churn that it suits
    grows_with_rows: ClassVar[tuple[str, ...]] = ()  # parameters that more training rows raise
    title: ClassVar[str]  # the name that people read

    def columns(self, X: pd.DataFrame) -> list[str]:
        """The columns of X that this model reads, in its own order."""
        return list(X.columns)

    @abstractmethod
    def _predict(self, X: pd.DataFrame) -> Floats:
        """One number per row of X, which has exactly the columns in `feature_names_in_`."""

    @abstractmethod
    def _get_state(self) -> State:
        """The fitted attributes that `_predict` needs, as JSON-able values."""

    @abstractmethod
    def _set_state(self, state: State) -> None:
        """Set the fitted attributes from what `_get_state` returned."""

    def state(self) -> State:
        """The fitted model as JSON-able values.

        Returns
        -------
        dict
            `params` (constructor arguments), `columns` (names read, in order) and `learnt` (what
            `_get_state` returns).

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        check_is_fitted(self)
        names = self.feature_names_in_.tolist()
        return {"params": self.get_params(), "columns": names, "learnt": self._get_state()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The fitted model that `state` describes; its predictions are the same to the bit.

        Parameters
        ----------
        state : dict
            As returned by `state`, possibly read back from JSON.

        Returns
        -------
        Model
            Fitted.
        """
        model = cls(**state["params"])
        model._set_columns(state["columns"])
        model._set_state(state["learnt"])
        return model

    def _set_columns(self, names: list[str]) -> None:
        self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = len(names)

    def _read(self, X: pd.DataFrame) -> pd.DataFrame:
        """The model's columns of X, in its own order; ValueError names a missing one."""
        check_is_fitted(self)
        names = self.feature_names_in_.tolist()
        if TREATED in names and TREATED not in X.columns:
            X = X.assign(**{TREATED: 0.0})
        selected = select_columns(X, names)
        refuse_infinite(selected)
        return selected

    def _predict_finite(self, X: pd.DataFrame) -> Floats:
        selected = self._read(X)
        predicted = self._predict(selected) if len(selected) else np.empty(0)
        if not np.isfinite(predicted).all():
            raise ValueError(f"{type(self).__name__} predicted a number that is not finite")
        return predicted


class Model(Estimator):
    """Base of churn and value models: a subclass fits (`_fit`) to rows, targets and weights."""

    def columns(self, X: pd.DataFrame) -> list[str]:
        """The columns of X that say something: a constant one is never read. All where none do."""
        return [name for name in X.columns if varies(X[name])] or list(X.columns)

    @abstractmethod
    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        """Fit to checked rows; sets only attributes that end with an underscore."""

    def _learn_histories(self, histories: pd.DataFrame | None) -> None:
        """Learn what needs no rows, before `_fit`; a model with `reads_histories` overrides it."""

    def _fit_without_labels(self, X: pd.DataFrame, weight: Floats) -> None:  # noqa: ARG002
        """Fit to checked rows alone; ValueError in a model that needs labels."""
        raise ValueError(f"{type(self).__name__} cannot be fitted without labels")

    def _check_target(self, y: Floats) -> None:
        """Raise ValueError where the model cannot be fitted to this target."""

    def fit(
        self,
        X: pd.DataFrame,
        y: ArrayLike | None,
        weight: ArrayLike | None = None,
        histories: pd.DataFrame | None = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : DataFrame of shape (n, features)
            Must have the model's `columns`; NaN is allowed, infinity is not.
        y : array-like of shape (n,), optional
            1 for churned and 0 for stayed, or value in account currency. None where nothing is
            known yet: models that do not need labels can be fitted all the same.
        weight : array-like of shape (n,), optional
            Row weights >= 0; ones by default.
        histories : DataFrame of shape (m, 5), optional
            Counts of all customers ever seen by the day of the fit, by their history: `repeats`,
            `last` and `age` in days, `ended` and `customers`. Models with `reads_histories` read
            it; where it is None they are fitted on X.

        Returns
        -------
        The model itself.

        Raises
        ------
        TypeError
            If X is not a DataFrame.
        ValueError
            If a column is missing, a number is not finite, or y cannot be fitted.
        """
        selected = select_columns(X, self.columns(X))
        target = None if y is None else _validate_target(y, len(selected))
        if target is not None:
            self._check_target(target)
        refuse_infinite(selected)
        self._set_columns(list(selected.columns))
        row_weights = validate_weights(weight, len(selected))
        # One BLAS thread: with more, sums depend on the number of cores in their last bits.
        with threadpool_limits(limits=1, user_api="blas"):
            self._learn_histories(histories)
            if target is None:
                self._fit_without_labels(selected, row_weights)
            else:
                self._fit(selected, target, row_weights)
        return self

    def tune(
        self,
        X: pd.DataFrame,  # noqa: ARG002
        y: ArrayLike,  # noqa: ARG002
        X_valid: pd.DataFrame,  # noqa: ARG002
        y_valid: ArrayLike,  # noqa: ARG002
        weight: Weights = None,  # noqa: ARG002
        weight_valid: Weights = None,  # noqa: ARG002
    ) -> dict[str, int | float]:
        """Parameters that minimise the loss on a later fold; none for most models.

        Parameters
        ----------
        X, y : DataFrame of shape (n, features), array-like of shape (n,)
            The fold's training rows.
        X_valid, y_valid : DataFrame of shape (m, features), array-like of shape (m,)
            The fold's test rows.
        weight, weight_valid : ndarray of shape (n,) and of shape (m,), optional
            Row weights; None where all are 1.

        Returns
        -------
        dict
            Name to number, for the constructor.
        """
        return {}


class ChurnModel(ClassifierMixin, Model):  # type: ignore[misc]
    """Probability that a customer of the cohort churns in the label window; classes 0 and 1."""

    task = "churn"

    @abstractmethod
    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Log-odds per column: `feature_names_in_` (or some of them) and "bias"."""

    def _check_target(self, y: Floats) -> None:
        if not np.isin(y, (0.0, 1.0)).all():
            raise ValueError("y must be 0 (kept) or 1 (churned)")
        if y.min() == y.max():
            raise ValueError(f"y has one class, {y[0]:.0f}: nothing tells churners from the kept")

    def _set_columns(self, names: list[str]) -> None:
        super()._set_columns(names)
        self.classes_ = np.array([0, 1])

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Probabilities of staying and of churning.

        Parameters
        ----------
        X : DataFrame of shape (n, features)

        Returns
        -------
        ndarray of shape (n, 2)
            P(stayed), P(churned).

        Raises
        ------
        ValueError
            If a column is missing, or a number in X or a result is not finite.
        """
        churned = self._predict_finite(X)
        return np.column_stack([1.0 - churned, churned])

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """Predicted class: ndarray of shape (n,), 1 where P(churned) > 0.5."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Additive contributions of the features to the log-odds of churn.

        They describe what the score is associated with, not what causes churn.

        Parameters
        ----------
        X : DataFrame of shape (n, features)

        Returns
        -------
        DataFrame of shape (n, features read + 1)
            Log-odds, indexed as X, and the column "bias"; each row sums to the log-odds of
            the predicted probability.

        Raises
        ------
        ValueError
            If a column is missing or a number in X is infinite.
        """
        parts = self._contributions(self._read(X))
        if TREATED in parts.columns:
            parts[BIAS] += parts.pop(TREATED)
        return parts


class ValueModel(RegressorMixin, Model):  # type: ignore[misc]
    """Expected value of a customer of the cohort in the value window, account currency."""

    task = "value"

    def predict(self, X: pd.DataFrame) -> Floats:
        """Expected value.

        Parameters
        ----------
        X : DataFrame of shape (n, features)

        Returns
        -------
        ndarray of shape (n,)
            Account currency.

        Raises
        ------
        ValueError
            If a column is missing, or a number in X or a result is not finite.
        """
        return self._predict_finite(X)


def log_odds(p: Floats) -> Floats:
    """Log-odds ln(p / (1 - p)).

    Parameters
    ----------
    p : ndarray of shape (n,)
        Probabilities, clipped to [1e-12, 1 - 1e-12].

    Returns
    -------
    ndarray of shape (n,)
    """
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    return np.log(inside) - np.log1p(-inside)


def base_rate(y: Floats, weight: Floats, prior: float, strength: float = 10.0) -> float:
    """Weighted mean of y, shrunk towards a prior.

    Parameters
    ----------
    y, weight : ndarray of shape (n,)
        n may be 0: then the result is `prior`.
    prior : float
        Mean to shrink to, in the unit of y.
    strength : float
        Weight of the prior, in rows.

    Returns
    -------
    float
    """
    return float(((weight * y).sum() + strength * prior) / (weight.sum() + strength))


def scale_to(predicted: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Ratio and offset that make the total of `ratio * predicted + offset` that of y.

    ratio = sum(w y) / sum(w predicted) and offset = 0, so that ranks stay and predictions are
    unbiased on these rows. Where the total of y (returns and service cost may make it negative)
    or of the predictions is not positive, no positive ratio can do this: then the ratio is 0 and
    the offset the mean of y.

    Parameters
    ----------
    predicted, y : ndarray of shape (n,)
        Account currency.
    weight : ndarray of shape (n,)
        Row weights.

    Returns
    -------
    tuple of float
        ratio (no unit) and offset (account currency).
    """
    actual, expected = float((weight * y).sum()), float((weight * predicted).sum())
    if actual <= 0 or expected <= 0:
        return 0.0, actual / float(weight.sum())
    return actual / expected, 0.0
