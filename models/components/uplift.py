"""The contract of the uplift models: what a contact changes, learnt from a randomised experiment.

An effect is the chance of leaving when contacted less that when left alone: below 0 helps. The
propensity, the chance of having been contacted, is known because it was drawn.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.components.base import Estimator, Floats, refuse_infinite, require

RISK = "churn_probability"
"""The column of X, when there is one, with the churn model's word on a customer whom nobody calls.

It must come from a model that has not seen the row's own outcome.
"""
_LEAST_RISK, _MOST_RISK = 0.002, 0.9  # where an inverse variance stays finite
FOLDS = 5


def fold_of(customer: ArrayLike, folds: int, salt: str) -> NDArray[np.int64]:
    """(n,) 0 to folds - 1: a customer's rows fall into one fold, whoever else is there."""
    names = np.asarray(customer).astype(str).astype(object)
    key = salt.encode().ljust(16, b"0")[:16].decode()
    return (pd.util.hash_array(names, hash_key=key) % folds).astype(np.int64)


@dataclass(frozen=True)
class Trial:
    """What was done and what came of it, (n,) each; propensity strictly inside 0 to 1."""

    treated: Floats
    left: Floats
    propensity: Floats
    customer: NDArray[np.object_]

    @classmethod
    def of(
        cls, treated: ArrayLike, y: ArrayLike, propensity: ArrayLike, customer: ArrayLike | None
    ) -> Self:
        """ValueError unless both arms are there and everything has one length."""
        arms, left = np.asarray(treated, dtype=float), np.asarray(y, dtype=float)
        chance = np.broadcast_to(np.asarray(propensity, dtype=float), arms.shape)
        who = np.arange(len(arms)) if customer is None else np.asarray(customer)
        if not arms.shape == left.shape == who.shape or arms.ndim != 1:
            raise ValueError("treated, y and customer must be one number a row")
        if not (np.isin(arms, (0.0, 1.0)).all() and np.isin(left, (0.0, 1.0)).all()):
            raise ValueError("treated and y must be 0 or 1")
        if not ((chance > 0) & (chance < 1)).all():
            raise ValueError("propensity must lie between 0 and 1, both excluded")
        if len(set(arms)) != 2:
            raise ValueError("treated has one arm: nothing shows what a contact changes")
        return cls(arms, left, chance, who.astype(str).astype(object))

    def __len__(self) -> int:
        return len(self.treated)

    def take(self, rows: NDArray[np.bool_]) -> "Trial":
        return Trial(
            self.treated[rows], self.left[rows], self.propensity[rows], self.customer[rows]
        )

    @property
    def information(self) -> Floats:
        """e (1 - e): what a row tells of an effect, against variance 1 of the outcome."""
        return self.propensity * (1 - self.propensity)

    @property
    def balance(self) -> Floats:
        """Weights under which the mean outcome is (1 - e) E[y | treated] + e E[y | not]."""
        odds = (1 - self.propensity) / self.propensity
        return np.where(self.treated == 1, odds, 1 / odds)

    def scores(self, expected: Floats) -> Floats:
        """Doubly robust scores, whose mean given X is the effect (Robins & Rotnitzky 1995).

        mu1 - mu0 + (t - e) / (e (1 - e)) (y - mu_t), which with m = (1 - e) mu1 + e mu0 is
        (t - e) / (e (1 - e)) (y - m): as e is known, m is all there is to learn, and a poor m
        costs precision, never truth.
        """
        return (self.treated - self.propensity) / self.information * (self.left - expected)


def kept_inside(risk: ArrayLike) -> Floats:
    """Probabilities between .002 and .9."""
    return np.asarray(np.clip(np.asarray(risk, dtype=float), _LEAST_RISK, _MOST_RISK))


def precision(trial: Trial, risk: Floats) -> Floats:
    """1 / variance of score / risk, the effect as a share of the risk: e (1 - e) r / (1 - r)."""
    return trial.information * risk / (1 - risk)


def common_share(trial: Trial, scores: Floats, risk: Floats) -> float:
    """The share of everybody's risk that a contact adds: the scores' weighted ratio to the risk."""
    weight = precision(trial, risk)
    return float((weight * scores / risk).sum() / weight.sum())


class UpliftModel(Estimator):
    """What a contact changes in the chance of leaving. A subclass learns by `_learn`."""

    task: ClassVar[Literal["churn", "value", "uplift"]] = "uplift"

    @abstractmethod
    def _learn(self, X: pd.DataFrame, trial: Trial) -> None:
        """Learn from checked rows; sets only attributes that end with an underscore."""

    def fit(
        self,
        X: pd.DataFrame,
        treated: ArrayLike,
        y: ArrayLike,
        propensity: ArrayLike,
        customer: ArrayLike | None = None,
    ) -> Self:
        """Learn from X (n rows), who was treated and who left (0 or 1), and the chance of it.

        `customer` keeps the rows of one in one fold of a cross-fit. ValueError says what is wrong.
        """
        chosen = require(X, self.columns(X))
        trial = Trial.of(treated, y, propensity, customer)
        if len(trial) != len(chosen):
            raise ValueError(f"treated must be one number a row of X, which has {len(chosen)}")
        refuse_infinite(chosen)
        self._set_columns(list(chosen.columns))
        with threadpool_limits(limits=1, user_api="blas"):
            self._learn(chosen, trial)
        return self

    def effect(self, X: pd.DataFrame) -> Floats:
        """(n,): the chance of leaving if contacted less that if not. ValueError as for others."""
        return self._finite(X)
