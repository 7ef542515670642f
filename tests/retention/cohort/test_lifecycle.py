"""Lifecycle checks: events outside the life of a contract are counted, by source."""

from typing import Any

import pyarrow as pa

from retention.cohort.lifecycle import lifecycle_violations, sentences
from retention.core.documents.sources import LifecycleViolations
from retention.core.events import EVENTS
from retention.sources import reader
from tests.support.event_rows import CONTRACTS, MISPLACED, VISITS, contract


def violations(rows: list[dict[str, Any]]) -> LifecycleViolations:
    with reader.connect("500MB") as connection:
        connection.register("newest", pa.Table.from_pylist(rows, schema=EVENTS))
        return lifecycle_violations(connection)


def test_events_out_of_order_are_counted_and_described() -> None:
    counted = violations(CONTRACTS + VISITS + MISPLACED)
    one_of_five = {"customers": 1, "share_of_customers": 0.2}
    assert counted.as_json() == {
        "before_start": {
            "contracts": {"rows": 1, "events": 14, "customers": 1, "share_of_customers": 0.1429},
            "web": {"rows": 2, "events": 16} | one_of_five,
        },
        "after_end": {"web": {"rows": 1, "events": 16} | one_of_five},
        "without_start": {"customers": 2, "share_of_customers": 0.25},
        "cancelled_before_start": 1,
        "cancelled_without_start": 1,
        "cancels_of_no_contract": 1,
        "begun_next_day": 0,
    }
    lines = sentences(counted)
    assert lines[1:5] == [
        "web: 2 of 16 events (1 customer, 20.0% of the source's) happened before the customer's"
        " first contract began; kept as they are",
        "web: 1 of 16 events (1 customer, 20.0% of the source's) happened after the customer's"
        " last contract ended; kept as they are",
        "2 customers, 25.0% of all, with events but no start of a contract; kept as they are",
        "contracts cancelled before they began: 1; kept as they are",
    ]
    assert len(lines) == 7


def test_events_in_order_and_companies_without_contracts_have_no_violations() -> None:
    assert sentences(violations(CONTRACTS[:3] + VISITS[:4])) == []
    assert violations(VISITS).as_json() == {}
    assert sentences(LifecycleViolations()) == []


def test_renewals_on_the_day_after_the_last_one_of_a_contract_are_counted() -> None:
    """A period to 31 May and one from 1 June are no departure if 31 May was still paid for."""
    renewed = [contract("a", "start", 10), contract("a", "cancel", 40), contract("a", "start", 41)]
    switched = [contract("b", "start", 10), contract("b", "cancel", 40)]
    switched.append(contract("b", "start", 41, "l"))
    at_once = [contract("c", "start", 10), contract("c", "cancel", 40), contract("c", "start", 40)]
    later = [contract("d", "start", 10), contract("d", "cancel", 40), contract("d", "start", 42)]
    counted = violations(renewed + switched + at_once + later)
    assert counted.begun_next_day == 2
    assert "contracts that began on the day after one ended" in sentences(counted)[-1]
