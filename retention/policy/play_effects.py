"""Effects of selling plays: purchases of customers assigned to one, against those held out.

By intention to treat: a play's control group are the customers for whom it was chosen, or who were
randomised on the same day of an experiment, and whom chance held out. The interval may be read at
every list.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from retention.core.params import Play
from retention.i18n.language import gettext_noop
from retention.stats import sequential, two_sample

PURCHASE_WINDOW_DAYS: Final = 91  # purchases count for a quarter
PLANNED_CUSTOMERS: Final = 1_000
"""Of both arms, at which the interval is narrowest; with 200 or 5,000 it is a tenth wider."""
SELLING_TYPES: Final = ("upsell", "cross_sell")
VERDICTS: Final = {
    "proven": gettext_noop("sells more than it costs"),
    "unproven": gettext_noop("not shown to sell more than it costs"),
    "too_few": gettext_noop("too few yet to tell"),
}
COLUMNS: Final = (
    "play",
    "treated",  # customers assigned to the play
    "held",  # customers held out for whom it was chosen
    "difference",  # of the mean amount bought in the window, currency; null where too few
    "low",  # its 95 % interval, valid at every list
    "high",
    "verdict",  # key of VERDICTS; proven where low is above the play's expected cost
)
_EPOCH: Final = dt.date(1970, 1, 1)


def play_effects(
    assigned: pd.DataFrame, sales: pd.DataFrame, playbook: Sequence[Play], as_of: dt.date
) -> pd.DataFrame:
    """Estimate what each selling play sells.

    An assignment counts once PURCHASE_WINDOW_DAYS have passed since. Purchases of its day do not
    count, as it is unknown which came first.

    Parameters
    ----------
    assigned : DataFrame
        assignment_history.ASSIGNED_PLAYS.
    sales : DataFrame
        customer_id, day (since 1970-01-01), amount of the purchases.
    playbook : sequence of Play
    as_of : date

    Returns
    -------
    DataFrame
        COLUMNS, one row per selling play, in the order of the playbook.

    References
    ----------
    Hajek (1971), in Foundations of Statistical Inference, 236; Waudby-Smith et al. (2024), Annals
    of Statistics 52.
    """
    closed = assigned[assigned["day"] + PURCHASE_WINDOW_DAYS < (as_of - _EPOCH).days]
    rows = closed.assign(amount=_amounts(closed, sales))
    effects = [
        _effect(play, rows[rows["play"] == play.name])
        for play in playbook
        if play.type in SELLING_TYPES
    ]
    return pd.DataFrame(effects, columns=list(COLUMNS))


def _amounts(assigned: pd.DataFrame, sales: pd.DataFrame) -> "pd.Series[float]":
    """What was bought in the window after each assignment, in the order of the rows."""
    rows = assigned.reset_index(drop=True).reset_index(names="row")
    bought = rows[["row", "customer_id", "day"]].merge(
        sales[["customer_id", "day", "amount"]], on="customer_id", suffixes=("", "_sold")
    )
    since = bought["day_sold"] - bought["day"]
    bought = bought[(since > 0) & (since <= PURCHASE_WINDOW_DAYS)]
    sums = bought["amount"].astype(float).groupby(bought["row"]).sum()
    return pd.Series(rows["row"].map(sums).astype(float).fillna(0.0).to_numpy(), assigned.index)


def _effect(play: Play, rows: pd.DataFrame) -> dict[str, Any]:
    is_treated = rows["treated"].astype(bool)
    counts = {"treated": int(is_treated.sum()), "held": int((~is_treated).sum())}
    names = ("amount", "treated", "propensity", "customer_id")
    once = two_sample.hajek_difference(*(rows[name].to_numpy() for name in names))
    if not once.standard_error > 0:
        unknown = dict.fromkeys(("difference", "low", "high"), np.nan)
        return {"play": play.name, **counts, **unknown, "verdict": "too_few"}
    effect = sequential.confidence_sequence(once, PLANNED_CUSTOMERS)
    verdict = "proven" if effect.low > expected_cost(play) else "unproven"
    ends = {name: getattr(effect, name) for name in ("difference", "low", "high")}
    return {"play": play.name, **counts, **ends, "verdict": verdict}


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
