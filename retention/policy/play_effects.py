"""Effects of selling plays: purchases of customers who were offered one, against held-out ones.

All held-out customers are the control group of every play. Customers who are offered a play were
also selected for it, so the difference assumes that customers are alike: it orders selling plays
and supports no other claim.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from retention.core.events import HOLDOUT
from retention.core.params import Play
from retention.i18n.language import gettext_noop
from retention.stats import two_sample

PURCHASE_WINDOW_DAYS: Final = 91  # purchases count for a quarter
MIN_ARM_SIZE: Final = 30  # customers of either side below which nothing is said
CONFIDENCE_LEVEL: Final = 0.95
SELLING_TYPES: Final = ("upsell", "cross_sell")
VERDICTS: Final = {
    "proven": gettext_noop("sells more than it costs"),
    "unproven": gettext_noop("not shown to sell more than it costs"),
    "too_few": gettext_noop("too few yet to tell"),
}
COLUMNS: Final = (
    "play",
    "treated",  # customers who were offered the play
    "held",  # customers held out
    "difference",  # of the mean amount bought in the window, currency; null where too few
    "low",  # its 95 % interval
    "high",
    "verdict",  # key of VERDICTS; proven where low is above the play's expected cost
)
_EPOCH: Final = dt.date(1970, 1, 1)


def play_effects(
    events: pd.DataFrame, playbook: Sequence[Play], kinds: Collection[str], as_of: dt.date
) -> pd.DataFrame:
    """Estimate what each selling play sells.

    A customer counts once, from the first outreach that was the play or `holdout`, once
    PURCHASE_WINDOW_DAYS have passed since. Purchases of the day of the outreach do not count, as
    it is unknown which came first.

    Parameters
    ----------
    events : DataFrame
        customer_id, kind, day (since 1970-01-01), treatment, amount.
    playbook : sequence of Play
    kinds : collection of str
        Kinds of event that count as purchases.
    as_of : date

    Returns
    -------
    DataFrame
        COLUMNS, one row per selling play, in the order of the playbook.

    References
    ----------
    Welch (1947), The generalization of Student's problem.
    """
    effects = [
        _effect(play, _purchases(events, play.name, kinds, as_of))
        for play in playbook
        if play.type in SELLING_TYPES
    ]
    return pd.DataFrame(effects, columns=list(COLUMNS))


def _purchases(
    events: pd.DataFrame, play: str, kinds: Collection[str], as_of: dt.date
) -> pd.DataFrame:
    """Treatment and amount: one row per customer whose purchase window has closed."""
    is_assignment = (events["kind"] == "outreach") & events["treatment"].isin([play, HOLDOUT])
    first = events.loc[is_assignment, ["customer_id", "day", "treatment"]]
    first = first.sort_values(["customer_id", "day", "treatment"]).drop_duplicates("customer_id")
    first = first[first["day"] + PURCHASE_WINDOW_DAYS < (as_of - _EPOCH).days]
    sales = events.loc[events["kind"].isin(list(kinds)), ["customer_id", "day", "amount"]]
    sales = first.merge(sales, on="customer_id", suffixes=("", "_sold"))
    window_end = sales["day"] + PURCHASE_WINDOW_DAYS
    in_window = sales[(sales["day_sold"] > sales["day"]) & (sales["day_sold"] <= window_end)]
    sums = in_window["amount"].astype(float).groupby(in_window["customer_id"]).sum()
    amount = first["customer_id"].map(sums).astype(float).fillna(0.0)
    return pd.DataFrame({"treatment": first["treatment"], "amount": amount})


def _effect(play: Play, purchases: pd.DataFrame) -> dict[str, Any]:
    treated, control = (
        purchases.loc[purchases["treatment"] == arm, "amount"].to_numpy(dtype=float)
        for arm in (play.name, HOLDOUT)
    )
    row: dict[str, Any] = {"play": play.name, "treated": len(treated), "held": len(control)}
    if min(len(treated), len(control)) < MIN_ARM_SIZE:
        return row | dict.fromkeys(("difference", "low", "high"), np.nan) | {"verdict": "too_few"}
    difference, margin = welch_difference(treated, control)
    low, high = difference - margin, difference + margin
    verdict = "proven" if low > expected_cost(play) else "unproven"
    return row | {"difference": difference, "low": low, "high": high, "verdict": verdict}


def expected_cost(play: Play) -> float:
    """Expected cost of a play per customer to whom it is offered.

    Parameters
    ----------
    play : Play

    Returns
    -------
    float
        Currency: the cost of the contact, and the offer times the rate at which it is accepted.
    """
    return play.cost + play.offer_value * play.acceptance_rate


def welch_difference(
    treated: NDArray[np.float64], control: NDArray[np.float64]
) -> tuple[float, float]:
    """Difference of two means with its Welch interval.

    Parameters
    ----------
    treated : ndarray of shape (n,)
        At least two values.
    control : ndarray of shape (m,)
        At least two values.

    Returns
    -------
    tuple of float
        Difference, and half the width of its 95 % interval; 0 where nothing varies.
    """
    difference = float(treated.mean() - control.mean())
    if not treated.var() + control.var():
        return difference, 0.0
    error, freedom = two_sample.welch(treated, control)
    return difference, float(t.ppf((1 + CONFIDENCE_LEVEL) / 2, freedom)) * error


def proven_plays(effects: pd.DataFrame, playbook: Sequence[Play]) -> tuple[str, ...]:
    """Order the proven selling plays.

    They are ordered by the lower end of their interval, but an upsell comes before every
    cross-sell whose interval overlaps its own: more of what a customer wants is easier to sell
    than something else.

    Parameters
    ----------
    effects : DataFrame
        COLUMNS.
    playbook : sequence of Play

    Returns
    -------
    tuple of str
        Names; the play to try first comes first.
    """
    types = {play.name: play.type for play in playbook}
    is_proven = (effects["verdict"] == "proven") & effects["play"].isin(list(types))
    rows = effects[is_proven].sort_values("low", ascending=False, kind="stable").to_dict("records")
    order = [row for row in rows if types[row["play"]] == "cross_sell"]
    for upsell in (row for row in reversed(rows) if types[row["play"]] == "upsell"):
        order.insert(_position(upsell, order, types), upsell)
    return tuple(str(row["play"]) for row in order)


def _position(
    upsell: dict[Any, Any], order: Sequence[dict[Any, Any]], types: Mapping[str, str]
) -> int:
    for i, row in enumerate(order):
        is_overlapping = row["low"] <= upsell["high"] and upsell["low"] <= row["high"]
        if row["low"] <= upsell["low"] or (types[row["play"]] == "cross_sell" and is_overlapping):
            return i
    return len(order)
