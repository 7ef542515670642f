"""Contacts: how often the customer got in touch, and about what."""

import narwhals as nw

from features.engine import service_grains
from features.engine.base import Past, count, feature, grain, money, total, within
from retention.core.point_in_time import Frame


@grain("contact", "response", "resolution")
def served(past: Past) -> Frame:
    """One row a contact, response or resolution: customer_id, age, cost_units."""
    rows = past.events("contact", "response", "resolution")
    return rows.select("customer_id", "age", "cost_units")


def _about(topic: str, days: int) -> nw.Expr:
    """Contacts about a topic in a window."""
    return count(within(days) & (nw.col("topic") == topic))


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(30, 90, 365),
    words="contacted us {contacts_Nd:times} in the last {days} days",
    alarming="high",
)
def contacts(days: int) -> nw.Expr:
    """Contacts in the last {days} days."""
    return count(within(days))


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(90, 365),
    words="complained {complaints_Nd:times} in the last {days} days",
    alarming="high",
)
def complaints(days: int) -> nw.Expr:
    """Complaints in the last {days} days."""
    return _about("complaint", days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(90, 365),
    words="called or wrote about bills {billing_contacts_Nd:times} in the last {days} days",
    alarming="high",
)
def billing_contacts(days: int) -> nw.Expr:
    """Contacts about bills in the last {days} days."""
    return _about("billing", days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(90, 365),
    words="asked for technical help {technical_requests_Nd:times} in the last {days} days",
    alarming="high",
)
def technical_requests(days: int) -> nw.Expr:
    """Technical requests in the last {days} days."""
    return _about("technical_request", days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(365,),
    words="questions asked in the last {days} days: {questions_Nd:n}",
    alarming="high",
)
def questions(days: int) -> nw.Expr:
    """Questions in the last {days} days."""
    return _about("question", days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(365,),
    words="asked for information {information_requests_Nd:times} in the last {days} days",
    alarming="high",
)
def information_requests(days: int) -> nw.Expr:
    """Requests for information in the last {days} days."""
    return _about("information", days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(365,),
    words="suggestions made in the last {days} days: {suggestions_Nd:n}",
    alarming="high",
)
def suggestions(days: int) -> nw.Expr:
    """Suggestions in the last {days} days."""
    return _about("suggestion", days)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(365,),
    words="praise in the last {days} days: {praise_Nd:n}",
)
def praise(days: int) -> nw.Expr:
    """Praise in the last {days} days."""
    return _about("praise", days)


@feature(
    service_grains.contacts,
    unit="days",
    words="last contacted us {days_since_contact:days} ago",
)
def days_since_contact() -> nw.Expr:
    """Days from the last contact to the snapshot."""
    return nw.col("age").min()


@feature(
    service_grains.contacts,
    unit="days",
    words="last complained {days_since_complaint:days} ago",
)
def days_since_complaint() -> nw.Expr:
    """Days from the last complaint to the snapshot."""
    return nw.when(nw.col("topic") == "complaint").then(nw.col("age")).min()


@feature(
    served,
    unit="currency",
    none=0,
    windows=(365,),
    words="serving cost us {service_cost_Nd:money} in the last {days} days",
    alarming="high",
)
def service_cost(days: int) -> nw.Expr:
    """What contacts, answers and their ends cost the company in the last {days} days."""
    return money(total("cost_units", within(days)))
