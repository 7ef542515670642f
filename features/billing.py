"""Billing: bills above what was agreed, dearer tariffs, late and refused payments."""

import narwhals as nw

from features.engine.base import Appended, Past, count, feature, grain, money, ratio, total, within
from features.engine.service_grains import RISE, bills, payments
from retention.core.point_in_time import Frame

NEWEST = nw.col("age") == nw.col("age").min().over("customer_id")
LATE = (nw.col("days_late") > 0) & (nw.col("refused") == 0)
TIMELY = ~nw.col("days_late").is_null() & (nw.col("refused") == 0)


@grain("invoice", form=Appended(changing=("newest",)))
def billed(past: Past) -> Frame:
    """One row a bill of known amount: customer_id, age, amount_units; newest: of the last day."""
    with_amount = past[bills].filter(~nw.col("amount_units").is_null())
    return with_amount.select("customer_id", "age", "amount_units", newest=NEWEST)


@grain("invoice", form=Appended(changing=("newest",)))
def overcharged(past: Past) -> Frame:
    """One row a bill above the agreed price: customer_id, age, over_units; share of the agreed
    price (null of nothing); newest: of the last day with one."""
    over = past[bills].filter(nw.col("over_units") > 0)
    agreed = nw.when(nw.col("agreed_units") > 0).then(nw.col("agreed_units").cast(nw.Float64()))
    over_ratio = nw.col("over_units").cast(nw.Float64()) / agreed
    return over.select("customer_id", "age", "over_units", share=over_ratio, newest=NEWEST)


@grain("invoice", form=Appended(changing=("newest",)))
def rises(past: Past) -> Frame:
    """One row a bill whose agreed price is above that of the contract's bill before.

    customer_id, age, rise (share), rise_units; newest: of the last day with one.
    """
    risen = past[bills].filter(nw.col("rise") > RISE - 1)
    return risen.select("customer_id", "age", "rise", "rise_units", newest=NEWEST)


@grain("invoice", form=Appended())
def corrected(past: Past) -> Frame:
    """One row a corrected bill: customer_id, age."""
    topic = nw.col("topic") == "correction"
    return past.events("invoice").filter(topic).select("customer_id", "age")


@feature(
    overcharged,
    unit="bills",
    none=0,
    windows=(90, 365),
    words="bills above the agreed price in the last {days} days: {overcharges_Nd:n}",
    alarming="high",
)
def overcharges(days: int) -> nw.Expr:
    """Bills above the agreed price in the last {days} days."""
    return count(within(days))


@feature(
    overcharged,
    unit="currency",
    none=0,
    windows=(365,),
    words="billed {overcharged_money_Nd:money} above the agreed price in the last {days} days",
    alarming="high",
)
def overcharged_money(days: int) -> nw.Expr:
    """Money above the agreed price, of the bills of the last {days} days."""
    return money(total("over_units", within(days)))


@feature(
    overcharged,
    unit="share",
    words="the last bill that was too high was {last_overcharge:percent} above the agreed price",
    alarming="high",
)
def last_overcharge() -> nw.Expr:
    """How far the last bill above the agreed price was above it."""
    return nw.when(nw.col("newest")).then(nw.col("share")).max()


@feature(overcharged, unit="days", words="overcharged {days_since_overcharge:days} ago")
def days_since_overcharge() -> nw.Expr:
    """Days since the last bill above the agreed price."""
    return nw.col("age").min()


@feature(
    corrected,
    unit="corrections",
    none=0,
    windows=(365,),
    words="bills had to be corrected {corrections_Nd:times} in the last {days} days",
    alarming="high",
)
def corrections(days: int) -> nw.Expr:
    """Corrections of bills in the last {days} days."""
    return count(within(days))


@feature(
    rises,
    unit="share",
    words="the price last rose by {last_rise:percent}",
    alarming="high",
)
def last_rise() -> nw.Expr:
    """How much the agreed price of a contract rose when it last did, by more than one percent."""
    return nw.when(nw.col("newest")).then(nw.col("rise")).max()


@feature(rises, unit="days", words="the price rose {days_since_rise:days} ago")
def days_since_rise() -> nw.Expr:
    """Days since the first bill after the last rise of the agreed price."""
    return nw.col("age").min()


@feature(
    rises,
    unit="currency",
    none=0,
    windows=(365,),
    words="price rises of the last {days} days add {risen_Nd:money} to the bills",
    alarming="high",
)
def risen(days: int) -> nw.Expr:
    """Money by which rises of the agreed price made bills dearer in the last {days} days."""
    return money(total("rise_units", within(days)))


@feature(
    billed,
    unit="currency",
    windows=(90,),
    words="bills of {mean_bill_Nd:money} on average in the last {days} days",
    alarming="high",
)
def mean_bill(days: int) -> nw.Expr:
    """Mean amount of the bills of the last {days} days."""
    return money(ratio(total("amount_units", within(days)), count(within(days))))


@feature(
    billed,
    unit="ratio",
    spans=365,
    words="the last bill was {bill_change:percent} of the year's usual one",
    alarming="high",
)
def bill_change() -> nw.Expr:
    """Mean bill of the last day with one against the mean of the last 365 days."""
    newest = nw.col("newest") & within(365)
    last = total("amount_units", newest) * count(within(365))
    return ratio(last, total("amount_units", within(365)) * count(newest))


@feature(
    payments,
    unit="payments",
    none=0,
    windows=(90, 365),
    words="paid after the due day {late_payments_Nd:times} in the last {days} days",
    alarming="high",
)
def late_payments(days: int) -> nw.Expr:
    """Payments made after the day on which they were due, in the last {days} days."""
    return count(within(days) & LATE)


@feature(
    payments,
    unit="days",
    windows=(365,),
    alarming="high",
    words="pays {payment_delay_Nd:days} after the day it is due, on average",
)
def payment_delay(days: int) -> nw.Expr:
    """Mean days from the due day to the payment (negative: before it), of the last {days} days."""
    return ratio(total("days_late", within(days) & TIMELY), count(within(days) & TIMELY))


@feature(
    payments,
    unit="payments",
    none=0,
    windows=(30, 90, 365),
    words="payment failed {refused_payments_Nd:times} in the last {days} days",
    alarming="high",
)
def refused_payments(days: int) -> nw.Expr:
    """Payments that were refused in the last {days} days."""
    return count(within(days) & (nw.col("refused") == 1))


@feature(payments, unit="days", words="a payment failed {days_since_refused:days} ago")
def days_since_refused() -> nw.Expr:
    """Days since a payment was last refused."""
    return nw.when(nw.col("refused") == 1).then(nw.col("age")).min()
