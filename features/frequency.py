"""Frequency: how often the customer buys."""

import narwhals as nw

from features.engine import grains
from features.engine.base import DERIVED, count, feature, ratio, within


@feature(grains.orders, unit="orders", none=0, words="{orders_Nd:orders} in the last {days} days")
def orders(days: int) -> nw.Expr:
    """Orders in the last {days} days."""
    return count(within(days))


@feature(grains.orders, unit="orders", none=0, words="{orders_total:orders} in all")
def orders_total() -> nw.Expr:
    """Orders ever."""
    return nw.len()


@feature(
    grains.purchase_days,
    unit="days",
    none=0,
    words="came {purchase_days:times} so far, first {days_since_first_purchase:days} ago",
)
def purchase_days() -> nw.Expr:
    """Days with a purchase ever."""
    return nw.len()


@feature(grains.purchase_days, unit="days", none=0, windows=(30, 90, 180))
def purchase_days_recent(days: int) -> nw.Expr:
    """Days with a purchase in the last {days} days."""
    return count(within(days))


@feature(DERIVED, unit="orders per 30 days")
def order_rate() -> nw.Expr:
    """Orders per 30 days since the first purchase."""
    return ratio(nw.col("orders_total") * 30, nw.col("days_since_first_purchase"))
