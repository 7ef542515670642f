"""Nothing that was known at or after a snapshot changes what is seen at it.

The same assertion is turned on descriptions that leak on purpose, to show that it can fail.
"""

import csv
import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine.base import CUSTOMER, DERIVED, Past
from features.engine.table import customer_attributes
from pipeline import events, ingest
from retention.cohort import eligibility
from retention.core import point_in_time
from retention.core.params import ChurnLabel, Params
from retention.core.point_in_time import Frame
from retention.core.storage import atomic
from tests.support import engines, histories

SNAPSHOT = histories.SNAPSHOT
CUSTOMERS = [f"c{number}" for number in range(8)]
SILENCE = ChurnLabel(rule="silence", active_days=90)
CANCEL = ChurnLabel(rule="cancel", active_days=90)

Seen = dict[str, Any]
Describe = Callable[[pa.Table], Seen]


def described(
    table: pa.Table, persons: Sequence[histories.Person] = (), restated: bool = True
) -> Seen:
    """All that is seen at the snapshot: features, grains, who is watched, since when it is told."""
    duck = engines.duck()
    frame, people = duck.load(table), duck.load(histories.people_table(persons))
    known = point_in_time.as_known_at(frame, SNAPSHOT, restated)
    past = Past(known, customer_attributes(people, SNAPSHOT), SNAPSHOT, duck.materialize)
    grains = {one.grain.name: one.grain for one in engines.declared()}
    seen: Seen = {
        name: engines.collected(past[grain])
        for name, grain in grains.items()
        if grain is not CUSTOMER and grain is not DERIVED
    }
    seen["history"] = engines.collected(past.first_days())
    for label in (SILENCE, CANCEL):
        seen[label.rule] = engines.customers(eligibility.cohort(known, SNAPSHOT, label))
    seen["features"] = engines.features_of(table, persons, CUSTOMERS).to_pylist()
    duck.release()
    return seen


def assert_same(seen: Seen, otherwise: Seen) -> None:
    changed = [what for what in seen if seen[what] != otherwise[what]]
    assert not changed, f"the future shows in {', '.join(changed)}"


@st.composite
def two_futures(draw: st.DrawFn) -> tuple[list[histories.Event], list[histories.Event]]:
    history = draw(histories.histories())
    return history, draw(histories.other_futures(history, SNAPSHOT))


@st.composite
def two_future_peoples(draw: st.DrawFn) -> tuple[list[histories.Person], list[histories.Person]]:
    people = draw(histories.drawn_people())
    return people, draw(histories.other_future_people(people, SNAPSHOT))


# --- from event tables


@settings(histories.FEW, max_examples=4)
@given(two_futures(), two_future_peoples())
def test_any_future_in_place_of_none_at_all_changes_nothing_seen_at_a_snapshot(
    futures: tuple[list[histories.Event], list[histories.Event]],
    peoples: tuple[list[histories.Person], list[histories.Person]],
) -> None:
    (history, other), (people, other_people) = futures, peoples
    truncated = [one for one in history if one["known_day"] < SNAPSHOT]
    seen = described(histories.table(truncated), people)
    assert_same(seen, described(histories.table(other), other_people))


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
    known = frame.filter(newest).filter(nw.col("known_day") < SNAPSHOT)
    return known.select("event_id", "known_at")


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
    def leaky(history: list[histories.Event]) -> Seen:
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
    seen = described(histories.table(early))
    assert_same(seen, described(histories.table([*early, *late])))
    assert seen["purchase_days"][0]["gap"] == 20


# --- the order and the number of copies


