"""Rows of events as `ingest` writes them; and contracts whose events are out of order."""

import datetime as dt
from typing import Any

from retention.core.events import EVENT_COLUMNS

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def event(name: str, known_after: int = 0, **values: Any) -> dict[str, Any]:
    """An event of the source and with the id of `name`, as `source:key`."""
    empty = dict.fromkeys(EVENT_COLUMNS)
    defaults = {
        "event_id": name,
        "customer_id": "a",
        "kind": "visit",
        "source": name.split(":")[0],
        "occurred_at": DAY,
        "known_at": DAY + dt.timedelta(days=known_after),
        "occurred_day": 20454,
        "known_day": 20454 + known_after,
    }
    return empty | defaults | values


def contract(customer: str, kind: str, day: int, contract: str | None = "k") -> dict[str, Any]:
    name = f"contracts:{kind}:{customer}:{contract}:{day}"
    time = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)
    occurred: dict[str, Any] = {"occurred_at": time, "occurred_day": day}
    return event(name, customer_id=customer, kind=kind, contract_id=contract, **occurred)


def visit(customer: str, day: int) -> dict[str, Any]:
    return event(f"web:{customer}:{day}", customer_id=customer, occurred_day=day)


CONTRACTS = [
    contract("early", "start", 10),
    contract("left", "start", 10),
    contract("left", "cancel", 20),
    contract("again", "start", 10),
    contract("again", "cancel", 20),
    contract("again", "start", 30),
    contract("two", "start", 10),
    contract("two", "cancel", 20),
    contract("two", "start", 10, "l"),
    contract("mad", "start", 20),
    contract("mad", "cancel", 10),
    contract("unborn", "cancel", 20),
    contract("vague", "start", 10),
    contract("vague", "cancel", 20, None),
]
VISITS = [
    visit(customer, day)
    for customer in ("early", "left", "again", "two", "never")
    for day in (10, 20)
]
MISPLACED = [
    visit("early", 8),
    visit("early", 9),
    visit("left", 21),
    visit("again", 21),
    visit("two", 21),
    visit("never", 40),
]
