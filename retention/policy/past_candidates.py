"""Which randomised customers of the past a list could have contacted, by today's policy."""

import pandas as pd

from models.components.uplift import RISK
from retention.core.params import Policy
from retention.policy import lanes

_KEYS = ["customer_id", "snapshot_on"]


def is_candidate(rows: pd.DataFrame, states: pd.DataFrame, policy: Policy) -> "pd.Series[bool]":
    """Say for whom none of the rules holds that keep customers from being contacted.

    What is known of the present alone (objections, absences, limits) keeps nobody out: an
    experiment estimates what contacts change for customers like those whom a list may contact.

    Parameters
    ----------
    rows : DataFrame of n rows
        customer_id, snapshot_on, RISK (churn probability), value_if_kept and value_if_lost
        (currency).
    states : DataFrame
        customer_id, snapshot_on and the columns of the interactions' customer states.
    policy : Policy

    Returns
    -------
    Series of bool, shape (n,)
        In the order of `rows`.
    """
    known = rows[[*_KEYS, RISK, "value_if_kept", "value_if_lost"]].merge(
        states, on=_KEYS, how="left", validate="one_to_one"
    )
    never = dict.fromkeys(
        ("do_not_contact", "erased", "deceased_or_merged", "held_out", "disturbed"), False
    )
    difference = known["value_if_kept"] - known["value_if_lost"]
    customers = known.assign(
        churn_probability=known[RISK],
        expected_loss=known[RISK] * difference,
        notice_on=known["notice_age"],
        **never,
    )
    if not lanes.has_money(customers):
        customers = lanes.weigh_by_risk(customers, policy)
    lane = lanes.assign_lanes(customers, policy)["lane"]
    return pd.Series((lane == "").to_numpy(), index=rows.index)
