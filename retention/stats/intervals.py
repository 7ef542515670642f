"""95 % intervals of shares and counts, and the name of a group that has none."""

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
    """(low, high) of the 95 % score interval of found / n, n > 0, which never leaves 0 to 1.

    Wilson (1927).
    """
    trials = np.asarray(n, dtype=float)
    proportion, spread = np.asarray(successes, dtype=float) / trials, Z95**2 / trials
    centre = (proportion + spread / 2) / (1 + spread)
    half = (
        Z95 * np.sqrt(proportion * (1 - proportion) / trials + spread / trials / 4) / (1 + spread)
    )
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def poisson_interval(count: Floats) -> tuple[Floats, Floats]:
    """(low, high) of the exact interval of the mean of a Poisson count (Garwood 1936)."""
    tail = (1 - LEVEL) / 2
    low = chi2.ppf(tail, 2 * np.maximum(count, 1)) / 2
    return np.where(count > 0, low, 0.0), chi2.ppf(1 - tail, 2 * count + 2) / 2


def label_groups(groups: "pd.Series[str]") -> "pd.Series[str]":
    """The groups as text, `unknown` for a null."""
    return groups.astype("str").fillna(UNKNOWN)
