"""Promises: orders that came on the promised day, as they should be, at the quoted price."""

import narwhals as nw

from features.engine.base import count, feature, money, ratio, total, within
from features.engine.service_grains import promises

LATE, WRONG = nw.col("late") == 1, nw.col("wrong") == 1
AWAITED, OVER_QUOTE = nw.col("awaited") == 1, nw.col("over_units") > 0


@feature(
    promises,
    unit="orders",
    none=0,
    windows=(30, 90, 365),
    words="promised orders due in the last {days} days: {orders_due_Nd:n}",
)
def orders_due(days: int) -> nw.Expr:
    """Orders whose promised day was among the last {days} days."""
    return count(within(days, age="due_age"))


@feature(
    promises,
    unit="orders",
    none=0,
    windows=(90, 365),
    words="late: {late_orders_Nd:n} of {orders_due_Nd:n} orders due in the last {days} days",
    alarming="high",
)
def late_orders(days: int) -> nw.Expr:
    """Orders due in the last {days} days that came after the promised day, or have not come."""
    return count(within(days, age="due_age") & LATE)


@feature(
    promises,
    unit="share",
    windows=(90, 365),
    words="only {on_time_rate_Nd:percent} of the orders due in the last {days} days came on time",
)
def on_time_rate(days: int) -> nw.Expr:
    """Share of the orders due in the last {days} days that came by the promised day."""
    due = within(days, age="due_age")
    return ratio(count(due & (nw.col("late") == 0)), count(due))


@feature(
    promises,
    unit="days",
    windows=(365,),
    words="late orders of the last {days} days: {mean_days_late_Nd:days} late on average",
    alarming="high",
)
def mean_days_late(days: int) -> nw.Expr:
    """Mean days after the promise, so far, of the late orders that were due in {days} days."""
    late = within(days, age="due_age") & LATE
    return ratio(total("days_late", late), count(late))


@feature(
    promises,
    unit="days",
    windows=(365,),
    words="an order of the last {days} days was {most_days_late_Nd:days} late",
    alarming="high",
)
def most_days_late(days: int) -> nw.Expr:
    """Most days after the promise, so far, of the late orders that were due in {days} days."""
    return nw.when(within(days, age="due_age") & LATE).then(nw.col("days_late")).max()


@feature(promises, unit="days", words="an order due {days_since_late:days} ago was late")
def days_since_late() -> nw.Expr:
    """Days since the promised day of the last order that was late."""
    return nw.when(LATE).then(nw.col("due_age")).min()


@feature(
    promises,
    unit="orders",
    none=0,
    words="still waits for orders that should have come: {awaited_orders:n}",
    alarming="high",
)
def awaited_orders() -> nw.Expr:
    """Orders whose promised day has passed and of which nothing has come."""
    return count(AWAITED)


@feature(
    promises,
    unit="days",
    words="has waited {awaited_days:days} for an order beyond the promised day",
    alarming="high",
)
def awaited_days() -> nw.Expr:
    """Days since the promised day of the order that is awaited longest."""
    return nw.when(AWAITED).then(nw.col("due_age")).max()


@feature(
    promises,
    unit="currency",
    none=0,
    windows=(365,),
    words="paid {over_quote_Nd:money} more than was quoted in the last {days} days",
    alarming="high",
)
def over_quote(days: int) -> nw.Expr:
    """Money above the quote, of promised orders placed in the last {days} days."""
    return money(total("over_units", within(days)))


@feature(
    promises,
    unit="share",
    windows=(365,),
    alarming="high",
    words="{over_quote_share_Nd:percent} of orders in the last {days} days cost more than quoted",
)
def over_quote_share(days: int) -> nw.Expr:
    """Share of the promised orders of the last {days} days with a quote that cost more than it."""
    return ratio(count(within(days) & OVER_QUOTE), count(within(days) & (nw.col("quoted") == 1)))


@feature(
    promises,
    unit="orders",
    none=0,
    windows=(30, 90, 365),
    words="orders not right the first time in the last {days} days: {wrong_orders_Nd:n}",
    alarming="high",
)
def wrong_orders(days: int) -> nw.Expr:
    """Orders found faulty or sent back, for the first time, in the last {days} days."""
    return count(within(days, age="fault_age") & WRONG)


@feature(promises, unit="days", words="an order proved not to be right {days_since_wrong:days} ago")
def days_since_wrong() -> nw.Expr:
    """Days since an order was last found faulty or sent back for the first time."""
    return nw.col("fault_age").min()


@feature(
    promises,
    unit="defects per order",
    windows=(365,),
    alarming="high",
    words="orders not right the first time against all due in a year: {wrong_rate_Nd:percent}",
)
def wrong_rate(days: int) -> nw.Expr:
    """Orders that proved not to be right in the last {days} days, per order due in them."""
    return ratio(count(within(days, age="fault_age")), count(within(days, age="due_age")))
