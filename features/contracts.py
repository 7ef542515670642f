"""Contracts: for how long, until when, and whether notice was given."""

import narwhals as nw

from features.engine.base import Past, feature, grain
from retention.cohort import eligibility
from retention.core.point_in_time import Frame

YEAR = 365


@grain("start")
def live(past: Past) -> Frame:
    """One row a contract that has begun and, as known, not ended.

    customer_id, contract_id, age (days since it began), plan (the topic of its newest start; the
    alphabetically first of one day); oldest: began first of the customer's.
    """
    keys = ["customer_id", "contract_id"]
    starts = past.events("start").with_columns(newest=nw.col("age").min().over(*keys))
    plans = starts.filter(nw.col("age") == nw.col("newest")).group_by(keys)
    running = eligibility.contracts(past.all_events).filter(nw.col("end_day").is_null())
    aged = running.select(*keys, age=past.snapshot - nw.col("start_day"))
    return aged.join(plans.agg(plan=nw.col("topic").min()), on=keys, how="left").with_columns(
        oldest=nw.col("age") == nw.col("age").max().over("customer_id")
    )


@grain("notice")
def notices(past: Past) -> Frame:
    """One row a notice on a live contract whose end has not passed.

    customer_id, contract_id, age, ends_in (days from the snapshot to the end).
    """
    all_notices = past.events("notice").select(
        "customer_id", "contract_id", "age", ends_in=nw.col("effective_day") - past.snapshot
    )
    running = past[live].select("customer_id", "contract_id")
    ahead = all_notices.filter(nw.col("ends_in") >= 0)
    return ahead.join(running, on=["customer_id", "contract_id"], how="inner")


@feature(live, unit="days", words="a customer by contract for {contract_age:days}")
def contract_age() -> nw.Expr:
    """Days since the oldest live contract began."""
    return nw.col("age").max()


@feature(live, unit="days", words="days to the contract's anniversary: {days_to_renewal:n}")
def days_to_renewal() -> nw.Expr:
    """Days to the next anniversary (365 days) of a live contract: the nearest, 0 on the day."""
    return ((YEAR - nw.col("age") % YEAR) % YEAR).min()


@feature(live, unit="contracts", none=0, words="live contracts: {live_contracts:n}")
def live_contracts() -> nw.Expr:
    """Contracts that have begun and not ended."""
    return nw.len()


@feature(live, unit="category")
def plan() -> nw.Expr:
    """The plan of the oldest live contract; the alphabetically first of several."""
    return nw.when(nw.col("oldest")).then(nw.col("plan")).min()


@feature(
    notices,
    unit="0 or 1",
    none=0,
    alarming="high",
    words="has given notice, the contract ends in {days_to_end:days}",
)
def notice_given() -> nw.Expr:
    """Whether (1 or 0) notice was given on a live contract that has yet to end by it."""
    return nw.when(nw.len() > 0).then(1).otherwise(0)


@feature(notices, unit="days", words="has given notice; days to the end: {days_to_end:n}")
def days_to_end() -> nw.Expr:
    """Days to the first end, by notice, of a live contract."""
    return nw.col("ends_in").min()
