"""The ledger of outcomes: what staff said of each list, kept for ever, and the events it makes.

One import is one file of ledgers/outcomes/, written once and never changed; a corrected answer is
another fact beside the first. It holds customer ids, never names, and no stage owns it.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from retention.core import console
from retention.core import events as schema
from retention.core.errors import BadInput
from retention.core.point_in_time import WITHDRAWN
from retention.core.storage import atomic, locks
from retention.ledgers import store

FOLDER: Final = Path("ledgers/outcomes")
SOURCE, CONTACT = "ledger", "outreach"
CONTACT_RESULTS: Final = ("reached", "not reached", "wrong person")
"""The results that say somebody tried to contact the customer."""
OBJECTION: Final = "asks not to be contacted"
GONE_RESULTS: Final = ("merged", "deceased")
NO_ACTION: Final = "nothing"

_LOCK: Final = ".lock"
_RECORDS: Final = "facts"
_PATIENCE: Final = 30.0  # seconds
_EPOCH: Final = dt.date(1970, 1, 1)
_MINUTE: Final = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class StaffAnswer:
    """What staff said of a customer; choices as the list's English names them, None is no word.

    contacted_on: when it happened, a day in the business zone. offer_cost: account currency.
    """

    contacted_on: dt.date | None = None
    result: str | None = None
    answer: str | None = None
    action_taken: str | None = None
    offer_cost: Decimal | None = None
    reason_right: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class OutcomeRecord:
    """One answer about one customer of one list, and when it was entered (UTC)."""

    list_id: str
    customer_id: str
    entered_at: dt.datetime
    staff_answer: StaffAnswer
    channel: str | None = None
    owner: str | None = None
    file_sha256: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Whom it is about: a later fact of the same key takes its place."""
        return self.list_id, self.customer_id

    @property
    def record_id(self) -> str:
        return atomic.content_hash(_flat(self))[:16]


@dataclass(frozen=True)
class ImportBatch:
    """All that one file brought. `rows` counts its rows: read, accepted, unchanged, ..."""

    list_id: str
    company: str
    entered_at: dt.datetime
    file_sha256: str
    rows: dict[str, int]
    records: tuple[OutcomeRecord, ...]


# Writing


@contextmanager
def lock(folder: Path, say: locks.Say | None = None) -> Iterator[None]:
    """One writer of the ledgers at a time; another waits. Busy when it has waited half a minute.

    What a killed one left half written goes, and that it was killed is said.
    """
    atomic.make_folder(folder)
    say = say or console.logger("ledgers").info
    with locks.hold(folder.parent / _LOCK, "writing the ledgers", say, _PATIENCE):
        atomic.remove_leftovers(folder)
        yield


def write(folder: Path, batch: ImportBatch) -> Path:
    """Add one import, under the lock. Its name is its list's id and the hash of its content."""
    return store.write(folder, batch.list_id, _content(batch))


def erase(folder: Path, customer_id: str) -> int:
    """Take one customer out of every import; how many imports held them."""
    with lock(folder):
        return store.erase(folder, _RECORDS, customer_id)


def _content(batch: ImportBatch) -> dict[str, Any]:
    facts = [{"fact_id": fact.record_id, **_flat(fact)} for fact in batch.records]
    return {
        "list_id": batch.list_id,
        "company": batch.company,
        "entered_at": batch.entered_at.isoformat(),
        "file_sha256": batch.file_sha256,
        "rows": batch.rows,
        _RECORDS: sorted(facts, key=lambda fact: fact["customer_id"]),
    }


