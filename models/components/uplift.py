"""Base class of the uplift models: the effect of a contact, fitted to a randomised experiment.

The effect is P(churn | contacted) - P(churn | not contacted): below 0 the contact helps. The
propensity, the probability of the contact, is known because the assignment was randomised.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.components.base import Estimator, Floats, refuse_infinite, select_columns

RISK = "churn_probability"
"""The column of X, where there is one, with the churn probability of a customer not contacted.

It must come from a model that has not seen the row's own outcome.
"""
_MIN_RISK, _MAX_RISK = 0.002, 0.998  # where an inverse variance stays finite
FOLDS = 5
Outcome = Literal["churn", "money"]


def fold_of(customer: ArrayLike, folds: int, salt: str) -> NDArray[np.int64]:
    """Cross-fitting fold of each row, from a hash of the customer's id.

    All rows of a customer fall into one fold, whichever other customers there are.

    Parameters
    ----------
    customer : array-like of shape (n,)
    folds : int
    salt : str
        Another salt is another partition; the first 16 bytes count.

    Returns
    -------
    ndarray of shape (n,)
        Integers from 0 to folds - 1.
    """
    names = np.asarray(customer).astype(str).astype(object)
    key = salt.encode().ljust(16, b"0")[:16].decode()
    return (pd.util.hash_array(names, hash_key=key) % folds).astype(np.int64)


@dataclass(frozen=True)
class ExperimentData:
    """Treatment and outcome of each row of a randomised experiment; every array is (n,)."""

    treated: Floats  # 1 contacted, 0 not
    y: Floats  # the outcome: 1 churned, 0 stayed; or money
    propensity: Floats  # P(treated), strictly between 0 and 1
    customer: NDArray[np.object_]  # ids as text

    @classmethod
    def from_arrays(
        cls,
        treated: ArrayLike,
        y: ArrayLike,
        propensity: ArrayLike,
        customer: ArrayLike | None,
        outcome: Outcome = "churn",
    ) -> Self:
        """Check the arrays and convert them.

        Parameters
        ----------
        treated : array-like of shape (n,)
            0 or 1.
        y : array-like of shape (n,)
            0 or 1; where the outcome is money, currency.
        propensity : float or array-like of shape (n,)
        customer : array-like of shape (n,), optional
            None: each row is a customer of its own.
        outcome : {"churn", "money"}

        Returns
        -------
        ExperimentData

        Raises
        ------
        ValueError
            If lengths differ, a value is out of its range, or one arm is empty.
        """
        arms, outcomes = np.asarray(treated, dtype=float), np.asarray(y, dtype=float)
        chance = np.broadcast_to(np.asarray(propensity, dtype=float), arms.shape)
        ids = np.arange(len(arms)) if customer is None else np.asarray(customer)
        if not arms.shape == outcomes.shape == ids.shape or arms.ndim != 1:
            raise ValueError("treated, y and customer must be one number a row")
        is_valid = np.isfinite(outcomes) if outcome == "money" else np.isin(outcomes, (0.0, 1.0))
        if not (np.isin(arms, (0.0, 1.0)).all() and is_valid.all()):
            raise ValueError("treated and y must be 0 or 1, money finite")
        if not ((chance > 0) & (chance < 1)).all():
            raise ValueError("propensity must lie between 0 and 1, both excluded")
        if len(set(arms)) != 2:
            raise ValueError("treated has one arm: nothing shows what a contact changes")
        return cls(arms, outcomes, chance, ids.astype(str).astype(object))

    def __len__(self) -> int:
        return len(self.treated)

    def take(self, rows: NDArray[np.bool_]) -> "ExperimentData":
        """The rows of a mask of shape (n,)."""
        return ExperimentData(
            self.treated[rows], self.y[rows], self.propensity[rows], self.customer[rows]
        )

    @property
    def information(self) -> Floats:
        """Information of each row about its effect, shape (n,): e (1 - e).

        That is its inverse variance where the outcome has variance 1.
        """
        return self.propensity * (1 - self.propensity)

    @property
    def balancing_weights(self) -> Floats:
        """Weights, shape (n,), whose mean outcome is (1 - e) E[y | treated] + e E[y | not]."""
        odds = (1 - self.propensity) / self.propensity
        return np.where(self.treated == 1, odds, 1 / odds)

    def crossed_mean(self, untreated: Floats, treated: Floats) -> Floats:
        """(1 - e) mu1 + e mu0, shape (n,): what `doubly_robust_scores` calls m."""
        return (1 - self.propensity) * treated + self.propensity * untreated

    def doubly_robust_scores(self, expected: Floats) -> Floats:
        """Scores whose mean given X is the effect.

        In general mu1 - mu0 + (t - e) / (e (1 - e)) (y - mu_t). With m = (1 - e) mu1 + e mu0 this
        is (t - e) / (e (1 - e)) (y - m): as e is known, m is the only nuisance to estimate, and a
        poor m costs precision but adds no bias.

        Parameters
        ----------
        expected : ndarray of shape (n,)
            m, the outcome expected of each row: a probability, or currency.

        Returns
        -------
        ndarray of shape (n,)
            Changes of a churn probability, or currency.

        References
        ----------
        Robins & Rotnitzky (1995), Semiparametric efficiency in multivariate regression models
        with missing data, JASA 90.
        """
        return (self.treated - self.propensity) / self.information * (self.y - expected)


def clip_risk(risk: ArrayLike) -> Floats:
    """Churn probabilities, shape (n,), clipped to [.002, .998]."""
    return np.asarray(np.clip(np.asarray(risk, dtype=float), _MIN_RISK, _MAX_RISK))


def inverse_variance(experiment: ExperimentData, risk: Floats) -> Floats:
    """1 / variance of score / risk, the effect relative to the risk: e (1 - e) r / (1 - r).

    Parameters
    ----------
    experiment : ExperimentData of n rows
    risk : ndarray of shape (n,)
        Churn probabilities strictly between 0 and 1.

    Returns
    -------
    ndarray of shape (n,)
    """
    return experiment.information * risk / (1 - risk)


def common_relative_effect(experiment: ExperimentData, scores: Floats, risk: Floats) -> float:
    """The effect relative to the risk, common to all rows: inverse-variance mean of score / risk.

    Parameters
    ----------
    experiment : ExperimentData of n rows
    scores : ndarray of shape (n,)
        From `ExperimentData.doubly_robust_scores`.
    risk : ndarray of shape (n,)
        Churn probabilities strictly between 0 and 1.

    Returns
    -------
    float
        -.1 says that a contact takes away a tenth of every customer's risk.
    """
    weight = inverse_variance(experiment, risk)
    return float((weight * scores / risk).sum() / weight.sum())


class UpliftModel(Estimator):
    """Effect of a contact on the churn probability; a subclass fits by `_fit_experiment`."""

    task: ClassVar[Literal["churn", "value", "uplift"]] = "uplift"
    outcomes: ClassVar[tuple[Outcome, ...]] = ("churn",)  # that a model can be told to learn
    outcome: Outcome = "churn"  # whose change by a contact is predicted

    @abstractmethod
    def _fit_experiment(self, X: pd.DataFrame, experiment: ExperimentData) -> None:
        """Fit to checked rows; sets only attributes that end with an underscore."""

    def fit(
        self,
        X: pd.DataFrame,
        treated: ArrayLike,
        y: ArrayLike,
        propensity: ArrayLike,
        customer: ArrayLike | None = None,
    ) -> Self:
        """Fit the model to a randomised experiment.

        Parameters
        ----------
        X : DataFrame of shape (n, features)
            As known before the treatment.
        treated : array-like of shape (n,)
            1 contacted, 0 not.
        y : array-like of shape (n,)
            1 churned, 0 stayed; where the outcome is money, currency.
        propensity : float or array-like of shape (n,)
            P(treated), strictly between 0 and 1.
        customer : array-like of shape (n,), optional
            Ids: the rows of one customer stay in one fold of a cross-fit.

        Returns
        -------
        The model itself.

        Raises
        ------
        TypeError
            If X is not a DataFrame.
        ValueError
            If a column is missing, a number in X is infinite, or the experiment is not valid.
        """
        selected = select_columns(X, self.columns(X))
        experiment = ExperimentData.from_arrays(treated, y, propensity, customer, self.outcome)
        if len(experiment) != len(selected):
            raise ValueError(f"treated must be one number a row of X, which has {len(selected)}")
        refuse_infinite(selected)
        self._set_columns(list(selected.columns))
        with threadpool_limits(limits=1, user_api="blas"):
            self._fit_experiment(selected, experiment)
        return self

    def effect(self, X: pd.DataFrame) -> Floats:
        """P(churn | contacted) - P(churn | not contacted), or the same difference of money.

        Parameters
        ----------
        X : DataFrame of shape (n, features)

        Returns
        -------
        ndarray of shape (n,)
            Change of a probability, where below 0 the contact helps; or currency, where it does
            above 0.

        Raises
        ------
        ValueError
            If a column is missing, or a number in X or a result is not finite.
        """
        return self._predict_finite(X)
