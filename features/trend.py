"""Trend: a window against the one before it."""

import narwhals as nw

from features.engine import grains
from features.engine.base import count, feature, money, ratio, total, within


@feature(
    grains.orders,
    unit="orders",
    none=0,
    spans=2,
    words="{orders_Nd:orders} in the last {days} days, {orders_change_Nd:fewer} in the "
    "{days} before",
)
def orders_change(days: int) -> nw.Expr:
    """Orders in the last {days} days less those in the {days} days before."""
    return count(within(days)) - count(within(days, skip=days))


@feature(
    grains.orders,
    unit="currency",
    none=0,
    spans=2,
    words="spent {spend_Nd:money} in the last {days} days, {spend_change_Nd:less} in the "
    "{days} before",
)
def spend_change(days: int) -> nw.Expr:
    """Money spent in the last {days} days less that in the {days} days before."""
    return money(total("amount_units", within(days)) - total("amount_units", within(days, days)))


@feature(grains.orders, unit="share", windows=(14, 30, 60), spans=3)
def orders_recent_share(days: int) -> nw.Expr:
    """Share of the last three times {days} days' orders that fall into the last {days} days."""
    return ratio(count(within(days)), count(within(3 * days)))


@feature(grains.orders, unit="share", windows=(30, 60), spans=3)
def spend_recent_share(days: int) -> nw.Expr:
    """Share of the last three times {days} days' spend that falls into the last {days} days."""
    spent = total("amount_units", within(days))
    return ratio(spent, total("amount_units", within(3 * days)))
