"""The queue: by when each listed customer is due, what waiting costs, and whose day that fills.

The lanes say what is to be done; the order of work is one for all of them, by the cost of delay:
what a week of waiting is expected to lose of the stake. Some stakes end on a day, as a contract on
notice does: waiting uses up the days left. What is owed has no such end, but is late from a day on:
the stake, which is that of a value window, is lost by as much of the window as it stays late.

References: Reinertsen (2009), The Principles of Product Development Flow, ch. 7.
"""

import datetime as dt
from typing import Final

import numpy as np
import pandas as pd

from retention.core.params import AtRiskParams, Owner, Params, Policy
from retention.policy.lanes import WEEK

NOT_BEFORE: Final = ("call_back", "cooling_off")
"""Lanes whose work begins on the day itself: earlier there is nothing to do."""
COLUMNS: Final = ("due_on", "cost_of_delay", "urgency")


def days_left(
    customers: pd.DataFrame, lane: "pd.Series[str]", params: Params, as_of: dt.date
) -> pd.DataFrame:
    """Count the days until what is at stake ends, and until what is to be done is late.

    Parameters
    ----------
    customers : DataFrame of n rows
        As `lanes.join_inputs` returns it.
    lane : Series of str, shape (n,)
    params : Params
        policy, service and at_risk.
    as_of : date

    Returns
    -------
    DataFrame of n rows
        ends: in lane contact with the campaign or the label window, whichever is first, else with
        the contract on notice. late: in lanes
        fix_first and gave_notice the first of the service level of cases and of what else is to be
        put right, and the day that was promised; in the others the day agreed, or that on which to
        ask. 0 is as_of, below 0 is past; null where there is none.
    """
    owed = _first_owed(customers, params)
    is_owed, gave_notice = lane.isin(["fix_first", "gave_notice"]), customers["notice_on"].notna()
    ends_in = (pd.to_datetime(customers["ends_on"]) - pd.Timestamp(as_of)).dt.days.astype(float)
    # Without a day of its end a contract on notice may end any day.
    ends_in = ends_in.fillna(0.0).where(gave_notice & is_owed)
    late = {
        # What is owed without a day is owed now.
        "fix_first": owed.fillna(0.0),
        "gave_notice": owed,
        "call_back": -customers["call_back_days"],
        "cooling_off": params.policy.cooling_days - customers["fixed_days"],
    }
    return pd.DataFrame(
        {
            "ends": ends_in.mask(lane == "contact", _contact_ends(params)),
            "late": np.select([lane == name for name in late], list(late.values()), np.nan),
        },
        index=customers.index,
    )


def _contact_ends(params: Params) -> float:
    """Days until a contact can keep nobody any more who was expected to leave."""
    churn = params.labels.churn
    return float(min(params.at_risk.campaign_days, churn.gap_days + churn.horizon_days))


def _first_owed(customers: pd.DataFrame, params: Params) -> "pd.Series[float]":
    """Days until the first of all that is owed has a day; null where nothing has."""
    level, fix = params.service.resolution_days, params.policy.fix
    billing, promise = customers["billing_error_days"], customers["broken_promise_days"]
    days = {
        "case": -customers["case_due_days"],
        "order": level - customers["faulty_order_days"],
        "bill": (level - billing).where(billing <= fix.billing_days),
        "promise": (-promise).where(promise <= fix.promise_days),
    }
    return pd.DataFrame(days).astype(float).min(axis=1)


def lost_in_a_week(days: pd.DataFrame, value_days: int) -> "pd.Series[float]":
    """Say which share of a stake is lost by waiting for a week.

    Parameters
    ----------
    days : DataFrame of n rows
        As `days_left` counts them.
    value_days : int
        Of the window over which the stake is lost where it has no end of its own.

    Returns
    -------
    Series of float, shape (n,)
        The greater of: the part of the days until the end that a week is, 1 from a week on; and
        the days of the week on which what is to be done is late, as a part of the window.
    """
    until_end = WEEK / days["ends"].clip(lower=WEEK)
    late = (WEEK - days["late"].clip(lower=0, upper=WEEK)) / max(value_days, WEEK)
    return pd.concat([until_end, late], axis=1).max(axis=1)


