"""Touches: how many contacts a purchase takes, and who comes back with the same matter."""

import narwhals as nw

from features.engine import service_grains
from features.engine.base import (
    DERIVED,
    Appended,
    Declaration,
    Past,
    count,
    feature,
    grain,
    ratio,
    total,
    within,
)
from features.engine.grains import orders
from retention.core.point_in_time import Frame

_YEAR = 365


@grain("purchase", "invoice", form=Appended(one_row="order_id"))
def purchases_or_bills(past: Past) -> Frame:
    """One row an order or a bill: customer_id, age; ordered, billed: 1 for the one that it is."""
    ordered = past[orders].select("customer_id", "age", ordered=nw.lit(1), billed=nw.lit(0))
    bills = past[service_grains.bills].select(
        "customer_id", "age", ordered=nw.lit(0), billed=nw.lit(1)
    )
    return nw.concat([ordered, bills], how="vertical")


def _purchases_else_bills(days: int) -> nw.Expr:
    """A customer's orders in the last days; bills for one without any."""
    ordered, billed = total("ordered", within(days)), total("billed", within(days))
    return nw.when(ordered > 0).then(ordered).otherwise(billed)


@grain("contact")
def usual_contacts(past: Past) -> Frame:
    """One row a customer with purchases or bills: customer_id, expected.

    expected: the contacts that so many of them take, at the rate of all customers together.
    """
    contacts = past[service_grains.contacts].filter(within(_YEAR))
    touched = contacts.group_by("customer_id").agg(contacts=nw.len())
    recent = past[purchases_or_bills].filter(within(_YEAR)).group_by("customer_id")
    numbers = recent.agg(number=_purchases_else_bills(_YEAR))
    joined = numbers.join(touched, on="customer_id", how="left")
    rows = joined.select(
        "customer_id", "number", contacts=nw.col("contacts").fill_null(0), company=nw.lit(1)
    )
    sums = rows.group_by("company").agg(
        rate=ratio(nw.col("contacts").sum(), nw.col("number").sum())
    )
    return rows.join(sums, on="company", how="left").select(
        "customer_id", expected=nw.col("number") * nw.col("rate")
    )


@feature(
    purchases_or_bills,
    unit="purchases",
    none=0,
    spans=_YEAR,
    words="purchases and bills in the last year: {dealings_last_year:n}",
)
def dealings_last_year() -> nw.Expr:
    """Purchases of the last 365 days; bills for a customer without any."""
    return _purchases_else_bills(_YEAR)


@feature(
    usual_contacts,
    unit="contacts",
    spans=_YEAR,
    words="contacts that so many dealings usually take in a year: {contacts_expected:n}",
    alarming="high",
)
def contacts_expected() -> nw.Expr:
    """Contacts in 365 days that the customer's purchases (or bills) take at everybody's rate."""
    return nw.col("expected").max()


@feature(
    DERIVED,
    unit="contacts per purchase",
    words="{contacts_365d:contacts} in a year; purchases or bills: {dealings_last_year:n}",
    alarming="high",
)
def touches_per_purchase() -> nw.Expr:
    """Contacts in 365 days per purchase (or bill, where nothing was bought)."""
    return ratio(nw.col("contacts_365d"), nw.col("dealings_last_year"))


@feature(
    DERIVED,
    unit="deviations",
    words="{contacts_365d:contacts} in the last year, about {contacts_expected:about} is normal",
    alarming="high",
)
def contacts_excess() -> nw.Expr:
    """How far the contacts of 365 days are above what is normal, in roots of the normal number."""
    expected = nw.when(nw.col("contacts_expected") > 0).then(nw.col("contacts_expected"))
    return (nw.col("contacts_365d") - expected) / expected.sqrt()


def _repeats(
    name: str, subject: str, max_days: int, words: str, windows: tuple[int, ...] = (365,)
) -> Declaration:
    """A feature: contacts at most some days after the one before on the same case or topic."""
    declare = feature(
        service_grains.contacts,
        name=name,
        meaning=f"Contacts in the last {{days}} days at most {max_days} days after the one before "
        f"on the same {subject}.",
        unit="contacts",
        none=0,
        windows=windows,
        words=words,
        alarming="high",
    )
    return declare(lambda days: count(within(days) & (nw.col(f"{subject}_gap") <= max_days)))


case_repeats_week = _repeats(
    "case_repeats_week",
    "case",
    7,
    "came back on a case within a week {case_repeats_week_Nd:times} in {days} days",
    windows=(90, 365),
)
case_repeats_month = _repeats(
    "case_repeats_month",
    "case",
    30,
    "came back on a case within a month {case_repeats_month_Nd:times} in {days} days",
)
topic_repeats_week = _repeats(
    "topic_repeats_week",
    "topic",
    7,
    "came back on a topic within a week {topic_repeats_week_Nd:times} in {days} days",
    windows=(90, 365),
)
topic_repeats_month = _repeats(
    "topic_repeats_month",
    "topic",
    30,
    "came back on a topic within a month {topic_repeats_month_Nd:times} in {days} days",
)
