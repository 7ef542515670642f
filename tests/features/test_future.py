"""Nothing that became known at or after a snapshot changes what is computed at it.

The same assertion is made of descriptions that leak on purpose, to show that it can fail.
"""

import csv
import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine.base import CUSTOMER, DERIVED, Past
from features.engine.histories import histories_at
from features.engine.table import customer_attributes
from pipeline import events, ingest
from retention.cohort import eligibility
from retention.core import point_in_time
from retention.core.params import ChurnLabel, Params
from retention.core.point_in_time import Frame
from retention.core.storage import atomic
from tests.support import engines, histories

SNAPSHOT = histories.SNAPSHOT
TOGETHER = 6
"""Generated futures in one query, which costs its planning and not its rows."""
CUSTOMERS = [
    f"{i}c{number}" for i in ("", *map("{} ".format, range(TOGETHER))) for number in range(8)
]
SILENCE = ChurnLabel(rule="silence", active_days=90)
CANCEL = ChurnLabel(rule="cancel", active_days=90)

Description = dict[str, Any]


def describe(
    table: pa.Table, persons: Sequence[histories.Person] = (), restated: bool = True
) -> Description:
    """All that is computed at the snapshot: features, grains, cohorts, first days of sources."""
    duck = engines.duck()
    frame, people = duck.load(table), duck.load(histories.people_table(persons))
    past_events = point_in_time.as_known_at(frame, SNAPSHOT, restated)
    past = Past(past_events, customer_attributes(people, SNAPSHOT), SNAPSHOT, duck.materialize)
    grains = {feature.grain.name: feature.grain for feature in engines.declared()}
    description: Description = {
        name: engines.collected(past[grain])
        for name, grain in grains.items()
        if grain is not CUSTOMER and grain is not DERIVED
    }
    description["history"] = engines.collected(past.first_days())
    for label in (SILENCE, CANCEL):
        description[label.rule] = engines.customers(
            eligibility.cohort(past_events, SNAPSHOT, label)
        )
        counted = histories_at(duck, frame, SNAPSHOT, label, restated)
        description[f"histories, {label.rule}"] = counted.to_pylist()
    description["features"] = engines.features_of(table, persons, CUSTOMERS).to_pylist()
    duck.release()
    return description


def assert_same(description: Description, otherwise: Description) -> None:
    changed = [what for what in description if description[what] != otherwise[what]]
    assert not changed, f"the future shows in {', '.join(changed)}"


@st.composite
def two_futures(draw: st.DrawFn) -> tuple[list[histories.Event], list[histories.Event]]:
    history = draw(histories.histories())
    return history, draw(histories.other_futures(history, SNAPSHOT))


@st.composite
def two_future_peoples(draw: st.DrawFn) -> tuple[list[histories.Person], list[histories.Person]]:
    people = draw(histories.people_of())
    return people, draw(histories.other_future_people(people, SNAPSHOT))


# --- from event tables


def test_any_future_in_place_of_none_at_all_changes_nothing_at_a_snapshot() -> None:
    generated = histories.examples(st.tuples(two_futures(), two_future_peoples()), TOGETHER)
    history, other, people, other_people = (
        histories.together(futures[which] for futures in of_examples)
        for of_examples in zip(*generated, strict=True)
        for which in (0, 1)
    )
    truncated = [event for event in history if event["known_day"] < SNAPSHOT]
    description = describe(histories.table(truncated), people)
    assert_same(description, describe(histories.table(other), other_people))


def gap_before_the_cut(frame: Frame) -> Frame:
    """A late-known event shows through the gap of its neighbour."""
    order = ["occurred_day", "event_id", "known_at"]
    before = nw.col("occurred_day").shift(1).over("customer_id", order_by=order)
    gaps = frame.with_columns(gap=nw.col("occurred_day") - before)
    return gaps.filter(nw.col("known_day") < SNAPSHOT).select("event_id", "known_at", "gap")


def cut_by_what_happened(frame: Frame) -> Frame:
    return frame.filter(nw.col("occurred_day") < SNAPSHOT).select("event_id", "known_at")


def cut_a_day_late(frame: Frame) -> Frame:
    return frame.filter(nw.col("known_day") <= SNAPSHOT).select("event_id", "known_at")


def newest_version_before_the_cut(frame: Frame) -> Frame:
    """A version known later hides the one that was known by then."""
    newest = nw.col("known_at") == nw.col("known_at").max().over("event_id")
    past_events = frame.filter(newest).filter(nw.col("known_day") < SNAPSHOT)
    return past_events.select("event_id", "known_at")


