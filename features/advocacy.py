"""Advocacy: whether the customer recommends the company."""

import narwhals as nw

from features.engine.base import Appended, Past, count, feature, grain, within
from retention.core.point_in_time import Frame


@grain("referral", form=Appended())
def referred(past: Past) -> Frame:
    """One row a referral: customer_id, age."""
    return past.events("referral").select("customer_id", "age")


@feature(
    referred,
    unit="referrals",
    none=0,
    windows=(90, 365),
    words="new customers they brought in the last {days} days: {referrals_Nd:n}",
    alarming="high",
)
def referrals(days: int) -> nw.Expr:
    """Customers whom this one referred in the last {days} days."""
    return count(within(days))


@feature(
    referred,
    unit="days",
    words="last recommended us {days_since_referral:days} ago",
    alarming="high",
)
def days_since_referral() -> nw.Expr:
    """Days from the last referral to the snapshot."""
    return nw.col("age").min()


@feature(
    referred,
    unit="0 or 1",
    none=0,
    spans=545,
    alarming="high",
    words="used to bring new customers, the last one {days_since_referral:days} ago",
)
def referrals_stopped() -> nw.Expr:
    """Whether (1 or 0) the year before the last 180 days had referrals and these had none."""
    before, since = count(within(365, skip=180)), count(within(180))
    return nw.when((before > 0) & (since == 0)).then(1).otherwise(0)
