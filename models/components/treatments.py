"""Several randomised treatments: the effect of each against held-out customers, and the best.

One treatment is the normal case: then `best` is that one for everybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from models.components.base import Floats
from models.components.uplift import FOLDS, ExperimentData, Outcome, UpliftModel, fold_of

HELD_OUT = 0
"""The arm of those who are held out; arm k + 1 is the treatment at position k."""


@dataclass(frozen=True)
class Treatments:
    """The arm of each of n rows, and the chances they were randomised with; K treatments."""

    names: tuple[str, ...]  # K
    arm: NDArray[np.int64]  # (n,) 0 to K
    chance: Floats  # (n, K + 1) probability of each arm; 0 where it was none of the row's
    cost: Floats  # (K,) of a treatment, currency

    @classmethod
    def single(cls, name: str, experiment: ExperimentData, cost: float) -> "Treatments":
        """One treatment: whatever contacted customers received."""
        chance = np.column_stack([1 - experiment.propensity, experiment.propensity])
        return cls((name,), experiment.treated.astype(np.int64), chance, np.array([cost]))

    def takes_part(self, k: int) -> NDArray[np.bool_]:
        """(n,) the rows that tell what treatment k changes: its own, and those held out for it."""
        in_arms = (self.arm == HELD_OUT) | (self.arm == k + 1)
        return np.asarray(in_arms & self.was_possible(k))

    def was_possible(self, k: int) -> NDArray[np.bool_]:
        """(n,) whether a row could have been given treatment k, or been held out."""
        return np.asarray((self.chance[:, k + 1] > 0) & (self.chance[:, HELD_OUT] > 0))

    def scores(self, y: Floats, expected: Floats) -> Floats:
        """Doubly robust scores of each treatment's effect.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Outcomes.
        expected : ndarray of shape (n,)
            Outcome expected of each row, whichever its arm; a poor one adds no bias.

        Returns
        -------
        ndarray of shape (n, K)
            Their mean over the rows for which the treatment was possible is its mean effect
            there; 0 where it was not possible.

        References
        ----------
        Robins & Rotnitzky (1995), Semiparametric efficiency in multivariate regression models
        with missing data, JASA 90.
        """
        with np.errstate(divide="ignore"):
            weight = 1 / self.chance
        held_out = np.where(self.arm == HELD_OUT, weight[:, HELD_OUT], 0.0)
        columns = [
            np.where(
                self.was_possible(k), np.where(self.arm == k + 1, weight[:, k + 1], 0) - held_out, 0
            )
            for k in range(len(self.names))
        ]
        return np.column_stack(columns) * (y - expected)[:, None]


def saving(outcome: Outcome, effects: Floats, retained_value: Floats) -> Floats:
    """Currency that contacts save.

    Parameters
    ----------
    outcome : {"churn", "money"}
    effects : ndarray of shape (n, K)
        Changes of the churn probability, or of the money of a window.
    retained_value : ndarray of shape (n,)
        Currency, if the customer is kept.

    Returns
    -------
    ndarray of shape (n, K)
        Of money only what was measured counts, that of one window.
    """
    return effects if outcome == "money" else -effects * retained_value[:, None]


def best_treatment(gain: Floats) -> NDArray[np.int64]:
    """Position of the treatment that gains most.

    Parameters
    ----------
    gain : ndarray of shape (n, K)
        Net of the treatment's cost, currency; -inf where it is not possible.

    Returns
    -------
    ndarray of int, shape (n,)
        Of equal ones the first.
    """
    return np.asarray(np.argmax(gain, axis=1), dtype=np.int64)


def of_treatment(values: Floats, treatment: NDArray[np.int64]) -> Floats:
    """(n,) the value of each row's treatment, of values (n, K)."""
    return np.asarray(np.take_along_axis(values, treatment[:, None], axis=1)[:, 0])


def fit_each(
    make_model: Callable[[], UpliftModel],
    X: pd.DataFrame,
    experiment: ExperimentData,
    treatments: Treatments,
) -> dict[str, UpliftModel]:
    """Fit one model per treatment, to its own customers and those held out for it.

    Parameters
    ----------
    make_model : callable
        Makes an unfitted model.
    X : DataFrame of shape (n, features)
    experiment : ExperimentData
        n rows; its propensity is that of any contact.
    treatments : Treatments
        n rows.

    Returns
    -------
    dict of str to UpliftModel
        In the order of the treatments.

    Raises
    ------
    ValueError
        Where a treatment lacks an arm.
    """
    fitted = {}
    for k, name in enumerate(treatments.names):
        rows = treatments.takes_part(k)
        chance = treatments.chance[rows]
        fitted[name] = make_model().fit(
            X.loc[rows],
            (treatments.arm[rows] == k + 1).astype(float),
            experiment.y[rows],
            chance[:, k + 1] / (chance[:, k + 1] + chance[:, HELD_OUT]),
            experiment.customer[rows],
        )
    return fitted


def effects_of(models: Mapping[str, UpliftModel], X: pd.DataFrame) -> Floats:
    """Effects of each treatment on n rows, shape (n, K)."""
    return np.column_stack([model.effect(X) for model in models.values()])


def cross_fit_each(
    make_model: Callable[[], UpliftModel],
    X: pd.DataFrame,
    experiment: ExperimentData,
    treatments: Treatments,
    folds: int = FOLDS,
) -> tuple[Floats, NDArray[np.int64]]:
    """Predict every row's effects with models fitted on the other folds' customers.

    Parameters
    ----------
    make_model, X, experiment, treatments
        As `fit_each`.
    folds : int

    Returns
    -------
    effects : ndarray of shape (n, K)
    fold : ndarray of int, shape (n,)
        The fold whose customers the predicting models had not seen.

    Raises
    ------
    ValueError
        Where there are so few customers that the other folds lack an arm.
    """
    fold = fold_of(experiment.customer, folds, "evaluation")
    effects = np.empty((len(X), len(treatments.names)))
    for number in np.unique(fold):
        rest = fold != number
        fitted = fit_each(make_model, X.loc[rest], experiment.take(rest), _take(treatments, rest))
        effects[~rest] = effects_of(fitted, X.loc[~rest])
    return effects, fold


def _take(treatments: Treatments, rows: NDArray[np.bool_]) -> Treatments:
    return Treatments(
        treatments.names, treatments.arm[rows], treatments.chance[rows], treatments.cost
    )


def separate_treatments(
    treatment: ArrayLike, chances: pd.DataFrame, cost: Mapping[str, float], held_out: str
) -> Treatments | None:
    """Tell treatments apart, where the rows name several and each has a cost.

    Parameters
    ----------
    treatment : array-like of str, shape (n,)
        What each row was assigned to.
    chances : DataFrame of n rows
        Columns are treatments, one of them `held_out`; 0 where a row had no such chance.
    cost : mapping of str to float
        Of the treatments that can be chosen, currency.
    held_out : str
        The name of no treatment.

    Returns
    -------
    Treatments or None
        None where the rows name one treatment only, or one that cannot be chosen.
    """
    assigned = pd.Series(np.asarray(treatment, dtype=object))
    names = sorted(set(assigned) - {held_out})
    if len(names) < 2 or not set(names) <= set(cost) or not set(names) <= set(chances.columns):
        return None
    place = {held_out: HELD_OUT} | {name: k + 1 for k, name in enumerate(names)}
    chance = chances[[held_out, *names]].to_numpy(dtype=float, na_value=0.0)
    return Treatments(
        tuple(names),
        assigned.map(place).to_numpy(dtype=np.int64),
        chance,
        np.array([cost[name] for name in names]),
    )
