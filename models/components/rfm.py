"""Recency, frequency and money, as the baselines read them from the features."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.components.base import Floats

RECENCY = "days_since_purchase"
TENURE = "days_since_first_purchase"
FREQUENCY = "purchase_days"
MONEY = "spend_total"


class History(NamedTuple):
    """BG/NBD's view of the customers who ever bought; time in days."""

    bought: NDArray[np.bool_]  # (n,), which rows of X these are
    x: Floats
    t_x: Floats
    T: Floats


def history(X: pd.DataFrame) -> History:
    """x = purchase days - 1, t_x = first - recency, T = days since the first purchase.

    A purchase day is one transaction, as in Fader, Hardie & Lee (2005).
    """
    read = X[[RECENCY, TENURE, FREQUENCY]].to_numpy(dtype=float)
    bought = np.isfinite(read).all(axis=1) & (read[:, 2] >= 1)
    recency, tenure, days = read[bought].T
    return History(bought, days - 1, np.clip(tenure - recency, 0, tenure), tenure)
