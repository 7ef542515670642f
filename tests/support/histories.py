"""Small histories: typed as tables by hand, or drawn by Hypothesis.

A table is text with columns cut by `|`; an empty cell is null, days count from the snapshot
(`-1` is the day before it), and what a column leaves out has its plainest value.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from retention.core import events as schema

Event = dict[str, Any]
Person = dict[str, Any]


class GeneratedRows(list[dict[str, Any]]):
    """Drawn rows, which a failing test need not print: its message says which customers differ."""

    def __repr__(self) -> str:
        return f"<{len(self)} drawn rows>"


SNAPSHOT: Final = 19_723  # Monday, 1 January 2024
LONG_AGO: Final = SNAPSHOT - 1000
KINDS: Final = (
    "purchase", "return", "campaign", "redemption", "delivery", "invoice", "payment", "contact",
    "response", "resolution", "survey", "visit", "referral", "start", "notice", "cancel",
)  # fmt: skip
_NOON: Final = 12 * 60

PEOPLE: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("known_day", pa.int32()),
        ("joined_day", pa.int32()),
        ("acquisition_cost", schema.MONEY),
        ("acquisition_channel", pa.string()),
        ("region", pa.string()),
        ("preferred_channel", pa.string()),
    ]
)

FEW: Final = settings(
    max_examples=7,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],  # shrinking would take minutes
)
"""Few examples, each of many customers: a query's cost is its planning, not its rows."""


# --- typed by hand


def rows(text: str) -> list[dict[str, str | None]]:
    """The rows of a table typed as text; its first line names the columns."""
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return [
        {name: cell or None for name, cell in zip(lines[0], line, strict=True)}
        for line in lines[1:]
    ]


_SHORT: Final = {
    "event": "event_id",
    "customer": "customer_id",
    "quoted": "quoted_amount",
    "order": "order_id",
    "item": "item_id",
    "contract": "contract_id",
    "case": "case_id",
    "agent": "agent_id",
}
_MONEY: Final = ("amount", "quoted_amount", "cost")
_LATER_DAYS: Final = ("promised", "effective")


def events(text: str) -> list[Event]:
    """Events from a table: customer, kind, day and any of known, event, source, amount, ...

    `promised` and `effective` count days from the snapshot as `day` does, `resolved` is yes or no.
    `known` is the day on which it was known (default: at once), `event` an id for versions of one
    event (default: every row its own), `minute` the minutes after noon (default: the row's number).
    """
    return [_typed_event(number, row) for number, row in enumerate(rows(text))]


def _typed_event(number: int, row: dict[str, str | None]) -> Event:
    cells = {_SHORT.get(name, name): cell for name, cell in row.items()}
    day, known_day = int(cells.pop("day") or 0), cells.pop("known", None)
    cells["event_id"] = cells.get("event_id") or f"row {number}"
    minute = int(cells.pop("minute", None) or number)
    typed = dict(_typed_cell(name, cell) for name, cell in cells.items())
    return event(day=day, known=int(known_day) if known_day else day, minute=minute, **typed)


def _typed_cell(name: str, cell: str | None) -> tuple[str, Any]:
    if name in _LATER_DAYS:
        return f"{name}_day", SNAPSHOT + int(cell) if cell else None
    if cell and name in _MONEY:
        return name, Decimal(cell)
    if cell and name == "rating":
        return name, float(cell)
    return name, cell == "yes" if cell and name == "resolved" else cell


def event(*, day: int, known: int | None = None, minute: int = 0, **columns: Any) -> Event:
    """One event; days from the snapshot. `minute` sets its times apart from others' of its day."""
    columns_of_event: Event = dict.fromkeys(schema.EVENT_COLUMNS)
    occurred_day, known_day = SNAPSHOT + day, SNAPSHOT + (day if known is None else known)
    columns_of_event |= {
        "source": "shop",
        "known_day": known_day,
        "known_at": moment(known_day, minute),
        **occurrence(occurred_day, minute),
    }
    return columns_of_event | columns


def moment(day: int, minute: int = 0) -> dt.datetime:
    """A minute after the noon of a day."""
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return start + dt.timedelta(days=day, minutes=_NOON + minute)


def source_start(day: int = LONG_AGO, source: str = "shop") -> list[Event]:
    """Events of nobody in particular, by which a source began on a day to tell of every kind."""
    return [
        event(day=day - SNAPSHOT, event_id=f"{source} tells of {kind}", source=source,
              customer_id="(nobody)", kind=kind, amount=Decimal(0))
        for kind in KINDS
    ]  # fmt: skip


