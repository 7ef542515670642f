"""Contacts: how often the customer got in touch, and about what."""

import narwhals as nw

from features.engine import service_grains
from features.engine.base import (
    Appended,
    Declaration,
    Past,
    Side,
    count,
    feature,
    grain,
    money,
    total,
    within,
)
from retention.core.point_in_time import Frame


@grain("contact", "response", "resolution", form=Appended())
def served(past: Past) -> Frame:
    """One row a contact, response or resolution: customer_id, age, cost_units."""
    rows = past.events("contact", "response", "resolution")
    return rows.select("customer_id", "age", "cost_units")


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


def _topic_count(
    name: str,
    topic: str,
    meaning: str,
    words: str,
    windows: tuple[int, ...] = (365,),
    alarming: Side = "high",
) -> Declaration:
    """A feature: the contacts about a topic in a window."""
    declare = feature(
        service_grains.contacts,
        name=name,
        meaning=f"{meaning} in the last {{days}} days.",
        unit="contacts",
        none=0,
        windows=windows,
        words=words,
        alarming=alarming,
    )
    return declare(lambda days: count(within(days) & (nw.col("topic") == topic)))


complaints = _topic_count(
    "complaints",
    "complaint",
    "Complaints",
    "complained {complaints_Nd:times} in the last {days} days",
    windows=(90, 365),
)
billing_contacts = _topic_count(
    "billing_contacts",
    "billing",
    "Contacts about bills",
    "called or wrote about bills {billing_contacts_Nd:times} in the last {days} days",
    windows=(90, 365),
)
technical_requests = _topic_count(
    "technical_requests",
    "technical_request",
    "Technical requests",
    "asked for technical help {technical_requests_Nd:times} in the last {days} days",
    windows=(90, 365),
)
questions = _topic_count(
    "questions",
    "question",
    "Questions",
    "questions asked in the last {days} days: {questions_Nd:n}",
)
information_requests = _topic_count(
    "information_requests",
    "information",
    "Requests for information",
    "asked for information {information_requests_Nd:times} in the last {days} days",
)
suggestions = _topic_count(
    "suggestions",
    "suggestion",
    "Suggestions",
    "suggestions made in the last {days} days: {suggestions_Nd:n}",
)
praise = _topic_count(
    "praise",
    "praise",
    "Praise",
    "praise in the last {days} days: {praise_Nd:n}",
    alarming="low",
)


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