def first_days_before_the_cut(frame: Frame) -> Frame:
    return frame.group_by("source").agg(first_day=nw.col("occurred_day").min())


@pytest.mark.parametrize(
    "leak",
    [
        gap_before_the_cut,
        cut_by_what_happened,
        cut_a_day_late,
        newest_version_before_the_cut,
        first_days_before_the_cut,
    ],
)
def test_this_test_catches_a_leak(leak: Callable[[Frame], Frame]) -> None:
    def leaky(history: list[histories.Event]) -> Description:
        return {"leak": engines.collected(leak(engines.frame(history)))}

    @settings(histories.FEW, max_examples=30)
    @given(two_futures())
    def check(futures: tuple[list[histories.Event], list[histories.Event]]) -> None:
        assert_same(leaky(futures[0]), leaky(futures[1]))

    with pytest.raises(AssertionError, match="the future shows in leak"):
        check()


def test_a_late_known_event_does_not_show_through_the_gap_of_its_neighbours() -> None:
    early = histories.events("""
        customer | kind     | day | known
        c0       | purchase | -30 |
        c0       | purchase | -10 |
    """)
    late = histories.events("""
        event | customer | kind     | day | known
        late  | c0       | purchase | -20 |     0
    """)
    description = describe(histories.table(early))
    assert_same(description, describe(histories.table([*early, *late])))
    assert description["purchase_days"][0]["gap"] == 20


# --- the order and the number of copies


