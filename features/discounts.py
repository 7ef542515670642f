"""Discounts: how much of the list price the customer did not pay."""

import narwhals as nw

from features.engine.base import DERIVED, count, feature, ratio, total, within
from features.engine.grains import orders


@feature(
    orders,
    unit="share",
    windows=(30, 90, 365),
    words="bought at {discount_Nd:percent} off the list price in the last {days} days",
)
def discount(days: int) -> nw.Expr:
    """Share of the list price taken off in the last {days} days. Below 0: paid more."""
    list_units = total("list_units", within(days))
    return ratio(list_units - total("amount_units", within(days)), list_units)


@feature(orders, unit="share", windows=(90,))
def discounted_orders(days: int) -> nw.Expr:
    """Share of the orders of the last {days} days with anything off."""
    cheaper = within(days) & (nw.col("list_units") > nw.col("amount_units"))
    return ratio(count(cheaper), count(within(days)))


@feature(DERIVED, unit="share")
def discount_change() -> nw.Expr:
    """Discount share of the last 30 days less that of the last 90."""
    return nw.col("discount_30d") - nw.col("discount_90d")
