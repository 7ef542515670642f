"""What is expected to be lost: sums of the curves of leaving, with what past forecasts missed by.

docs/lifetime.md says what leaving within some days means, and what the money is.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm, t

from retention.core.artefacts.modelling import LEAVE_WITHIN
from retention.core.documents.modelling import LifetimeFigures
from retention.core.documents.scoring import Forecast, ForecastFigures
from retention.stats.intervals import Floats
from retention.training import slices

ALL: Final = "all"
OTHER, UNKNOWN = "other", "unknown"
ATTRIBUTES: Final = ("region", "preferred_channel", "acquisition_channel")
MIN_GROUP: Final = 30  # customers below which groups are put together as OTHER
_TAIL: Final = 0.9  # the upper end of an 80 % interval

Ends = tuple[float, float] | None


def past_error(forecast: Floats, came: Floats) -> float | None:
    """Estimate how far the next forecast may be off, from how far past ones were.

    The errors are taken as normal about 0: the forecast is not corrected, so that a bias of the
    past widens the interval. The root mean square of n errors times Student's t with n degrees
    of freedom then covers the next one in 80 %; from one error it is 3.1 times that error.

    Parameters
    ----------
    forecast, came : ndarray of shape (n,)
        On a scale without bounds: log-odds of shares, logarithms of money.

    Returns
    -------
    float or None
        Half the width of the 80 % interval, on that scale; None where n is 0.

    References
    ----------
    Geisser (1993), Predictive Inference: An Introduction, ch. 2.
    """
    n = len(forecast)
    if not n:
        return None
    return float(t.ppf(_TAIL, n) * np.sqrt(np.mean((came - forecast) ** 2)))


def sum_interval(chance: Floats, amount: Floats, error: float | None) -> Ends:
    """Estimate the 80 % interval of what the customers who leave amount to.

    The share lost of the whole amount is off by `error` in log-odds, as past forecasts were, and
    by chance: customers leave independently of each other given their chances.

    Parameters
    ----------
    chance : ndarray of shape (n,)
        Of leaving, 0 to 1.
    amount : ndarray of shape (n,)
        What is lost if they leave: 1 to count customers, or money.
    error : float or None
        Of `past_error`.

    Returns
    -------
    (low, high) or None
        In the unit of `amount`; None without an error, or where the share is no proportion.
    """
    whole, lost = float(amount.sum()), float(chance @ amount)
    if error is None or not 0 < lost < whole:
        return None
    share_lost = lost / whole
    spread = (
        np.sqrt((amount**2) @ (chance * (1 - chance))) / whole / (share_lost * (1 - share_lost))
    )
    half = np.hypot(error, norm.ppf(_TAIL) * spread)
    low, high = expit(logit(share_lost) + np.array([-half, half])) * whole
    return float(low), float(high)


def widened(lost: float, ends: Ends, error: float | None) -> Ends:
    """The interval of a sum of money whose amounts are off too, by `error` in logarithms."""
    if ends is None or error is None or lost <= 0:
        return None
    below, above = np.hypot(np.log(lost / ends[0]), error), np.hypot(np.log(ends[1] / lost), error)
    return float(lost * np.exp(-below)), float(lost * np.exp(above))


def forecast(
    scores: pd.DataFrame,
    customers: pd.DataFrame,
    past: Sequence[LifetimeFigures],
    opens_on: dt.date,
    lifetime_days: int | None,
) -> Forecast:
    """Sum up the curves, in all and by segment.

    Parameters
    ----------
    scores : DataFrame of n rows, one per customer
        SCORES.
    customers : DataFrame, at most one row per customer
        customer_id and any of ATTRIBUTES.
    past : sequence of LifetimeFigures
        What the curves of past snapshots said on their day, and what came.
    opens_on : date
        The first day of the churn window.
    lifetime_days : int or None
        The horizon of lifetime_loss.

    Returns
    -------
    Forecast
        Figures are None where the curve says nothing of the horizon, intervals where no past
        snapshot shows it.
    """
    groups = segments(scores, customers)
    figures = []
    for days in LEAVE_WITHIN:
        of_days = [figure for figure in past if figure.days == days]
        error, money_error = _share_error(of_days), _money_error(of_days)
        figures += [
            _figures(name, str(group), days, rows, error, money_error)
            for name, group_of in groups.items()
            for group, rows in scores.groupby(group_of, observed=True, sort=True)
        ]
    return Forecast(
        opens_on=opens_on,
        lifetime_days=lifetime_days,
        past_snapshots={
            str(days): sum(figure.days == days for figure in past) for days in LEAVE_WITHIN
        },
        figures=tuple(figures),
    )


def segments(scores: pd.DataFrame, customers: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """The group of each customer: of all, by attribute that tells them apart, by expected value."""
    groups: dict[str, pd.Series[Any]] = {ALL: pd.Series(ALL, index=scores.index)}
    attributes = customers.set_index("customer_id").reindex(scores["customer_id"])
    for name in ATTRIBUTES:
        if name not in attributes:
            continue
        group = pd.Series(
            attributes[name].astype("object").fillna(UNKNOWN).to_numpy(), scores.index
        )
        size = group.map(group.value_counts())
        group = group.mask(size < MIN_GROUP, OTHER)
        if (group.value_counts() >= MIN_GROUP).sum() > 1:
            groups[name] = group
    if len(scores) >= len(slices.THIRDS) * MIN_GROUP:
        highest_first = pd.CategoricalDtype(list(slices.THIRDS[::-1]), ordered=True)
        groups[slices.VALUE] = slices.thirds(scores["expected_value"]).astype(highest_first)
    return groups


def _share_error(past: Sequence[LifetimeFigures]) -> float | None:
    n = np.array([figure.customers for figure in past], dtype=float)
    expected, came = (
        logit((np.array([getattr(figure, name) for figure in past]) * n + 0.5) / (n + 1))
        for name in ("chance", "left")
    )
    return past_error(expected, came)


def _money_error(past: Sequence[LifetimeFigures]) -> float | None:
    bias = np.array([figure.value_bias for figure in past if (figure.value_bias or 0) > 0])
    return past_error(np.log(bias.astype(float)), np.zeros(len(bias)))


def _figures(
    name: str,
    group: str,
    days: int,
    rows: pd.DataFrame,
    error: float | None,
    money_error: float | None,
) -> ForecastFigures:
    chance = rows[f"leave_within_{days}"].to_numpy(dtype=float)
    amount = rows["lifetime_loss"].to_numpy(dtype=float)
    lost, money, ends, money_ends = None, None, None, None
    if np.isfinite(chance).all():
        lost = float(chance.sum())
        ends = sum_interval(chance, np.ones(len(chance)), error)
        if np.isfinite(amount).all():
            money = float(chance @ amount)
            money_ends = widened(money, sum_interval(chance, amount, error), money_error)
    low, high = ends or (None, None)
    money_low, money_high = money_ends or (None, None)
    return ForecastFigures(
        by=name,
        group=group,
        days=days,
        customers=len(rows),
        lost=lost,
        low=low,
        high=high,
        money=money,
        money_low=money_low,
        money_high=money_high,
    )
