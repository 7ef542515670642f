"""Campaigns: what the company sent, and whether the customer took it up."""

import narwhals as nw

from features.engine.base import DERIVED, Appended, Past, count, feature, grain, ratio, within
from retention.core.point_in_time import Frame


@grain("campaign", form=Appended())
def sent(past: Past) -> Frame:
    """One row a campaign sent to a customer: customer_id, age."""
    return past.events("campaign").select("customer_id", "age")


@grain("redemption", form=Appended())
def redeemed(past: Past) -> Frame:
    """One row a redemption: customer_id, age."""
    return past.events("redemption").select("customer_id", "age")


@feature(sent, unit="campaigns", none=0, windows=(30, 90, 180))
def campaigns(days: int) -> nw.Expr:
    """Campaigns sent in the last {days} days."""
    return count(within(days))


@feature(sent, unit="days")
def days_since_campaign() -> nw.Expr:
    """Days from the last campaign sent to the snapshot."""
    return nw.col("age").min()


@feature(redeemed, unit="redemptions", none=0, windows=(30, 90, 180))
def redemptions(days: int) -> nw.Expr:
    """Offers redeemed in the last {days} days."""
    return count(within(days))


@feature(
    redeemed,
    unit="days",
    words="last used an offer {days_since_redemption:days} ago",
)
def days_since_redemption() -> nw.Expr:
    """Days from the last redemption to the snapshot."""
    return nw.col("age").min()


@feature(
    DERIVED,
    unit="redemptions per campaign",
    words="offers used in 180 days: {redemptions_180d:n}, campaigns sent: {campaigns_180d:n}",
)
def response_rate() -> nw.Expr:
    """Redemptions per campaign sent in the last 180 days."""
    return ratio(nw.col("redemptions_180d"), nw.col("campaigns_180d"))
