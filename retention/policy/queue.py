"""The queue: by when each listed customer is due, what waiting costs, and whose day that fills.

The lanes say what is to be done; the order of work is one for all of them. A week's wait costs the
part of the stake that is lost within the week: all of it where the day by which something has to be
done comes within the week or has passed, else in proportion to the days left. This is the cost of
delay, by which queues of unlike work are ordered.

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
) -> "pd.Series[float]":
    """Count the days until each customer is due.

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
    Series of float, shape (n,)
        0 is as_of, below 0 is overdue; null for customers who are not listed. In lanes fix_first
        and gave_notice the first of: the end of the contract, the service level of cases and of
        what else is to be put right, the day that was promised.
    """
    first = _first_owed(customers, params, as_of)
    of_lane = {
        "fix_first": first,
        "gave_notice": first,
        "call_back": -customers["call_back_days"],
        "cooling_off": params.policy.cooling_days - customers["fixed_days"],
        "contact": pd.Series(float(params.at_risk.campaign_days), index=customers.index),
    }
    days = np.select([lane == name for name in of_lane], list(of_lane.values()), np.nan)
    return pd.Series(days, index=customers.index)


def _first_owed(customers: pd.DataFrame, params: Params, as_of: dt.date) -> "pd.Series[float]":
    """Days until the first of all that has a day; 0 where no such day is known."""
    level, fix = params.service.resolution_days, params.policy.fix
    gave_notice = customers["notice_on"].notna()
    ends_in = (pd.to_datetime(customers["ends_on"]) - pd.Timestamp(as_of)).dt.days.astype(float)
    billing, promise = customers["billing_error_days"], customers["broken_promise_days"]
    days = {
        # Without a day of its end a contract on notice may end any day.
        "notice": ends_in.fillna(0.0).where(gave_notice),
        "case": -customers["case_due_days"],
        "order": level - customers["faulty_order_days"],
        "bill": (level - billing).where(billing <= fix.billing_days),
        "promise": (-promise).where(promise <= fix.promise_days),
    }
    return pd.DataFrame(days).astype(float).min(axis=1).fillna(0.0)


def lost_in_a_week(days: "pd.Series[float]", lane: "pd.Series[str]") -> "pd.Series[float]":
    """Say which share of a stake is lost by waiting for a week.

    Parameters
    ----------
    days : Series of float, shape (n,)
        As `days_left` counts them.
    lane : Series of str, shape (n,)

    Returns
    -------
    Series of float, shape (n,)
        1 where the customer is due within the week, else WEEK / days. In lanes of NOT_BEFORE only
        the part of the week after that day counts.
    """
    evenly = WEEK / days.clip(lower=WEEK)
    after_day = 1 - days.clip(lower=0, upper=WEEK) / WEEK
    return evenly.where(~lane.isin(NOT_BEFORE), after_day)


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
    stake = customers["expected_loss"]
    if has_money:
        stake = rows["net_gain"].where(lane == "contact").fillna(stake)
    urgency = stake.clip(lower=0) * lost_in_a_week(days, lane)
    dates = pd.Timestamp(as_of) + pd.to_timedelta(days, unit="D")
    return pd.DataFrame(
        {
            "due_on": dates.dt.date.astype(object).where(days.notna(), None),
            "cost_of_delay": urgency if has_money else np.nan,
            "urgency": urgency,
        },
        index=customers.index,
    )


def plan(
    listed: pd.DataFrame, policy: Policy, at_risk_params: AtRiskParams, as_of: dt.date
) -> "pd.Series[str]":
    """Say on which days each owner works the list, from the first row down.

    Parameters
    ----------
    listed : DataFrame of n rows
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
    owner = listed["owner"].astype(object).where(listed["owner"].notna(), "")
    per_day = owner.map({name: day_capacity(name, policy, at_risk_params) for name in set(owner)})
    ahead = (pd.to_datetime(listed["due_on"]) - pd.Timestamp(as_of)).dt.days
    ahead = ahead.where(listed["lane"].isin(NOT_BEFORE), 0).fillna(0)
    today = _first_of_owner(ahead <= 0, owner, per_day)
    week = _first_of_owner(~today & (ahead < WEEK), owner, per_day * (policy.workdays - 1))
    planned = np.select([today, week], ["today", "this_week"], "later")
    return pd.Series(planned, index=listed.index, dtype="str")


def _first_of_owner(
    wanted: "pd.Series[bool]", owner: "pd.Series[str]", most: "pd.Series[int]"
) -> "pd.Series[bool]":
    return wanted & (wanted.groupby(owner).cumsum() <= most)


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
