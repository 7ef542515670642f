"""What selling plays have sold: those who were offered one against those held out.

The held out are those of every play. Who is offered a play was also chosen for it, so the
difference leans on customers being alike; it orders selling plays and claims nothing more.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import t

from retention.core.events import HOLDOUT
from retention.core.params import Play
from retention.i18n.language import gettext_noop
from retention.stats import two_sample

PURCHASE_WINDOW_DAYS: Final = 91  # in which what was bought counts: a quarter
MIN_ARM_SIZE: Final = 30  # customers on each side, below which nothing is said
CONFIDENCE_LEVEL: Final = 0.95
SELLING_TYPES: Final = ("upsell", "cross_sell")
VERDICTS: Final = {
    "proven": gettext_noop("sells more than it costs"),
    "unproven": gettext_noop("not shown to sell more than it costs"),
    "too_few": gettext_noop("too few yet to tell"),
}
COLUMNS: Final = ("play", "treated", "held", "difference", "low", "high", "verdict")
_EPOCH: Final = dt.date(1970, 1, 1)


def play_effects(
    events: pd.DataFrame, playbook: Sequence[Play], kinds: Collection[str], as_of: dt.date
) -> pd.DataFrame:
    """COLUMNS, one row a selling play in the order of the playbook.

    events: customer_id, kind, day (since 1970-01-01), treatment, amount. kinds: what counts as
    bought. A customer counts once, from the first outreach that was the play or `holdout`, if DAYS
    have passed since; the same day does not count, as it cannot be told what came first.

    treated, held  customers offered the play, customers held out
    difference, low, high  of the mean amount in DAYS, and its 95 % interval (Welch 1947); null
                   below LEAST customers on either side
    verdict        a key of VERDICTS; proven where low is above what the play costs
    """
    told = [
        _of_play(play, _bought(events, play.name, kinds, as_of))
        for play in playbook
        if play.type in SELLING_TYPES
    ]
    return pd.DataFrame(told, columns=list(COLUMNS))


def _bought(
    events: pd.DataFrame, play: str, kinds: Collection[str], as_of: dt.date
) -> pd.DataFrame:
    """treatment and amount: one row a customer whose DAYS are over."""
    arm = (events["kind"] == "outreach") & events["treatment"].isin([play, HOLDOUT])
    first = events.loc[arm, ["customer_id", "day", "treatment"]]
    first = first.sort_values(["customer_id", "day", "treatment"]).drop_duplicates("customer_id")
    first = first[first["day"] + PURCHASE_WINDOW_DAYS < (as_of - _EPOCH).days]
    sold = events.loc[events["kind"].isin(list(kinds)), ["customer_id", "day", "amount"]]
    both = first.merge(sold, on="customer_id", suffixes=("", "_sold"))
    inside = both[(both["day_sold"] > both["day"]) & (both["day_sold"] <= both["day"] + PURCHASE_WINDOW_DAYS)]
    sums = inside["amount"].astype(float).groupby(inside["customer_id"]).sum()
    amount = first["customer_id"].map(sums).astype(float).fillna(0.0)
    return pd.DataFrame({"treatment": first["treatment"], "amount": amount})


def _of_play(play: Play, bought: pd.DataFrame) -> dict[str, Any]:
    treated = bought.loc[bought["treatment"] == play.name, "amount"].to_numpy(dtype=float)
    held = bought.loc[bought["treatment"] == HOLDOUT, "amount"].to_numpy(dtype=float)
    row: dict[str, Any] = {"play": play.name, "treated": len(treated), "held": len(held)}
    if min(len(treated), len(held)) < MIN_ARM_SIZE:
        return row | dict.fromkeys(("difference", "low", "high"), np.nan) | {"verdict": "too_few"}
    apart, half = welch_difference(treated, held)
    low = apart - half
    verdict = "proven" if low > expected_cost(play) else "unproven"
    told = {"difference": apart, "low": low, "high": apart + half}
    return row | told | {"verdict": verdict}


def expected_cost(play: Play) -> float:
    """What a play is expected to cost a customer whom it is offered, in money."""
    return play.cost + play.offer_value * play.acceptance_rate


def welch_difference(
    one: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    other: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> tuple[float, float]:
    """Difference of the means of two samples (two rows at least), half its 95 % interval."""
    apart = float(one.mean() - other.mean())
    if not one.var() + other.var():
        return apart, 0.0
    error, freedom = two_sample.welch(one, other)
    return apart, float(t.ppf((1 + CONFIDENCE_LEVEL) / 2, freedom)) * error


def proven_plays(found: pd.DataFrame, playbook: Sequence[Play]) -> tuple[str, ...]:
    """The proven selling plays, the one to try first in front.

    By the lower end of the interval; but an upsell stands before every cross-sell whose interval
    it overlaps: more of what a customer wants is easier sold than something else.
    """
    types = {play.name: play.type for play in playbook}
    known = found[(found["verdict"] == "proven") & found["play"].isin(list(types))]
    rows = known.sort_values("low", ascending=False, kind="stable").to_dict("records")
    order = [row for row in rows if types[row["play"]] == "cross_sell"]
    for up in (row for row in reversed(rows) if types[row["play"]] == "upsell"):
        order.insert(_place(up, order, types), up)
    return tuple(str(row["play"]) for row in order)


def _place(up: dict[Any, Any], order: Sequence[dict[Any, Any]], types: Mapping[str, str]) -> int:
    for at, row in enumerate(order):
        overlaps = types[row["play"]] == "cross_sell" and row["low"] <= up["high"]
        if row["low"] <= up["low"] or (overlaps and up["low"] <= row["high"]):
            return at
    return len(order)
