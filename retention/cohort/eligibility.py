"""Eligibility: which customers belong to the cohort of a snapshot."""

import narwhals as nw

from retention.cohort.episodes import contract_episodes
from retention.core.params import ChurnLabel
from retention.core.point_in_time import Frame


def active_buyers(past: Frame, label: ChurnLabel) -> Frame:
    """Rule `silence`: customers with one of the label's kinds within `active_days`."""
    active = nw.col("kind").is_in(label.kinds) & (nw.col("age") <= label.active_days)
    return past.filter(active).select("customer_id").unique()


def active_subscribers(past: Frame, snapshot: int) -> Frame:
    """Rule `cancel`: customers with a contract that has started and, as known, not ended."""
    live = (nw.col("start_day") < snapshot) & nw.col("end_day").is_null()
    return contract_episodes(past).filter(live).select("customer_id").unique()


def cohort(past: Frame, snapshot: int, label: ChurnLabel) -> Frame:
    """The cohort of a snapshot by the rule of the churn label, from its past alone."""
    if label.rule == "silence":
        return active_buyers(past, label)
    return active_subscribers(past, snapshot)