def queue(
    customers: pd.DataFrame,
    rows: pd.DataFrame,
    params: Params,
    as_of: dt.date,
    *,
    has_money: bool,
) -> pd.DataFrame:
    """Say by when each listed customer is due and what a week's wait costs.

    Parameters
    ----------
    customers : DataFrame of n rows
        As `lanes.join_inputs` returns it; the index is customer_id.
    rows : DataFrame of n rows
        lane and net_gain (currency), with the same index.
    params : Params
    as_of : date
    has_money : bool
        Whether expected losses are money; else everybody has the same at stake.

    Returns
    -------
    DataFrame of n rows
        due_on (date); cost_of_delay, currency, null without money; urgency, by which the list is
        ordered. All null for customers who are not listed. At stake is the expected net gain of a
        contact, and the expected loss in the other lanes: what is owed is done whatever it gains.
    """
    lane = rows["lane"]
    days = days_left(customers, lane, params, as_of)
    due = days.min(axis=1)
    stake = customers["expected_loss"]
    if has_money:
        stake = rows["net_gain"].where(lane == "contact").fillna(stake)
    lost_share = lost_in_a_week(days, params.labels.value.horizon_days)
    urgency = stake.clip(lower=0) * lost_share
    dates = pd.Timestamp(as_of) + pd.to_timedelta(due, unit="D")
    return pd.DataFrame(
        {
            "due_on": dates.dt.date.astype(object).where(due.notna(), None),
            "cost_of_delay": urgency if has_money else np.nan,
            "urgency": urgency,
        },
        index=customers.index,
    )


def plan(
    rows: pd.DataFrame, policy: Policy, at_risk_params: AtRiskParams, as_of: dt.date
) -> "pd.Series[str]":
    """Say on which days each owner works the list, from the first row down.

    Parameters
    ----------
    rows : DataFrame of n rows
        lane, owner (may be null), due_on, in the order of rank.
    policy : Policy
    at_risk_params : AtRiskParams
    as_of : date

    Returns
    -------
    Series of str, shape (n,)
        today: as many as the owner works in a day, whatever their lanes; this_week: as many as in
        the other workdays of a week; else later. A customer of a lane of NOT_BEFORE is planned no
        earlier than due.
    """
    owner = rows["owner"].astype(object).where(rows["owner"].notna(), "")
    per_day = owner.map({name: day_capacity(name, policy, at_risk_params) for name in set(owner)})
    ahead = (pd.to_datetime(rows["due_on"]) - pd.Timestamp(as_of)).dt.days
    ahead = ahead.where(rows["lane"].isin(NOT_BEFORE), 0).fillna(0)
    today = _first_of_owner(ahead <= 0, owner, per_day)
    week = _first_of_owner(~today & (ahead < WEEK), owner, per_day * (policy.workdays - 1))
    planned = np.select([today, week], ["today", "this_week"], "later")
    return pd.Series(planned, index=rows.index, dtype="str")


def _first_of_owner(
    wanted: "pd.Series[bool]", owner: "pd.Series[str]", limit: "pd.Series[int]"
) -> "pd.Series[bool]":
    return wanted & (wanted.groupby(owner).cumsum() <= limit)


def day_capacity(owner: str, policy: Policy, at_risk_params: AtRiskParams) -> int:
    """Find how many customers an owner works in a day.

    Parameters
    ----------
    owner : str
        "" for customers without one.
    policy : Policy
    at_risk_params : AtRiskParams

    Returns
    -------
    int
        The owner's own `per_day`, else that of the policy, else the contacts of a list.
    """
    own = policy.owners.get(owner, Owner())
    limits = (own.per_day, policy.per_day, own.capacity, at_risk_params.capacity)
    return next(limit for limit in limits if limit is not None)
