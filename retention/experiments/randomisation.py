"""Who is held out at random, so that contacted customers have a control group."""

import datetime as dt
import hashlib
from typing import Final

import pandas as pd

from retention.core.params import AtRiskParams

_HASH_VALUES: Final = 2**64


def assignment_hash(customer_id: str, campaign: str, salt: str) -> float:
    """Map a customer of a campaign to a number that looks uniform and never changes.

    Parameters
    ----------
    customer_id, campaign, salt : str
        What is hashed. Another campaign or salt gives independent numbers.

    Returns
    -------
    float in [0, 1)
        The first 64 bits of the SHA-256 hash.
    """
    digest = hashlib.sha256(f"{customer_id}|{campaign}|{salt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _HASH_VALUES


def is_held_out(customers: pd.Index, at_risk_params: AtRiskParams) -> "pd.Series[bool]":
    """Say which customers the randomisation holds out, if they come within reach of the list.

    Parameters
    ----------
    customers : Index of shape (n,)
        Customer ids.
    at_risk_params : AtRiskParams
        campaign, salt and holdout_share, the probability of being held out.

    Returns
    -------
    Series of bool, shape (n,)
        Indexed by `customers`.
    """
    hashes = [
        assignment_hash(customer, at_risk_params.campaign, at_risk_params.salt)
        for customer in customers
    ]
    return pd.Series(hashes, index=customers, dtype=float) < at_risk_params.holdout_share


def holdout_sample(
    within_reach: pd.DataFrame, at_risk_params: AtRiskParams, as_of: dt.date
) -> pd.DataFrame:
    """Take the held-out customers from those within reach.

    Parameters
    ----------
    within_reach : DataFrame
        customer_id and play: the selection under limits raised by 1 / (1 - holdout_share).
    at_risk_params : AtRiskParams
        campaign, salt and holdout_share.
    as_of : date
        Day of the list.

    Returns
    -------
    DataFrame
        customer_id, campaign, propensity, as_of, play: one row per held-out customer, by id.
        propensity is the probability of treatment; play is what the customer would have been
        given.
    """
    held_out = is_held_out(pd.Index(within_reach["customer_id"]), at_risk_params).to_numpy()
    sample = within_reach.loc[held_out, ["customer_id", "play"]].sort_values("customer_id")
    sample.insert(1, "campaign", at_risk_params.campaign)
    sample.insert(2, "propensity", 1 - at_risk_params.holdout_share)
    sample.insert(3, "as_of", as_of)
    return sample.reset_index(drop=True)
