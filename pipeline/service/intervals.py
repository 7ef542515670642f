"""The 95 % interval of a count, and the name of a group that has none."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]

LEVEL: Final = 0.95
Z: Final = 1.959963984540054  # the standard normal's 97.5 % point
UNKNOWN: Final = "unknown"


def poisson(count: Floats) -> tuple[Floats, Floats]:
    """(low, high) of the exact interval of the mean of a Poisson count (Garwood 1936)."""
    tail = (1 - LEVEL) / 2
    low = chi2.ppf(tail, 2 * np.maximum(count, 1)) / 2
    return np.where(count > 0, low, 0.0), chi2.ppf(1 - tail, 2 * count + 2) / 2


def named(groups: "pd.Series[str]") -> "pd.Series[str]":
    """The groups as text, `unknown` for a null."""
    return groups.astype("str").fillna(UNKNOWN)