def person(customer_id: str, **columns: Any) -> Person:
    """A customer's attributes; `known` and `joined` are days from the snapshot."""
    row: Person = dict.fromkeys(PEOPLE.names) | {"customer_id": customer_id}
    for name in ("known", "joined"):
        day = columns.pop(name, None)
        row[f"{name}_day"] = None if day is None else SNAPSHOT + int(day)
    return row | columns


def people(text: str) -> list[Person]:
    """Attributes from a table: customer and any of known, joined, acquisition_cost, region, ..."""
    persons = []
    for row in rows(text):
        cells: dict[str, Any] = {k: v for k, v in row.items() if k != "customer"}
        if cells.get("acquisition_cost"):
            cells["acquisition_cost"] = Decimal(cells["acquisition_cost"])
        persons.append(person(str(row["customer"]), **cells))
    return persons


def table(history: Iterable[Event]) -> pa.Table:
    """The columns of data/events/."""
    return pa.Table.from_pylist(list(history), schema=schema.EVENTS)


def people_table(persons: Iterable[Person]) -> pa.Table:
    return pa.Table.from_pylist(list(persons), schema=PEOPLE)


def cohort_table(customers: Iterable[str]) -> pa.Table:
    return pa.table({"customer_id": pa.array(list(customers), pa.string())})


# --- drawn by Hypothesis

_EDGES: Final = (1, 2, 7, 8, 14, 15, 28, 29, 30, 31, 60, 61, 90, 91, 92, 180, 181, 182, 183,
                 273, 274, 336, 337, 364, 365, 366, 392, 393, 730, 731)  # fmt: skip
_DAYS: Final = (
    st.integers(-420, 10) | st.integers(-45, 10) | st.sampled_from(_EDGES).map(lambda age: -age)
)
_AMOUNTS: Final = st.sampled_from(["1.25", "9.99", "0.0001", "120", "0", None])
_QUOTED: Final = st.sampled_from(["9.99", "10.5", "130", "0", None, None])
_LAGS: Final = st.sampled_from([0, 0, 0, 0, 0, 1, 3, 40])
_DRAWN_KINDS: Final = st.sampled_from(["purchase"] * 6 + ["contact", "survey", *KINDS])
_STORIES: Final = st.sampled_from([
    "contact response resolution", "contact contact resolution contact resolution",
    "contact resolution survey survey survey", "contact resolution contact response contact",
    "purchase delivery", "purchase purchase delivery delivery contact return",
    "invoice payment invoice contact payment invoice", "invoice " * 4,
    "start visit referral notice cancel", "purchase " * 8,
    "campaign purchase purchase redemption visit",
]).map(str.split)  # fmt: skip
_STEPS: Final = st.sampled_from([0, 0, 1, 1, 3, 6, 20, 45])
_TOPICS: Final[dict[str, tuple[str | None, ...]]] = {
    "contact": ("complaint", "complaint", "billing", "technical_request", "question",
                "information", "suggestion", "praise", "weather", None),
    "survey": (None, None, "person", "complaint"),
    "payment": ("paid", "refused", None),
    "invoice": ("regular", "regular", "regular", "correction", None),
    "visit": ("pay", "usage", None),
    "start": ("plan", None),
}  # fmt: skip
_CHANNELS: Final = ("phone", "phone", "email", "office", "portal", "chat", "pigeon", None)
_CAUSES: Final = ("late", "overcharged", "unprofessional", "treated_badly", "impersonal",
                  "not_right_first_time", "not_addressed", "rain", None, None, None)  # fmt: skip
_CAUSED: Final = ("resolution", "survey", "delivery", "cancel", "contact")
_IN_CASES: Final = ("contact", "response", "resolution", "survey")
_BELONGING: Final = {
    "case_id": _IN_CASES,
    "order_id": ("purchase", "return", "delivery", "contact", "invoice", "payment"),
    "contract_id": ("start", "notice", "cancel", "invoice", "visit"),
}
_RATINGS: Final = (0.0, 0.1, 0.25, 1 / 3, 0.7, 1.0, None, None)
_PROMISED: Final = ("purchase", "payment")
_SAID_OTHERWISE: Final[list[dict[str, Any]]] = [
    {"topic": "complaint"}, {"cause": "late"}, {"resolved": False}, {"case_id": "II"},
]  # fmt: skip


def _money(text: str | None, sign: int = 1) -> Decimal | None:
    return None if text is None else sign * Decimal(text)


