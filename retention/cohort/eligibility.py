"""Eligibility: which customers belong to the cohort of a snapshot."""

import narwhals as nw

from retention.core.params import ChurnLabel
from retention.core.point_in_time import Frame


def active_buyers(past: Frame, label: ChurnLabel) -> Frame:
    """Rule `silence`: customers with one of the label's kinds within `active_days`."""
    active = nw.col("kind").is_in(label.kinds) & (nw.col("age") <= label.active_days)
    return past.filter(active).select("customer_id").unique()


def contracts(past: Frame) -> Frame:
    """One row a contract: customer_id, contract_id, start_day, end_day (null while it is live).

    A contract that starts again after its end is live.
    """
    kind, day = nw.col("kind"), nw.col("occurred_day")
    return (
        past.filter(kind.is_in(["start", "cancel"]), ~nw.col("contract_id").is_null())
        .group_by("customer_id", "contract_id")
        .agg(
            start_day=nw.when(kind == "start").then(day).min(),
            again_on=nw.when(kind == "start").then(day).max(),
            end_day=nw.when(kind == "cancel").then(day).max(),
        )
        .filter(~nw.col("start_day").is_null())
        .with_columns(
            end_day=nw.when(nw.col("end_day") >= nw.col("again_on")).then(nw.col("end_day"))
        )
        .drop("again_on")
    )


def active_subscribers(past: Frame, snapshot: int) -> Frame:
    """Rule `cancel`: customers with a contract that has started and, as known, not ended."""
    live = (nw.col("start_day") < snapshot) & nw.col("end_day").is_null()
    return contracts(past).filter(live).select("customer_id").unique()


def cohort(past: Frame, snapshot: int, label: ChurnLabel) -> Frame:
    """The cohort of a snapshot by the rule of the churn label, from its past alone."""
    if label.rule == "silence":
        return active_buyers(past, label)
    return active_subscribers(past, snapshot)
