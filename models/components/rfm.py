"""Recency, frequency and money for the baselines, read from the features."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.components.base import Floats
from models.components.bgnbd import BGNBD

RECENCY = "days_since_purchase"
TENURE = "days_since_first_purchase"
FREQUENCY = "purchase_days"
MONEY = "spend_total"


class History(NamedTuple):
    """BG/NBD's sufficient statistics of the customers who ever bought; time in days."""

    bought: NDArray[np.bool_]  # (n,), the rows of X with a purchase; m of them
    x: Floats  # (m,), repeat purchases
    t_x: Floats  # (m,), from the first purchase to the last
    T: Floats  # (m,), since the first purchase


def history(X: pd.DataFrame) -> History:
    """BG/NBD's statistics from the features: x = purchase days - 1, t_x = tenure - recency.

    A purchase day is one transaction.

    Parameters
    ----------
    X : DataFrame of shape (n, features)
        With RECENCY, TENURE and FREQUENCY; NaN where a customer never bought.

    Returns
    -------
    History

    References
    ----------
    Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
    """
    rfm = X[[RECENCY, TENURE, FREQUENCY]].to_numpy(dtype=float)
    bought = np.isfinite(rfm).all(axis=1) & (rfm[:, 2] >= 1)
    recency, tenure, days = rfm[bought].T
    return History(bought, days - 1, np.clip(tenure - recency, 0, tenure), tenure)


def fit_rows(X: pd.DataFrame, weight: Floats) -> BGNBD | None:
    """BG/NBD fitted on rows of features; None where nobody bought.

    Parameters
    ----------
    X : DataFrame of shape (n, features)
        See `history`.
    weight : ndarray of shape (n,)
        Row weights.

    Returns
    -------
    BGNBD or None
    """
    bought, x, t_x, T = history(X)
    if weight[bought].sum() <= 0 or T.max() <= 0:
        return None
    return BGNBD.fit(x, t_x, T, weight[bought])
