"""Basket: how large and how varied an order is."""

import narwhals as nw

from features.engine.base import DERIVED, count, feature, ratio, total, within
from features.engine.grains import items, orders
from retention.core.events import MONEY_UNITS


@feature(orders, unit="lines per order", windows=(30, 90, 365))
def basket_lines(days: int) -> nw.Expr:
    """Mean number of lines per order in the last {days} days."""
    return ratio(total("lines", within(days)), count(within(days)))


@feature(orders, unit="currency per order", windows=(30, 90, 365))
def basket_spend(days: int) -> nw.Expr:
    """Mean money per order in the last {days} days."""
    spent = total("amount_units", within(days))
    return ratio(spent, count(within(days)) * MONEY_UNITS)


@feature(orders, unit="lines")
def largest_basket() -> nw.Expr:
    """The most lines of one order ever."""
    return nw.col("lines").max()


@feature(items, unit="items", none=0, windows=(30, 90, 180))
def distinct_items(days: int) -> nw.Expr:
    """Different items bought in the last {days} days."""
    return count(within(days))


@feature(items, unit="items", none=0, windows=(30, 90))
def new_items(days: int) -> nw.Expr:
    """Items bought for the first time in the last {days} days."""
    return count(nw.col("first_age") <= days)


@feature(items, unit="share")
def repeated_items_share() -> nw.Expr:
    """Share of the items ever bought that were bought more than once."""
    return ratio(count(nw.col("lines") > 1), nw.len())


@feature(DERIVED, unit="ratio")
def basket_growth() -> nw.Expr:
    """Mean money per order in the last 30 days against the mean ever."""
    return ratio(nw.col("basket_spend_30d") * nw.col("orders_total"), nw.col("spend_total"))