@st.composite
def customer_events(draw: st.DrawFn, customer: str) -> list[Event]:
    """Events of one customer, single or told as stories; some known late, some restated later."""
    drawn: list[Event] = []
    for number in range(draw(st.sampled_from([0, 1, 2, 4, 6, 9, 14]))):
        shared = {
            "order_id": draw(st.sampled_from([None, None, "A", "B", "C"])),
            "case_id": draw(st.sampled_from(["I", "II", "III", f"{number}", f"{number}", None])),
            "contract_id": draw(st.sampled_from(["gas", "power"])),
        }
        day = draw(_DAYS)
        for part, kind in enumerate(draw(_STORIES | _DRAWN_KINDS.map(lambda kind: [kind]))):
            day += draw(_STEPS) if part else 0
            if part and kind == "contact" and draw(st.sampled_from([False, False, True])):
                shared["case_id"] = f"{number} {part}"  # another case, about the same
            first = event(
                day=day,
                event_id=f"{customer} {number} {part}",
                customer_id=customer,
                kind=kind,
                minute=draw(st.sampled_from([number, number, part, 100, -600])),
                source=draw(st.sampled_from(["shop", "shop", "web"])),
            )
            columns = _shared(kind, shared) | draw(_service(kind, first["occurred_day"]))
            drawn.extend(draw(_versions(first | columns)))
    return drawn


def _shared(kind: str, names: dict[str, str | None]) -> dict[str, Any]:
    """What an event of a kind belongs to, as the others of its story do."""
    return {name: names[name] for name, kinds in _BELONGING.items() if kind in kinds}


@st.composite
def _service(draw: st.DrawFn, kind: str, day: int) -> dict[str, Any]:
    """What an event of a kind may tell of service, likely and unlikely; any of it may be missing.

    What belongs together meets on few orders, cases and contracts, in any order.
    """
    columns: dict[str, Any] = {
        "topic": draw(st.sampled_from(_TOPICS.get(kind, (None,)))),
        "channel": draw(st.sampled_from(_CHANNELS)),
        "agent_id": draw(st.sampled_from(["ann", "bob", None])),
    }
    if kind in _CAUSED:
        columns["cause"] = draw(st.sampled_from(_CAUSES))
    if kind in _IN_CASES:
        columns["cost"] = _money(draw(_AMOUNTS))
    if kind in ("survey", "resolution", "visit"):
        columns["resolved"] = draw(st.sampled_from([True, True, False, None]))
    if kind == "survey":
        columns["rating"] = draw(st.sampled_from(_RATINGS))
        columns |= draw(st.sampled_from([{}, {}, dict.fromkeys(("rating", "resolved", "cause"))]))
    return columns | draw(_order_or_bill(kind, day))


@st.composite
def _order_or_bill(draw: st.DrawFn, kind: str, day: int) -> dict[str, Any]:
    """The goods, money and days of an event of a kind."""
    columns: dict[str, Any] = {}
    if kind in ("purchase", "return"):
        columns |= draw(_goods(kind))
    if kind in ("invoice", "payment"):
        columns |= {"amount": _money(draw(_AMOUNTS)), "quoted_amount": _money(draw(_QUOTED))}
        columns |= draw(st.sampled_from([{}, {}, {}, {}, {"contract_id": None}]))
        columns |= draw(st.sampled_from([{}, {"amount": Decimal(12), "quoted_amount": Decimal(11)}]))
    if kind in _PROMISED:
        columns["promised_day"] = draw(st.sampled_from([None, day - 3, day, day + 4, day + 40]))
    if kind in ("notice", "cancel"):
        columns["effective_day"] = draw(st.sampled_from([None, day, day + 30, day - 30]))
    return columns


