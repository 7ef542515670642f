"""Returns: what came back."""

import narwhals as nw

from features.engine.base import (
    DERIVED,
    Appended,
    Past,
    count,
    feature,
    grain,
    money,
    ratio,
    total,
    within,
)
from retention.core.point_in_time import Frame


@grain("return", form=Appended())
def returned(past: Past) -> Frame:
    """One row a return: customer_id, age, amount_units (negative)."""
    return past.events("return").select("customer_id", "age", "amount_units")


@feature(
    returned,
    unit="returns",
    none=0,
    windows=(30, 90, 365),
    words="returned goods {returns_Nd:times} in the last {days} days",
)
def returns(days: int) -> nw.Expr:
    """Returns in the last {days} days."""
    return count(within(days))


@feature(
    returned,
    unit="currency",
    none=0,
    windows=(90, 365),
    words="sent back goods worth {returned_money_Nd:money} in the last {days} days",
    alarming="high",
)
def returned_money(days: int) -> nw.Expr:
    """Money given back in the last {days} days, as a positive amount."""
    return money(0 - total("amount_units", within(days)))


@feature(
    returned,
    unit="currency",
    none=0,
    words="sent back goods worth {returned_total:money} so far",
    alarming="high",
)
def returned_total() -> nw.Expr:
    """Money given back ever, as a positive amount."""
    return money(0 - nw.col("amount_units").sum())


@feature(returned, unit="days", words="last returned goods {days_since_return:days} ago")
def days_since_return() -> nw.Expr:
    """Days from the last return to the snapshot."""
    return nw.col("age").min()


@feature(
    DERIVED,
    unit="share",
    words="{returned_share:percent} of what they bought came back",
    alarming="high",
)
def returned_share() -> nw.Expr:
    """Money given back against money spent, ever."""
    return ratio(nw.col("returned_total"), nw.col("spend_total"))
