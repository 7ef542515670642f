"""Touches: how many contacts a purchase takes, and who comes back with the same matter."""

import narwhals as nw

from features.engine import service_grains
from features.engine.base import DERIVED, Past, count, feature, grain, ratio, within
from features.engine.grains import orders
from retention.core.point_in_time import Frame

_YEAR = 365


@grain("purchase", "invoice")
def purchases_or_bills(past: Past) -> Frame:
    """One row a customer: dealings, the orders of the last 365 days; without any, the bills."""
    ordered = past[orders].select("customer_id", "age", ordered=nw.lit(1), billed=nw.lit(0))
    bills = past[service_grains.bills].select(
        "customer_id", "age", ordered=nw.lit(0), billed=nw.lit(1)
    )
    sums = (
        nw.concat([ordered, bills], how="vertical")
        .filter(within(_YEAR))
        .group_by("customer_id")
        .agg(ordered=nw.col("ordered").sum(), billed=nw.col("billed").sum())
    )
    either = nw.when(nw.col("ordered") > 0).then(nw.col("ordered")).otherwise(nw.col("billed"))
    return sums.select("customer_id", dealings=either)


@grain("contact")
def usual_contacts(past: Past) -> Frame:
    """One row a customer with dealings: customer_id, expected.

    expected: the contacts that so many dealings take, at the rate of all customers with dealings.
    """
    contacts = past[service_grains.contacts].filter(within(_YEAR))
    touched = contacts.group_by("customer_id").agg(contacts=nw.len())
    joined = past[purchases_or_bills].join(touched, on="customer_id", how="left")
    rows = joined.select(
        "customer_id", "dealings", contacts=nw.col("contacts").fill_null(0), company=nw.lit(1)
    )
    sums = rows.group_by("company").agg(
        rate=ratio(nw.col("contacts").sum(), nw.col("dealings").sum())
    )
    return rows.join(sums, on="company", how="left").select(
        "customer_id", expected=nw.col("dealings") * nw.col("rate")
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
    return nw.col("dealings").max()


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


def _again(gap: str, max_days: int, days: int) -> nw.Expr:
    """Contacts in a window that followed one before within so many days."""
    return count(within(days) & (nw.col(gap) <= max_days))


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(90, 365),
    words="came back on a case within a week {case_repeats_week_Nd:times} in {days} days",
    alarming="high",
)
def case_repeats_week(days: int) -> nw.Expr:
    """Contacts in the last {days} days at most 7 days after the one before on the same case."""
    return _again("case_gap", 7, days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(365,),
    words="came back on a case within a month {case_repeats_month_Nd:times} in {days} days",
    alarming="high",
)
def case_repeats_month(days: int) -> nw.Expr:
    """Contacts in the last {days} days at most 30 days after the one before on the same case."""
    return _again("case_gap", 30, days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(90, 365),
    words="came back on a topic within a week {topic_repeats_week_Nd:times} in {days} days",
    alarming="high",
)
def topic_repeats_week(days: int) -> nw.Expr:
    """Contacts in the last {days} days at most 7 days after the one before on the same topic."""
    return _again("topic_gap", 7, days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(365,),
    words="came back on a topic within a month {topic_repeats_month_Nd:times} in {days} days",
    alarming="high",
)
def topic_repeats_month(days: int) -> nw.Expr:
    """Contacts in the last {days} days at most 30 days after the one before on the same topic."""
    return _again("topic_gap", 30, days)