@st.composite
def _goods(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    return {
        "amount": _money(draw(_AMOUNTS), -1 if kind == "return" else 1),
        "quoted_amount": _money(draw(_QUOTED)),
        "quantity": draw(st.sampled_from([1.0, 2.5, None])),
        "item_id": draw(st.sampled_from([None, "tea", "milk", "bread"])),
    }


@st.composite
def _versions(draw: st.DrawFn, first: Event) -> list[Event]:
    """The event as first known and, now and then, as restated: on the same day or later."""
    lag = draw(_LAGS)
    versions = [known_on(first, first["occurred_day"] + lag)]
    if draw(st.integers(0, 5)) == 0:
        known_day = versions[0]["known_day"] + draw(st.sampled_from([0, 1, 30]))
        moved = max(draw(st.integers(-20, 0)), -30)
        newer = known_on(first, known_day, later=600)
        newer |= {"amount": Decimal(77)} | draw(st.sampled_from([{}, {}, *_SAID_OTHERWISE]))
        versions.append(newer | occurrence(first["occurred_day"] + moved))
    return versions


def occurrence(day: int, minute: int = 0) -> dict[str, Any]:
    """The columns that say when an event happened."""
    time = moment(day, minute)
    return {
        "occurred_day": day,
        "occurred_at": time,
        "occurred_minute": int(time.timestamp()) // 60,
    }


def known_on(version: Event, known_day: int, later: int = 0) -> Event:
    """A version of an event that was known on a day, `later` minutes after it could have been."""
    minute = version["occurred_at"].hour * 60 + version["occurred_at"].minute - _NOON + later
    return version | {"known_day": known_day, "known_at": moment(known_day, minute)}


@st.composite
def histories(draw: st.DrawFn, customers: int = 8) -> list[Event]:
    """Events of many customers, told by sources that began on different days."""
    drawn = [event for number in range(customers) for event in draw(customer_events(f"c{number}"))]
    began = draw(st.sampled_from([1000, 1000, 731, 730, 392, 391, 365, 364, 180, 30, 8]))
    if draw(st.integers(0, 3)):
        drawn.extend(source_start(SNAPSHOT - began))
        late = [event for event in drawn if event["occurred_day"] < SNAPSHOT - began]
        drawn = [event for event in drawn if event not in late]
    return GeneratedRows(drawn)


@st.composite
def drawn_people(draw: st.DrawFn, customers: int = 8) -> list[Person]:
    """Attributes of some of the customers: without a day, with one, in two versions."""
    persons: list[Person] = []
    for number in range(customers):
        days: list[int | None] = draw(
            st.sampled_from([[], [None], [-30], [5], [-300, -1], [-300, 0], [None]])
        )
        persons.extend(
            person(
                f"c{number}",
                known=known_day,
                joined=draw(st.sampled_from([None, -500, -60, -1, 0, 3])),
                acquisition_cost=_money(draw(st.sampled_from(["12.5", None]))),
                acquisition_channel=draw(st.sampled_from(["radio", None])),
                region=draw(st.sampled_from(["north", "south"])),
                preferred_channel=draw(st.sampled_from(["phone", None])),
            )
            for known_day in days
        )
    return GeneratedRows(persons)


@st.composite
def other_future_people(draw: st.DrawFn, persons: Sequence[Person], snapshot: int) -> list[Person]:
    """The attributes with those known at or after the snapshot deleted and others planted."""
    known_before = [person for person in persons if person["known_day"] is None or person["known_day"] < snapshot]
    stamped = {person["customer_id"] for person in persons if person["known_day"] is not None}
    unknown = {f"c{number}" for number in range(8)} - {person["customer_id"] for person in persons}
    planted = [
        person(customer_id, known=snapshot - SNAPSHOT + days, joined=-700, region="planted",
               acquisition_channel="planted")
        for customer_id in sorted(stamped | unknown)
        if (days := draw(st.sampled_from([0, 9, None]))) is not None
    ]  # fmt: skip
    return GeneratedRows([*known_before, *planted])


@st.composite
def other_futures(draw: st.DrawFn, history: Sequence[Event], snapshot: int) -> list[Event]:
    """The history with what was known at or after the snapshot deleted, altered and planted."""
    known_before = [event for event in history if event["known_day"] < snapshot]
    later = [event for event in history if event["known_day"] >= snapshot and draw(st.booleans())]
    known_before += [event | {"amount": Decimal(5), "kind": draw(_DRAWN_KINDS)} for event in later]
    n_planted = draw(st.integers(1, 12))
    return GeneratedRows([*known_before, *(draw(_planted(known_before, number, snapshot)) for number in range(n_planted))])


@st.composite
def _planted(draw: st.DrawFn, known_before: Sequence[Event], number: int, snapshot: int) -> Event:
    """A new event known too late, or a late version of one that is known; any day of happening."""
    known_day = snapshot + draw(st.sampled_from([0, 0, 1, 50]))
    again = bool(known_before) and draw(st.booleans())
    old = draw(st.sampled_from(known_before)) if again else None
    new = event(
        day=0,
        event_id=f"planted {number}",
        customer_id=f"c{number % 8}",
        kind=draw(_DRAWN_KINDS),
        order_id=draw(st.sampled_from([None, "A"])),
        contract_id="gas",
        item_id="tea",
        case_id=draw(st.sampled_from([None, "I", "II"])),
        topic=draw(st.sampled_from([None, "complaint", "refused", "person"])),
        channel=draw(st.sampled_from([None, "office"])),
        cause=draw(st.sampled_from([None, "late", "treated_badly"])),
        rating=draw(st.sampled_from([None, 0.0])),
        resolved=draw(st.sampled_from([None, False])),
        promised_day=draw(st.sampled_from([None, snapshot - 20])),
        source=draw(st.sampled_from(["shop", "web", "new"])),
    )
    occurred_day = min(known_day, snapshot + draw(_DAYS | st.just(-900)))
    return (old or new) | {
        **occurrence(occurred_day, draw(st.sampled_from([0, number]))),
        "known_day": known_day,
        "known_at": moment(known_day, 700 + number),
        "amount": Decimal(1_000_000),
    }
