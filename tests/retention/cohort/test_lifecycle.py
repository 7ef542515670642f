"""Lifecycle checks: events outside the life of a contract are counted, by source."""

from typing import Any

import pyarrow as pa

from retention.cohort.lifecycle import lifecycle_violations, sentences
from retention.core.documents.sources import LifecycleViolations
from retention.core.events import EVENTS
from retention.sources import reader
from tests.support.event_rows import CONTRACTS, MISPLACED, VISITS


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
