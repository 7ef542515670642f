"""Season: what the customer did in the same weeks of last year."""

import narwhals as nw

from features.engine.base import count, feature, money, ratio, total, within
from features.engine.grains import orders

_YEAR = 364  # fifty-two whole weeks: the same weekdays


@feature(orders, unit="orders", none=0, spans=_YEAR)
def orders_next_28_last_year() -> nw.Expr:
    """Orders a year ago in the 28 days that followed this date."""
    return count(within(28, skip=_YEAR - 28))


@feature(orders, unit="orders", none=0, spans=_YEAR)
def orders_next_91_last_year() -> nw.Expr:
    """Orders a year ago in the 91 days that followed this date."""
    return count(within(91, skip=_YEAR - 91))


@feature(orders, unit="currency", none=0, spans=_YEAR)
def spend_next_28_last_year() -> nw.Expr:
    """Money spent a year ago in the 28 days that followed this date."""
    return money(total("amount_units", within(28, skip=_YEAR - 28)))


@feature(orders, unit="ratio", spans=_YEAR + 28)
def season_lift_last_year() -> nw.Expr:
    """Orders a year ago in the 28 days that followed this date, against the 28 before it."""
    return ratio(count(within(28, skip=_YEAR - 28)), count(within(28, skip=_YEAR)))
