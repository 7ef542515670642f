"""95 % intervals of proportions and counts; the constants and types that statistics share."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]

LEVEL: Final = 0.95
Z95: Final = 1.959963984540054  # the standard normal's 97.5 % point
UNKNOWN: Final = "unknown"


def wilson_interval(successes: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Estimate the 95 % score interval of a proportion, which never leaves 0 to 1.

    Parameters
    ----------
    successes : array_like of float
        How many of each n, 0 to n.
    n : array_like of float
        Trials, above 0, of the shape of `successes`.

    Returns
    -------
    low, high : ndarray of float
        Proportions, of the shape of `successes`.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22, 209-212.
    """
    trials = np.asarray(n, dtype=float)
    proportion, spread = np.asarray(successes, dtype=float) / trials, Z95**2 / trials
    centre = (proportion + spread / 2) / (1 + spread)
    variance = proportion * (1 - proportion) / trials + spread / trials / 4
    half = Z95 * np.sqrt(variance) / (1 + spread)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def poisson_interval(count: Floats) -> tuple[Floats, Floats]:
    """Estimate the exact 95 % interval of the mean of a Poisson count.

    Parameters
    ----------
    count : ndarray of float
        Events counted, 0 or more.

    Returns
    -------
    low, high : ndarray of float
        Means, in events, of the shape of `count`.

    References
    ----------
    Garwood (1936), Biometrika 28, 437-442.
    """
    tail = (1 - LEVEL) / 2
    # Of a count of 0 the lower end is 0; chi2 has no quantile at 0 degrees of freedom.
    low = chi2.ppf(tail, 2 * np.maximum(count, 1)) / 2
    return np.where(count > 0, low, 0.0), chi2.ppf(1 - tail, 2 * count + 2) / 2


def label_groups(groups: "pd.Series[str]") -> "pd.Series[str]":
    """Return the groups as text, `unknown` for a null."""
    return groups.astype("str").fillna(UNKNOWN)