def _flat(fact: OutcomeRecord) -> dict[str, Any]:
    """A fact as JSON holds it: times and days as ISO writes them, money as text."""
    values = {**asdict(fact), **asdict(fact.staff_answer)}
    del values["staff_answer"]
    return {name: _json_value(value) for name, value in values.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return value.isoformat() if isinstance(value, dt.date) else value


# Reading


def read_batches(folder: Path) -> list[ImportBatch]:
    """Every import, in the order in which they were entered; [] without a ledger.

    BadInput when a file is not as it was written.
    """
    batches = [_read(path, content) for path, content in store.read_all(folder).items()]
    return sorted(batches, key=lambda batch: (batch.entered_at, batch.list_id))


def read_records(folder: Path, company: str | None = None) -> list[OutcomeRecord]:
    """Every fact ever entered, of one company if given, the oldest first."""
    return [
        fact
        for batch in read_batches(folder)
        if company in (None, batch.company)
        for fact in batch.records
    ]


def latest(history: Sequence[OutcomeRecord]) -> list[OutcomeRecord]:
    """The newest fact about each customer of each list."""
    return list({fact.key: fact for fact in history}.values())


def _read(path: Path, content: dict[str, Any]) -> ImportBatch:
    try:
        return ImportBatch(
            entered_at=dt.datetime.fromisoformat(content["entered_at"]),
            records=tuple(map(_record, content[_RECORDS])),
            **{name: content[name] for name in ("list_id", "company", "file_sha256", "rows")},
        )
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise BadInput(f"{path}: no import of outcomes; restore it from a backup") from None


def _record(flat: dict[str, Any]) -> OutcomeRecord:
    fields_of_answer = {field.name: flat[field.name] for field in fields(StaffAnswer)}
    on, cost = fields_of_answer["contacted_on"], fields_of_answer["offer_cost"]
    fields_of_answer["contacted_on"] = None if on is None else dt.date.fromisoformat(on)
    fields_of_answer["offer_cost"] = None if cost is None else Decimal(cost)
    names = ("list_id", "customer_id", "channel", "owner", "file_sha256")
    entered = dt.datetime.fromisoformat(flat["entered_at"])
    return OutcomeRecord(
        entered_at=entered,
        staff_answer=StaffAnswer(**fields_of_answer),
        **{name: flat[name] for name in names},
    )


# What follows


def opted_out(folder: Path) -> set[str]:
    """The customers who, as last entered, asked not to be contacted."""
    return {
        fact.customer_id
        for fact in latest(read_records(folder))
        if fact.staff_answer.answer == OBJECTION
    }


def deceased_or_merged(folder: Path) -> set[str]:
    """The customers who, as last entered, have died or are another customer."""
    return {
        fact.customer_id
        for fact in latest(read_records(folder))
        if fact.staff_answer.result in GONE_RESULTS
    }


def events(folder: Path, zone: ZoneInfo, company: str) -> pa.Table:
    """The contacts as events (schema.EVENTS): when they happened, and known when entered.

    A corrected answer is another version of the same event. One that says there was no contact
    after all is a version of kind `withdrawn`.
    """
    rows, contacted = [], set()
    for fact in read_records(folder, company):
        if fact.staff_answer.result in CONTACT_RESULTS or fact.key in contacted:
            contacted.add(fact.key)
            rows.append(_event(fact, zone))
    return pa.Table.from_pylist(rows, schema=schema.EVENTS)


def _event(fact: OutcomeRecord, zone: ZoneInfo) -> dict[str, Any]:
    answer, contact = fact.staff_answer, fact.staff_answer.result in CONTACT_RESULTS
    entered_on = fact.entered_at.astimezone(zone).date()
    on = answer.contacted_on or entered_on
    occurred = dt.datetime.combine(on, dt.time(), zone).astimezone(dt.UTC)
    done = answer.action_taken if answer.action_taken not in (None, NO_ACTION) else "call"
    return dict.fromkeys(schema.EVENT_COLUMNS) | {
        "event_id": f"{SOURCE}:{CONTACT}:{fact.list_id}:{_escaped(fact.customer_id)}",
        "customer_id": fact.customer_id,
        "kind": CONTACT if contact else WITHDRAWN,
        "source": SOURCE,
        "occurred_at": occurred,
        "known_at": fact.entered_at,
        "channel": fact.channel,
        "topic": answer.result,
        "cost": answer.offer_cost,
        "treatment": done if contact else None,
        "occurred_day": (on - _EPOCH).days,
        "known_day": (entered_on - _EPOCH).days,
        "occurred_minute": (occurred - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // _MINUTE,
    }


def _escaped(key: str) -> str:
    """As in every event id: a backslash before a backslash or colon of a key."""
    return key.replace("\\", "\\\\").replace(":", "\\:")