def test_permuted_and_repeated_events_leave_features_the_same_byte_for_byte() -> None:
    generated = histories.examples(
        st.tuples(histories.histories(), histories.people_of()), TOGETHER
    )
    history, people = (histories.together(parts) for parts in zip(*generated, strict=True))
    versions, random = Counter(event["event_id"] for event in history), Random(7)
    again = [
        event
        | {"known_day": event["known_day"] + 3, "known_at": event["known_at"] + dt.timedelta(3)}
        for event in history
        if versions[event["event_id"]] == 1 and random.random() < 0.3
    ]
    copies = [*history, *again, *random.sample(history, len(history) // 2)]
    random.shuffle(copies)
    shuffled = random.sample(history, len(history))
    plain = engines.features_of(history, people, CUSTOMERS)
    assert written(engines.features_of(shuffled, people[::-1], CUSTOMERS[::-1])) == written(plain)
    assert written(united(copies)) == written(united(history))


def united(*sources: Sequence[histories.Event]) -> pa.Table:
    """The events of some sources, as stage `events` unites them."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.parquet" for i in range(len(sources))]
        for path, source in zip(paths, sources, strict=True):
            atomic.write_table(path, histories.table(source))
        return events.events(paths, "1GB")[0]


def written(table: pa.Table) -> bytes:
    """A table as the bytes of its file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def amounts_known(*versions: histories.Event) -> list[int]:
    past_events = point_in_time.as_known_at(engines.duck().load(united(versions)), SNAPSHOT)
    return [int(row["amount"]) for row in engines.collected(past_events.select("amount"))]


def version(known_day: int, amount: int) -> histories.Event:
    return histories.event(
        event_id="e",
        customer_id="c0",
        kind="purchase",
        day=-9,
        known_from=known_day,
        amount=Decimal(amount),
    )


def test_two_versions_known_at_one_moment_count_as_one_event() -> None:
    assert len(amounts_known(version(-9, 1), version(-9, 2))) == 1


def test_an_event_restated_back_to_what_it_was_is_that_again() -> None:
    assert amounts_known(version(-9, 1), version(-6, 2), version(-3, 1)) == [1]


# --- from raw rows, through ingest and events

Row = dict[str, str]
Raw = dict[str, list[Row]]
"""The rows of each source's file."""

_STAMP = "%Y-%m-%d %H:%M:%S"
SHOP = {
    "key": ["receipt", "line"],
    "time_zone": "America/New_York",
    "types": {
        "qty": "double",
        "price": "decimal",
        "list_price": "decimal",
        "sold": "timestamp",
        "posted": "timestamp",
        "returned": "timestamp",
        "return_posted": "timestamp",
    },
    "format": {"time": _STAMP},
    "events": [
        {
            "kind": "purchase",
            "where": "qty > 0",
            "customer_id": "customer",
            "occurred_at": "sold",
            "known_at": "posted",
            "order_id": "receipt",
            "item_id": "item",
            "quantity": "qty",
            "amount": "qty * price",
            "quoted_amount": "qty * list_price",
        },
        {
            "kind": "return",
            "where": "returned is not null",
            "customer_id": "customer",
            "occurred_at": "returned",
            "known_at": "return_posted",
            "order_id": "receipt",
            "amount": "-qty * price",
        },
    ],
}
MAIL = {
    "key": ["customer", "sent"],
    "types": {"sent": "timestamp"},
    "format": {"time": _STAMP},
    "known_after": "2d",
    "events": [
        {"kind": "campaign", "customer_id": "customer", "occurred_at": "sent"},
        {
            "kind": "start",
            "where": "contract <> ''",
            "customer_id": "customer",
            "occurred_at": "sent",
            "contract_id": "contract",
        },
    ],
}
DESK = {
    "key": ["ticket"],
    "types": {
        "opened": "timestamp",
        "answered": "timestamp",
        "closed": "timestamp",
        "closed_posted": "timestamp",
        "asked": "timestamp",
    },
    "format": {"time": _STAMP},
    "events": [
        {
            "kind": "contact",
            "customer_id": "customer",
            "occurred_at": "opened",
            "case_id": "matter",
            "topic": "topic",
            "channel": "'phone'",
        },
        {
            "kind": "response",
            "where": "answered is not null",
            "customer_id": "customer",
            "occurred_at": "answered",
            "case_id": "matter",
        },
        {
            "kind": "resolution",
            "where": "closed is not null",
            "customer_id": "customer",
            "occurred_at": "closed",
            "known_at": "closed_posted",
            "case_id": "matter",
            "resolved": "outcome = 'solved'",
            "cause": "nullif(cause, '')",
        },
        {
            "kind": "survey",
            "where": "asked is not null",
            "customer_id": "customer",
            "occurred_at": "asked",
            "case_id": "matter",
        },
    ],
}
COLUMNS = {
    "desk": [
        "ticket",
        "matter",
        "customer",
        "topic",
        "opened",
        "answered",
        "closed",
        "closed_posted",
        "outcome",
        "cause",
        "asked",
    ],
    "shop": [
        "receipt",
        "line",
        "customer",
        "item",
        "qty",
        "price",
        "list_price",
        "sold",
        "posted",
        "returned",
        "return_posted",
    ],
    "mail": ["customer", "sent", "contract"],
}
NEW_YORK_BEFORE_MIDNIGHT_IN_LONDON, AFTER_MIDNIGHT = "18:59:59", "19:00:00"


def params_of(folder: Path) -> Params:
    sources = {
        name: source | {"path": str(folder / f"{name}.csv")}
        for name, source in (("shop", SHOP), ("mail", MAIL), ("desk", DESK))
    }
    return Params.model_validate(
        {
            "as_of": "2025-01-01",
            "time_zone": "Europe/London",
            "currency": "GBP",
            "ingest": {"max_reject_share": 0.0},
            "sources": sources,
            "labels": {"churn": {"rule": "silence"}},
        }
    )


def describe_raw(raw: Raw) -> Description:
    """What is computed at the snapshot from raw rows: files, ingest, events, features."""
    table, versioned = events_from(raw)
    return describe(table, restated=versioned)


def events_from(raw: Raw) -> tuple[pa.Table, bool]:
    """The events of raw rows, and whether any was restated."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        params, paths = params_of(folder), []
        for source, lines in raw.items():
            with (folder / f"{source}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS[source])
                writer.writeheader()
                writer.writerows(lines)
            paths.append(folder / f"{source}.parquet")
            atomic.write_table(paths[-1], ingest.ingest(params, source).events)
        table, summary = events.events(paths, "1GB")
        return table, summary.versioned


def stamp(day: int, time: str = "12:00:00") -> str:
    return f"{point_in_time.date_of(day)} {time}"


_RAW_DAYS = st.integers(SNAPSHOT - 60, SNAPSHOT + 5) | st.sampled_from([SNAPSHOT - 1, SNAPSHOT])
_TIMES = st.sampled_from(["12:00:00", "18:30:00"])


@st.composite
def sale(draw: st.DrawFn, receipt: int, known_from: int = 0) -> Row:
    """A line of a receipt, known at once or late, perhaps with its return in the same row."""
    sold = draw(_RAW_DAYS)
    posted = max(sold + draw(st.sampled_from([0, 0, 0, 2, 20])), known_from)
    row = {
        "receipt": str(receipt),
        "line": "1",
        "customer": f"c{draw(st.integers(0, 3))}",
        "item": draw(st.sampled_from(["tea", "milk", ""])),
        "qty": "1",
        "price": draw(st.sampled_from(["3.50", "8", ""])),
        "list_price": "9.99",
        "sold": stamp(sold),
        "posted": stamp(posted, draw(_TIMES)),
        "returned": "",
        "return_posted": "",
    }
    return row | draw(back(posted)) if draw(st.booleans()) else row


@st.composite
def back(draw: st.DrawFn, known_from: int) -> Row:
    returned = known_from + draw(st.integers(0, 20))
    late = draw(st.sampled_from([0, 10]))
    return {"returned": stamp(returned), "return_posted": stamp(returned + late, draw(_TIMES))}


def day_known(text: str) -> int:
    """The day of a time in London, or of one in New York before midnight in London, 19:00 there."""
    return point_in_time.day_number(
        dt.datetime.strptime(text, _STAMP).replace(tzinfo=dt.UTC).date()
    )


@st.composite
def another_sale(draw: st.DrawFn, row: Row) -> list[Row]:
    """The row with its facts of the snapshot or later replaced, or a later version of it."""
    if day_known(row["posted"]) >= SNAPSHOT:
        other = draw(sale(int(row["receipt"]), known_from=SNAPSHOT))
        return draw(st.sampled_from([[], [row], [other]]))
    if row["returned"] and day_known(row["return_posted"]) >= SNAPSHOT:
        row = row | draw(
            st.sampled_from(
                [
                    {"returned": "", "return_posted": ""},
                    {"returned": row["posted"], "return_posted": stamp(SNAPSHOT + 3)},
                ]
            )
        )
    if draw(st.booleans()):
        later = {"posted": stamp(SNAPSHOT + 1), "price": "77"}
        if row["returned"]:
            later["return_posted"] = stamp(SNAPSHOT + 1)
        return [row, row | later]
    return [row]


@st.composite
def ticket(draw: st.DrawFn, number: int, known_from: int = 0) -> Row:
    """A matter that was raised, perhaps answered, perhaps ended, perhaps asked about."""
    opened = max(draw(_RAW_DAYS), known_from)
    row = {
        "ticket": str(number),
        "matter": draw(st.sampled_from(["I", "II", f"{number}"])),
        "customer": f"c{draw(st.integers(0, 3))}",
        "opened": stamp(opened, draw(_TIMES)),
        "topic": draw(st.sampled_from(["complaint", "billing", "question", ""])),
    }
    return row | draw(rest_of_ticket(opened))


@st.composite
def rest_of_ticket(draw: st.DrawFn, known_from: int) -> Row:
    """The answer, the end and the question of a ticket, none of them known before a day."""
    row = dict.fromkeys(COLUMNS["desk"][-6:], "")
    if draw(st.booleans()):
        row["answered"] = stamp(known_from + draw(st.integers(0, 9)), "23:59:59")
    if draw(st.booleans()):
        closed = known_from + draw(st.integers(0, 20))
        posted = stamp(closed + draw(st.sampled_from([0, 0, 5])), "23:59:59")
        row |= {"closed": stamp(closed), "closed_posted": posted}
        row["outcome"] = draw(st.sampled_from(["solved", "not", ""]))
        row["cause"] = draw(st.sampled_from(["late", "treated_badly", ""]))
    if draw(st.booleans()):
        row["asked"] = stamp(known_from + draw(st.integers(0, 30)), "00:00:00")
    return row


@st.composite
def another_ticket(draw: st.DrawFn, row: Row) -> list[Row]:
    """The row with its facts of the snapshot or later replaced, or an end restated."""
    if day_known(row["opened"]) >= SNAPSHOT:
        return draw(st.sampled_from([[], [draw(ticket(int(row["ticket"]), SNAPSHOT))]]))
    other = draw(rest_of_ticket(SNAPSHOT))
    ended = row["closed"] and day_known(row["closed_posted"]) < SNAPSHOT
    unchanged = [
        name for name in ("answered", "asked") if row[name] and day_known(row[name]) < SNAPSHOT
    ]
    unchanged += ["closed", "closed_posted", "outcome", "cause"] if ended else []
    if not ended and other["closed"]:
        other["closed"] = row["opened"]  # it happened long before it was known
    altered = row | other | {name: row[name] for name in unchanged}
    restated = altered | {
        "closed_posted": stamp(SNAPSHOT, "00:00:00"),
        "outcome": "not",
        "cause": "late",
    }
    return [altered, restated] if ended and draw(st.booleans()) else [altered]


@st.composite
def two_raw_futures(draw: st.DrawFn) -> tuple[Raw, Raw]:
    """Two sets of files with the same facts before the snapshot and different ones after it."""
    shop = [draw(sale(receipt)) for receipt in range(draw(st.integers(8, 16)))]
    known_sales = [row for row in shop if day_known(row["posted"]) < SNAPSHOT]
    shop += [
        row | {"posted": stamp(SNAPSHOT - 1, NEW_YORK_BEFORE_MIDNIGHT_IN_LONDON), "price": "5"}
        for row in known_sales[:2]
        if not row["returned"]
    ]
    other = [new for row in shop for new in draw(another_sale(row))]
    planted = [draw(sale(100 + number, known_from=SNAPSHOT)) for number in range(4)]
    planted.append(
        planted[0]
        | {
            "receipt": "200",
            "sold": stamp(SNAPSHOT - 30),
            "returned": "",
            "posted": stamp(SNAPSHOT - 1, AFTER_MIDNIGHT),
        }
    )
    mail = [
        {"customer": f"c{number}", "sent": stamp(SNAPSHOT - days), "contract": "gas"}
        for number, days in enumerate([400, 30, 3])
    ]
    unknown = [
        {"customer": "c3", "sent": stamp(SNAPSHOT - days), "contract": contract}
        for days, contract in ((2, "gas"), (1, ""), (-5, "power"))
    ]
    order = draw(st.permutations(other + planted))
    desk = [draw(ticket(number)) for number in range(draw(st.integers(8, 16)))]
    later = [draw(ticket(100 + number, SNAPSHOT)) for number in range(4)]
    desk_order = draw(st.permutations([new for row in desk for new in draw(another_ticket(row))]))
    return (
        {"shop": shop, "mail": mail, "desk": desk},
        {"shop": order, "mail": mail + unknown, "desk": desk_order + later},
    )


RAW_IDS = ("customer", "receipt", "ticket", "matter")


def raw_together(raws: Sequence[Raw]) -> Raw:
    """The rows of several companies' files as one's: each has its own ids."""
    return {
        source: [
            row | {name: f"{i} {row[name]}" for name in RAW_IDS if row.get(name)}
            for i, raw in enumerate(raws)
            for row in raw[source]
        ]
        for source in raws[0]
    }


def test_another_future_in_the_raw_files_changes_nothing_at_a_snapshot() -> None:
    raws, other_raws = zip(*histories.examples(two_raw_futures(), TOGETHER), strict=True)
    assert_same(describe_raw(raw_together(raws)), describe_raw(raw_together(other_raws)))


@pytest.mark.parametrize("leak", [gap_before_the_cut, newest_version_before_the_cut])
def test_this_test_catches_a_leak_from_raw_rows(leak: Callable[[Frame], Frame]) -> None:
    def leaky(raw: Raw) -> Description:
        return {"leak": engines.collected(leak(engines.duck().load(events_from(raw)[0])))}

    @settings(histories.FEW, max_examples=10)
    @given(two_raw_futures())
    def check(futures: tuple[Raw, Raw]) -> None:
        assert_same(leaky(futures[0]), leaky(futures[1]))

    with pytest.raises(AssertionError, match="the future shows in leak"):
        check()


def test_a_raw_row_that_becomes_known_in_parts_counts_in_parts() -> None:
    row = {
        "receipt": "1",
        "line": "1",
        "customer": "c0",
        "item": "tea",
        "qty": "2",
        "price": "3",
        "list_price": "4",
        "sold": stamp(SNAPSHOT - 9),
        "posted": stamp(SNAPSHOT - 8),
        "returned": stamp(SNAPSHOT - 3),
        "return_posted": stamp(SNAPSHOT),
    }
    description = describe_raw(
        {"shop": [row], "mail": [{"customer": "c1", "sent": stamp(SNAPSHOT - 3)}]}
    )
    assert description["silence"] == ["c0"]
    assert description["returned"] == []
    assert [row["age"] for row in description["sent"]] == [3]


def test_a_ticket_is_open_as_long_as_its_end_is_not_known() -> None:
    row = dict.fromkeys(COLUMNS["desk"], "") | {
        "ticket": "1",
        "matter": "I",
        "customer": "c0",
        "opened": stamp(SNAPSHOT - 9),
        "answered": stamp(SNAPSHOT - 8),
        "closed": stamp(SNAPSHOT - 7),
        "outcome": "solved",
    }
    known_in_time = row | {"closed_posted": stamp(SNAPSHOT - 1, "23:59:59")}
    unknown = row | {"closed_posted": stamp(SNAPSHOT, "00:00:00")}
    case = describe_raw({"desk": [known_in_time]})["cases"][0]
    assert [case[name] for name in ("answer_minutes", "open", "solved")] == [24 * 60, 0, 1]
    case = describe_raw({"desk": [unknown]})["cases"][0]
    assert [case[name] for name in ("answer_minutes", "open", "solved")] == [24 * 60, 1, None]
