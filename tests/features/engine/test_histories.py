"""Histories of all customers, counted: as a slow count by hand has them, and thinned evenly."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings

from features.engine.histories import histories_at, thinned
from retention.core import artefacts, point_in_time
from retention.core.params import ChurnLabel
from tests.support import engines, histories

SNAPSHOT = histories.SNAPSHOT
History = tuple[int | None, int | None, int, bool | None]


def counted(events: list[histories.Event], rule: str, day: int = SNAPSHOT) -> Counter[History]:
    label = ChurnLabel.model_validate({"rule": rule, "active_days": 20})
    table = histories_at(engines.duck(), engines.frame(events), day, label)
    assert set(table["snapshot_on"].to_pylist()) <= {point_in_time.date_of(day)}
    rows = table.to_pylist()
    return Counter(
        {(row["repeats"], row["last"], row["age"], row["ended"]): row["customers"] for row in rows}
    )


def counted_slowly(events: list[histories.Event]) -> Counter[History]:
    """By rule `silence`, a customer at a time."""
    versions: dict[str, histories.Event] = {}
    for event in sorted(events, key=lambda event: event["known_at"]):
        if event["known_day"] < SNAPSHOT:
            versions[event["event_id"]] = event
    order_days: dict[tuple[str, str], int] = {}
    for event in versions.values():
        if event["kind"] == "purchase":
            order = (event["customer_id"], event["order_id"] or event["event_id"])
            order_days[order] = min(event["occurred_day"], order_days.get(order, SNAPSHOT))
    counts: Counter[History] = Counter()
    for customer in {customer for customer, _ in order_days}:
        days = {day for (other, _), day in order_days.items() if other == customer}
        counts[len(days) - 1, max(days) - min(days), SNAPSHOT - min(days), None] += 1
    return counts


@settings(histories.FEW, max_examples=5)
@given(histories.histories())
def test_purchase_histories_are_those_of_a_slow_count(events: list[histories.Event]) -> None:
    assert counted(events, "silence") == counted_slowly(events)


def test_all_who_ever_bought_count_once_however_long_ago() -> None:
    events = histories.events("""
        customer | kind     | day  | order
        a        | purchase | -900 | 1
        a        | purchase | -890 | 2
        a        | purchase | -889 | 2
        b        | purchase | -900 | 3
        b        | purchase | -890 | 4
        c        | purchase | -3   | 5
        d        | visit    | -3   |
    """)
    assert counted(events, "silence") == {(1, 10, 900, None): 2, (0, 0, 3, None): 1}


def test_contracts_run_until_they_end_and_a_switch_is_no_end() -> None:
    events = histories.events("""
        customer | kind   | contract | day  | known
        a        | start  | A        | -100 |
        b        | start  | A        | -100 |
        b        | cancel | A        | -40  |
        b        | start  | B        | -40  |
        c        | start  | A        | -100 |
        c        | cancel | A        | -40  |
        d        | start  | A        | -100 |
        d        | cancel | A        | -40  | 5
        e        | start  | A        | -90  |
        e        | cancel | A        | -80  |
        e        | start  | A        | -30  |
        f        | start  | A        | -50  |
        f        | cancel | A        | 10   | -5
    """)
    assert counted(events, "cancel") == {
        (None, None, 100, False): 3,
        (None, None, 60, True): 1,
        (None, None, 10, True): 1,
        (None, None, 30, False): 1,
        (None, None, 50, False): 1,
    }


@pytest.mark.parametrize("sample_size", [7, 100, 1000])
def test_a_sample_keeps_the_share_of_every_history(sample_size: int) -> None:
    counts = [500, 3, 250, 0, 247]
    day = point_in_time.date_of(SNAPSHOT)
    table = pa.table(
        {
            "snapshot_on": [day] * 5,
            "repeats": range(5),
            "last": range(5),
            "age": range(5),
            "ended": [None] * 5,
            "customers": counts,
        },
        schema=artefacts.HISTORIES.schema,
    )
    sample = thinned(table, sample_size)
    assert sum(sample["customers"].to_pylist()) == sample_size
    taken = dict(zip(sample["repeats"].to_pylist(), sample["customers"].to_pylist(), strict=True))
    for i, count in enumerate(counts):
        assert taken.get(i, 0) == pytest.approx(count * sample_size / 1000, abs=1)