@settings(histories.FEW, max_examples=3)
@given(histories.histories(), histories.drawn_people(), st.randoms(use_true_random=True))
def test_permuted_and_repeated_events_leave_features_the_same_byte_for_byte(
    history: list[histories.Event], people: list[histories.Person], random: Any
) -> None:
    versions = Counter(one["event_id"] for one in history)
    again = [
        one | {"known_day": one["known_day"] + 3, "known_at": one["known_at"] + dt.timedelta(3)}
        for one in history
        if versions[one["event_id"]] == 1 and random.random() < 0.3
    ]
    copies = [*history, *again, *random.sample(history, len(history) // 2)]
    random.shuffle(copies)
    shuffled = random.sample(history, len(history))
    plain = engines.features_of(history, people, CUSTOMERS)
    assert written(engines.features_of(shuffled, people[::-1], CUSTOMERS[::-1])) == written(plain)
    assert written(united(copies)) == written(united(history))


def united(*sources: Sequence[histories.Event]) -> pa.Table:
    """What stage `events` makes of some sources' events."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{at}.parquet" for at in range(len(sources))]
        for path, source in zip(paths, sources, strict=True):
            atomic.write_table(path, histories.table(source))
        return events.events(paths, "1GB")[0]


def written(table: pa.Table) -> bytes:
    """A table as the bytes of its file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def amounts_seen(*versions: histories.Event) -> list[int]:
    known = point_in_time.as_known_at(engines.duck().load(united(versions)), SNAPSHOT)
    return [int(row["amount"]) for row in engines.collected(known.select("amount"))]


def version(known: int, amount: int) -> histories.Event:
    return histories.event(
        event_id="e", customer_id="c0", kind="purchase", day=-9, known=known, amount=Decimal(amount)
    )


def test_two_versions_known_at_one_moment_count_as_one_event() -> None:
    assert len(amounts_seen(version(-9, 1), version(-9, 2))) == 1


def test_an_event_restated_back_to_what_it_was_is_that_again() -> None:
    assert amounts_seen(version(-9, 1), version(-6, 2), version(-3, 1)) == [1]


# --- from raw rows, through ingest and events

Row = dict[str, str]
Raw = dict[str, list[Row]]
"""The rows of each source's file."""

_STAMP = "%Y-%m-%d %H:%M:%S"
SHOP = {
    "key": ["receipt", "line"],
    "time_zone": "America/New_York",
    "types": {"qty": "double", "price": "decimal", "list_price": "decimal",
              "sold": "timestamp", "posted": "timestamp",
              "returned": "timestamp", "return_posted": "timestamp"},
    "format": {"time": _STAMP},
    "events": [
        {"kind": "purchase", "where": "qty > 0", "customer_id": "customer", "occurred_at": "sold",
         "known_at": "posted", "order_id": "receipt", "item_id": "item", "quantity": "qty",
         "amount": "qty * price", "quoted_amount": "qty * list_price"},
        {"kind": "return", "where": "returned is not null", "customer_id": "customer",
         "occurred_at": "returned", "known_at": "return_posted", "order_id": "receipt",
         "amount": "-qty * price"},
    ],
}  # fmt: skip
MAIL = {
    "key": ["customer", "sent"],
    "types": {"sent": "timestamp"},
    "format": {"time": _STAMP},
    "known_after": "2d",
    "events": [
        {"kind": "campaign", "customer_id": "customer", "occurred_at": "sent"},
        {"kind": "start", "where": "contract <> ''", "customer_id": "customer",
         "occurred_at": "sent", "contract_id": "contract"},
    ],
}  # fmt: skip
DESK = {
    "key": ["ticket"],
    "types": {"opened": "timestamp", "answered": "timestamp", "closed": "timestamp",
              "closed_posted": "timestamp", "asked": "timestamp"},
    "format": {"time": _STAMP},
    "events": [
        {"kind": "contact", "customer_id": "customer", "occurred_at": "opened", "case_id": "matter",
         "topic": "topic", "channel": "'phone'"},
        {"kind": "response", "where": "answered is not null", "customer_id": "customer",
         "occurred_at": "answered", "case_id": "matter"},
        {"kind": "resolution", "where": "closed is not null", "customer_id": "customer",
         "occurred_at": "closed", "known_at": "closed_posted", "case_id": "matter",
         "resolved": "outcome = 'solved'", "cause": "nullif(cause, '')"},
        {"kind": "survey", "where": "asked is not null", "customer_id": "customer",
         "occurred_at": "asked", "case_id": "matter"},
    ],
}  # fmt: skip
COLUMNS = {
    "desk": ["ticket", "matter", "customer", "topic", "opened", "answered", "closed",
             "closed_posted", "outcome", "cause", "asked"],
    "shop": ["receipt", "line", "customer", "item", "qty", "price", "list_price",
             "sold", "posted", "returned", "return_posted"],
    "mail": ["customer", "sent", "contract"],
}  # fmt: skip
NEW_YORK_BEFORE_MIDNIGHT_IN_LONDON, AFTER_MIDNIGHT = "18:59:59", "19:00:00"


def rules(folder: Path) -> Params:
    sources = {
        name: source | {"path": str(folder / f"{name}.csv")}
        for name, source in (("shop", SHOP), ("mail", MAIL), ("desk", DESK))
    }
    return Params.model_validate(
        {"as_of": "2025-01-01", "time_zone": "Europe/London", "currency": "GBP",
         "ingest": {"max_reject_share": 0.0}, "sources": sources,
         "labels": {"churn": {"rule": "silence"}}}
    )  # fmt: skip


def seen_from(raw: Raw) -> Seen:
    """What is seen at the snapshot of raw rows: files, ingest, events, features."""
    table, versioned = events_from(raw)
    return described(table, restated=versioned)


def events_from(raw: Raw) -> tuple[pa.Table, bool]:
    """The events of raw rows, and whether any was restated."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        chosen, paths = rules(folder), []
        for source, lines in raw.items():
            with (folder / f"{source}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS[source])
                writer.writeheader()
                writer.writerows(lines)
            paths.append(folder / f"{source}.parquet")
            atomic.write_table(paths[-1], ingest.ingest(chosen, source).events)
        table, summary = events.events(paths, "1GB")
        return table, summary["versioned"]


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
        "receipt": str(receipt), "line": "1", "customer": f"c{draw(st.integers(0, 3))}",
        "item": draw(st.sampled_from(["tea", "milk", ""])), "qty": "1",
        "price": draw(st.sampled_from(["3.50", "8", ""])), "list_price": "9.99",
        "sold": stamp(sold), "posted": stamp(posted, draw(_TIMES)),
        "returned": "", "return_posted": "",
    }  # fmt: skip
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
    """The row with what it told at or after the snapshot told otherwise, or a later version."""
    if day_known(row["posted"]) >= SNAPSHOT:
        other = draw(sale(int(row["receipt"]), known_from=SNAPSHOT))
        return draw(st.sampled_from([[], [row], [other]]))
    if row["returned"] and day_known(row["return_posted"]) >= SNAPSHOT:
        row = row | draw(
            st.sampled_from(
                [{"returned": "", "return_posted": ""},
                 {"returned": row["posted"], "return_posted": stamp(SNAPSHOT + 3)}]
            )
        )  # fmt: skip
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
        "ticket": str(number), "matter": draw(st.sampled_from(["I", "II", f"{number}"])),
        "customer": f"c{draw(st.integers(0, 3))}", "opened": stamp(opened, draw(_TIMES)),
        "topic": draw(st.sampled_from(["complaint", "billing", "question", ""])),
    }  # fmt: skip
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
    """The row with what it told at or after the snapshot told otherwise, or an end restated."""
    if day_known(row["opened"]) >= SNAPSHOT:
        return draw(st.sampled_from([[], [draw(ticket(int(row["ticket"]), SNAPSHOT))]]))
    other = draw(rest_of_ticket(SNAPSHOT))
    ended = row["closed"] and day_known(row["closed_posted"]) < SNAPSHOT
    kept = [name for name in ("answered", "asked") if row[name] and day_known(row[name]) < SNAPSHOT]
    kept += ["closed", "closed_posted", "outcome", "cause"] if ended else []
    if not ended and other["closed"]:
        other["closed"] = row["opened"]  # it happened long before it was known
    told = row | other | {name: row[name] for name in kept}
    restated = told | {
        "closed_posted": stamp(SNAPSHOT, "00:00:00"),
        "outcome": "not",
        "cause": "late",
    }
    return [told, restated] if ended and draw(st.booleans()) else [told]


@st.composite
def two_raw_futures(draw: st.DrawFn) -> tuple[Raw, Raw]:
    """Two sets of files that tell the same up to the snapshot, and different things after it."""
    shop = [draw(sale(receipt)) for receipt in range(draw(st.integers(8, 16)))]
    known = [row for row in shop if day_known(row["posted"]) < SNAPSHOT]
    shop += [row | {"posted": stamp(SNAPSHOT - 1, NEW_YORK_BEFORE_MIDNIGHT_IN_LONDON),
                    "price": "5"} for row in known[:2] if not row["returned"]]  # fmt: skip
    other = [new for row in shop for new in draw(another_sale(row))]
    planted = [draw(sale(100 + number, known_from=SNAPSHOT)) for number in range(4)]
    planted.append(planted[0] | {"receipt": "200", "sold": stamp(SNAPSHOT - 30), "returned": "",
                                 "posted": stamp(SNAPSHOT - 1, AFTER_MIDNIGHT)})  # fmt: skip
    told = [{"customer": f"c{number}", "sent": stamp(SNAPSHOT - days), "contract": "gas"}
            for number, days in enumerate([400, 30, 3])]  # fmt: skip
    unknown = [{"customer": "c3", "sent": stamp(SNAPSHOT - days), "contract": contract}
               for days, contract in ((2, "gas"), (1, ""), (-5, "power"))]  # fmt: skip
    order = draw(st.permutations(other + planted))
    desk = [draw(ticket(number)) for number in range(draw(st.integers(8, 16)))]
    later = [draw(ticket(100 + number, SNAPSHOT)) for number in range(4)]
    desk_order = draw(st.permutations([new for row in desk for new in draw(another_ticket(row))]))
    return (
        {"shop": shop, "mail": told, "desk": desk},
        {"shop": order, "mail": told + unknown, "desk": desk_order + later},
    )


@settings(histories.FEW, max_examples=3)
@given(two_raw_futures())
def test_another_future_in_the_raw_files_changes_nothing_seen_at_a_snapshot(
    futures: tuple[Raw, Raw],
) -> None:
    assert_same(seen_from(futures[0]), seen_from(futures[1]))


@pytest.mark.parametrize("leak", [gap_before_the_cut, newest_version_before_the_cut])
def test_this_test_catches_a_leak_from_raw_rows(leak: Callable[[Frame], Frame]) -> None:
    def leaky(raw: Raw) -> Seen:
        return {"leak": engines.collected(leak(engines.duck().load(events_from(raw)[0])))}

    @settings(histories.FEW, max_examples=10)
    @given(two_raw_futures())
    def check(futures: tuple[Raw, Raw]) -> None:
        assert_same(leaky(futures[0]), leaky(futures[1]))

    with pytest.raises(AssertionError, match="the future shows in leak"):
        check()


def test_a_raw_row_that_becomes_known_in_parts_is_seen_in_parts() -> None:
    row = {
        "receipt": "1", "line": "1", "customer": "c0", "item": "tea", "qty": "2", "price": "3",
        "list_price": "4", "sold": stamp(SNAPSHOT - 9), "posted": stamp(SNAPSHOT - 8),
        "returned": stamp(SNAPSHOT - 3), "return_posted": stamp(SNAPSHOT),
    }  # fmt: skip
    seen = seen_from({"shop": [row], "mail": [{"customer": "c1", "sent": stamp(SNAPSHOT - 3)}]})
    assert seen["silence"] == ["c0"]
    assert seen["returned"] == []
    assert [one["age"] for one in seen["sent"]] == [3]


def test_a_ticket_is_open_as_long_as_its_end_is_not_known() -> None:
    row = dict.fromkeys(COLUMNS["desk"], "") | {
        "ticket": "1", "matter": "I", "customer": "c0", "opened": stamp(SNAPSHOT - 9),
        "answered": stamp(SNAPSHOT - 8), "closed": stamp(SNAPSHOT - 7), "outcome": "solved",
    }  # fmt: skip
    known = row | {"closed_posted": stamp(SNAPSHOT - 1, "23:59:59")}
    unknown = row | {"closed_posted": stamp(SNAPSHOT, "00:00:00")}
    case = seen_from({"desk": [known]})["cases"][0]
    assert [case[name] for name in ("answer_minutes", "open", "solved")] == [24 * 60, 0, 1]
    case = seen_from({"desk": [unknown]})["cases"][0]
    assert [case[name] for name in ("answer_minutes", "open", "solved")] == [24 * 60, 1, None]
