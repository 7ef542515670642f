"""Who is held out at random, so that contacted customers have a control group."""

import datetime as dt
import hashlib
from typing import Final

import pandas as pd

from retention.core.params import AtRiskParams

_HASH_VALUES: Final = 2**64
_EPOCH: Final = dt.date(1970, 1, 1)


def draw_day(at_risk_params: AtRiskParams, as_of: dt.date) -> dt.date:
    """Find the draw that randomises on a day.

    There is a new one every `campaign_days`. An arm lasts as long, so whoever is randomised again
    is randomised by another draw, and nobody is left alone for ever.

    Parameters
    ----------
    at_risk_params : AtRiskParams
        campaign_days.
    as_of : date
        Day of the list.

    Returns
    -------
    date
        First day of the draw; draws are counted from 1970-01-01.
    """
    age = (as_of - _EPOCH).days % at_risk_params.campaign_days
    return as_of - dt.timedelta(days=age)


def assignment_hash(customer_id: str, campaign: str, salt: str, drawn_on: dt.date) -> float:
    """Map a customer of a draw to a number that looks uniform and never changes.

    Parameters
    ----------
    customer_id, campaign, salt : str
        What is hashed, with the day of the draw.
    drawn_on : date
        As `draw_day`. Another campaign, salt or draw gives independent numbers.

    Returns
    -------
    float in [0, 1)
        The first 64 bits of the SHA-256 hash.
    """
    words = f"{customer_id}|{campaign}|{salt}|{drawn_on.isoformat()}"
    digest = hashlib.sha256(words.encode()).digest()
    return int.from_bytes(digest[:8], "big") / _HASH_VALUES


def is_held_out(
    customers: pd.Index,
    at_risk_params: AtRiskParams,
    as_of: dt.date,
    keep_contact: frozenset[str] = frozenset(),
) -> "pd.Series[bool]":
    """Say which customers the randomisation holds out, if they come within reach of the list.

    Parameters
    ----------
    customers : Index of shape (n,)
        Customer ids.
    at_risk_params : AtRiskParams
        campaign, campaign_days, salt and holdout_share, the probability of being held out.
    as_of : date
        Day of the list.
    keep_contact : frozenset of str
        Customers whom an earlier list assigned to contact, and whose arm lasts: a draw that begins
        in between does not change it.

    Returns
    -------
    Series of bool, shape (n,)
        Indexed by `customers`.
    """
    campaign, salt = at_risk_params.campaign, at_risk_params.salt
    drawn_on = draw_day(at_risk_params, as_of)
    hashes = [assignment_hash(customer, campaign, salt, drawn_on) for customer in customers]
    is_drawn = pd.Series(hashes, index=customers, dtype=float) < at_risk_params.holdout_share
    return is_drawn & ~customers.isin(list(keep_contact))


def holdout_sample(
    within_reach: pd.DataFrame,
    at_risk_params: AtRiskParams,
    as_of: dt.date,
    keep_contact: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """Take the held-out customers from those within reach.

    Parameters
    ----------
    within_reach : DataFrame
        customer_id and play: the selection under limits raised by 1 / (1 - holdout_share).
    at_risk_params : AtRiskParams
        campaign, campaign_days, salt and holdout_share.
    as_of : date
        Day of the list.
    keep_contact : frozenset of str
        As `is_held_out`.

    Returns
    -------
    DataFrame
        customer_id, campaign, propensity, as_of, play: one row per held-out customer, by id.
        propensity is the probability of treatment; play is what the customer would have been
        given.
    """
    customers = pd.Index(within_reach["customer_id"])
    held_out = is_held_out(customers, at_risk_params, as_of, keep_contact).to_numpy()
    sample = within_reach.loc[held_out, ["customer_id", "play"]].sort_values("customer_id")
    sample.insert(1, "campaign", at_risk_params.campaign)
    sample.insert(2, "propensity", 1 - at_risk_params.holdout_share)
    sample.insert(3, "as_of", as_of)
    return sample.reset_index(drop=True)
