"""What keeping a customer is worth: the one sum of the list, the proposal and the outcomes page.

A customer who would have left and is kept stays for some value windows, and is worth the difference
between keeping and losing them in each. All three count the customers saved, times this, less what
the contacts cost.
"""

from typing import TypeVar

import numpy as np
import pandas as pd

from models.components.base import Floats

Money = TypeVar("Money", float, Floats, "pd.Series[float]")


def retained_value(per_window: Money, windows: float) -> Money:
    """Give a value of one window that of the windows for which a retained customer stays.

    Parameters
    ----------
    per_window : float, ndarray or Series of shape (n,)
        Value if kept less value if lost, currency; or that times the churn probability.
    windows : float
        `policy.retained_windows`.

    Returns
    -------
    float, ndarray or Series of shape (n,)
        Currency.
    """
    return per_window * windows


def net_gain(saved: Money, worth: Money, cost: Money) -> Money:
    """Value of the customers saved less what the contacts cost.

    Parameters
    ----------
    saved : float, ndarray or Series of shape (n,)
        Customers, or the share of those lost otherwise.
    worth : float, ndarray or Series of shape (n,)
        As `retained_value` returns it: of a customer, or of those lost otherwise. Currency.
    cost : float, ndarray or Series of shape (n,)
        Of contacts and accepted offers, currency.

    Returns
    -------
    float, ndarray or Series of shape (n,)
        Currency.
    """
    return saved * worth - cost


def worth_from_loss(
    expected_loss: "pd.Series[float]", churn_probability: "pd.Series[float]", windows: float
) -> "pd.Series[float]":
    """Recover what keeping customers is worth from what a list recorded of them.

    Parameters
    ----------
    expected_loss : Series of shape (n,)
        Churn probability times (value if kept less value if lost), currency; may be null.
    churn_probability : Series of shape (n,)
        May be null.
    windows : float
        `policy.retained_windows`.

    Returns
    -------
    Series of shape (n,)
        Currency. A customer of whom it is not known counts as the mean of the others: it was
        recorded before the arms were drawn, so this moves neither. Null for all where no customer
        brings money.
    """
    per_window = (expected_loss / churn_probability.where(churn_probability > 0)).astype(float)
    if not (per_window.fillna(0.0) != 0).any():
        return pd.Series(np.nan, index=expected_loss.index)
    return retained_value(per_window.fillna(per_window.mean()), windows)
