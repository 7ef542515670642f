"""Sums over rows that stand for more or fewer customers than one.

`None` stands for weights that are all 1, and takes the plain path: its figures are those without
weights, to the bit.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from retention.stats.intervals import Floats

Weights = NDArray[np.float64] | None


def unless_equal(weight: ArrayLike) -> Weights:
    """The weights, or None where all are 1.

    Parameters
    ----------
    weight : array-like of shape (n,)

    Returns
    -------
    ndarray of shape (n,) or None
    """
    weights = np.asarray(weight, dtype=float)
    return None if (weights == 1.0).all() else weights


def total(values: Floats, weight: Weights) -> float:
    """Sum of weight * value.

    Parameters
    ----------
    values : ndarray of shape (n,)
    weight : ndarray of shape (n,) or None

    Returns
    -------
    float
    """
    return float((values if weight is None else values * weight).sum())


def size(values: Floats, weight: Weights) -> float:
    """How many customers the rows stand for: the sum of the weights.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Of which only the length counts.
    weight : ndarray of shape (n,) or None

    Returns
    -------
    float
    """
    return float(len(values)) if weight is None else float(weight.sum())


def mean(values: Floats, weight: Weights) -> float:
    """Mean of the values; nan without rows, or where all weights are 0.

    Parameters
    ----------
    values : ndarray of shape (n,)
    weight : ndarray of shape (n,) or None

    Returns
    -------
    float
    """
    if not len(values):
        return float("nan")
    if weight is None:
        return float(np.mean(values))
    stands_for = float(weight.sum())
    return total(values, weight) / stands_for if stands_for > 0 else float("nan")


def mid_ranks(values: Floats, weight: Weights) -> Floats:
    """Rank of each row among all customers: those below it, half of those equal to it, and a half.

    Parameters
    ----------
    values : ndarray of shape (n,)
    weight : ndarray of shape (n,) or None

    Returns
    -------
    ndarray of shape (n,)
        From 1; with weights of 1 those of `scipy.stats.rankdata`.
    """
    if weight is None:
        return np.asarray(rankdata(values))
    _, code = np.unique(values, return_inverse=True)
    held = np.bincount(code, weights=weight)
    return np.asarray((np.cumsum(held) - held / 2 + 0.5)[code])


def effective_size(weight: Floats) -> float:
    """Rows of weight 1 that would give means of the same variance: (sum w)^2 / sum w^2.

    Parameters
    ----------
    weight : ndarray of shape (n,)

    Returns
    -------
    float
        0 without rows.

    References
    ----------
    Kish (1965), Survey Sampling.
    """
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0
