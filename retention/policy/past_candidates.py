"""Which randomised customers of the past a list could have contacted, by today's policy."""

from typing import Final

import numpy as np
import pandas as pd

from models.components.uplift import RISK
from retention.core.params import Policy
from retention.policy import lanes

FEATURE_OF_STATE: Final = {
    "open_cases": "open_cases",
    "billing_error_days": "days_since_overcharge",
    "broken_promise_days": "awaited_days",
    "tenure_days": "tenure",
    "failures_90d": "failures_90d",
}
"""The feature that tells, at a past snapshot, what a rule for lanes reads of the present."""

RECENCIES: Final = (
    "days_since_purchase",
    "days_since_contact",
    "days_since_visit",
    "days_since_rating",
    "days_since_referral",
    "days_since_redemption",
)
"""Features whose least tells how long ago the customer was last heard of."""

NOTICE: Final = "notice_given"
_NOT_TOLD: Final = (
    "unsolved_days",
    "faulty_order_days",
    "call_back_days",
    "override_days",
    "fixed_days",
    "last_outreach_days",
    "contacts_365d",
    "serving_cost_365d",
    "revenue_365d",
)
_FALSE: Final = ("do_not_contact", "erased", "deceased_or_merged", "held_out", "disturbed")


def is_candidate(outcomes: pd.DataFrame, X: pd.DataFrame, policy: Policy) -> "pd.Series[bool]":
    """Say for whom none of the rules holds that keep customers from being contacted.

    The rules are those of lanes, on what features tell of the past. What they do not tell (effort,
    what is owed or was put right, calls, agreements, objections, limits) keeps nobody out.

    Parameters
    ----------
    outcomes : DataFrame of n rows
        RISK (churn probability), value_if_kept and value_if_lost (currency).
    X : DataFrame of shape (n, features)
    policy : Policy

    Returns
    -------
    Series of bool, shape (n,)
        In the order of `outcomes`.
    """
    features = X.reindex(columns=[*FEATURE_OF_STATE.values(), NOTICE]).astype(float)
    state = {state: features[feature] for state, feature in FEATURE_OF_STATE.items()}
    history = pd.DataFrame(state).set_axis(outcomes.index)
    columns = [name for name in RECENCIES if name in X]
    last_dealing = X[columns].astype(float).min(axis=1).to_numpy() if columns else 0.0
    risk = outcomes[RISK].astype(float)
    difference = outcomes["value_if_kept"] - outcomes["value_if_lost"]
    customers = history.assign(
        churn_probability=risk,
        expected_loss=risk * difference,
        value_if_kept=outcomes["value_if_kept"],
        value_if_lost=outcomes["value_if_lost"],
        notice_on=features[NOTICE].where(features[NOTICE] == 1).to_numpy(),
        last_dealing_days=last_dealing,
        **dict.fromkeys(_NOT_TOLD, np.nan),
        **dict.fromkeys(_FALSE, False),
    )
    if not lanes.has_money(customers):
        customers = lanes.weigh_by_risk(customers, policy)
    return lanes.assign_lanes(customers, policy)["lane"] == ""
