"""Who is left alone at random, so that those who are contacted can be compared with somebody."""

import datetime as dt
import hashlib
from typing import Final

import pandas as pd

from retention.core.params import AtRisk

_HASH_VALUES: Final = 2**64


def draw(customer_id: str, campaign: str, salt: str) -> float:
    """A number in [0, 1) that is the customer's own in this campaign, whoever computes it."""
    digest = hashlib.sha256(f"{customer_id}|{campaign}|{salt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _HASH_VALUES


def drawn(customers: pd.Index, rules: AtRisk) -> "pd.Series[bool]":
    """Per customer whether the draw leaves them alone, if they come within reach."""
    draws = [draw(one, rules.campaign, rules.salt) for one in customers]
    return pd.Series(draws, index=customers, dtype=float) < rules.holdout_share


def held_out(within_reach: pd.DataFrame, rules: AtRisk, as_of: dt.date) -> pd.DataFrame:
    """customer_id, campaign, propensity, as_of, play: one row a customer drawn, by id.

    within_reach: customer_id, play: the choice under limits raised by 1 / (1 - holdout_share).
    propensity is the share that is treated, play what they would have been given.
    """
    mine = drawn(pd.Index(within_reach["customer_id"]), rules).to_numpy()
    held = within_reach.loc[mine, ["customer_id", "play"]].sort_values("customer_id")
    held.insert(1, "campaign", rules.campaign)
    held.insert(2, "propensity", 1 - rules.holdout_share)
    held.insert(3, "as_of", as_of)
    return held.reset_index(drop=True)
