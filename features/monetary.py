"""Monetary: how much the customer spends."""

import narwhals as nw

from features.engine import grains
from features.engine.base import DERIVED, feature, money, ratio, total, within


@feature(grains.orders, unit="currency", none=0, words="spent {spend_Nd:money} in {days} days")
def spend(days: int) -> nw.Expr:
    """Money spent in the last {days} days."""
    return money(total("amount_units", within(days)))


@feature(grains.orders, unit="currency", none=0)
def spend_total() -> nw.Expr:
    """Money spent ever."""
    return money(nw.col("amount_units").sum())


@feature(grains.orders, unit="currency")
def largest_order() -> nw.Expr:
    """The largest order ever."""
    return money(nw.col("amount_units").max())


@feature(grains.purchase_days, unit="currency", words="last spent {last_spend:money}")
def last_spend() -> nw.Expr:
    """Money spent on the last purchase day."""
    last = nw.col("age") == nw.col("silence")
    return money(nw.when(last).then(nw.col("amount_units")).max())


@feature(DERIVED, unit="currency")
def mean_order() -> nw.Expr:
    """Mean money per order, ever."""
    return ratio(nw.col("spend_total"), nw.col("orders_total"))


@feature(DERIVED, unit="ratio")
def last_spend_to_mean() -> nw.Expr:
    """Money on the last purchase day against the mean per purchase day."""
    return ratio(nw.col("last_spend") * nw.col("purchase_days"), nw.col("spend_total"))
