"""The ledger of outcomes: staff's answers to each list, and the events made of them.

One import is one file of ledgers/outcomes/, written once and never changed; a corrected answer is
another record beside the first. It holds customer ids, never names; no stage owns it.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from retention.core import console, events
from retention.core.errors import BadInput
from retention.core.point_in_time import WITHDRAWN
from retention.core.storage import atomic, locks
from retention.ledgers import store

FOLDER: Final = Path("ledgers/outcomes")
SOURCE, CONTACT = "ledger", "outreach"
WRONG_PERSON, SENT = "wrong person", "sent"
CONTACT_RESULTS: Final = ("reached", "not reached", WRONG_PERSON, SENT)
"""The results that mean that staff tried to contact the customer; what was sent arrived."""
KNOWS_BETTER: Final = "knows better"
"""The result by which staff leave a customer alone against the list; the note says why."""
FIXED: Final = "fixed"
RATINGS: Final = {"yes": 1.0, "partly": 0.5, "no": 0.0}
"""Whether the first reason was right, as a number."""
OBJECTION: Final = "asks not to be contacted"
GONE_RESULTS: Final = ("merged", "deceased")
NO_ACTION: Final = "nothing"

_LOCK: Final = ".lock"
_RECORDS: Final = "facts"
_PATIENCE: Final = 30.0  # seconds
_EPOCH: Final = dt.date(1970, 1, 1)
_MINUTE: Final = dt.timedelta(minutes=1)
_ADDED: Final = ("fixed", "call_back_on", "handed_to")


@dataclass(frozen=True)
class StaffAnswer:
    """The answer columns of one customer: choices by their English names, None for no answer."""

    contacted_on: dt.date | None = None  # in the business time zone
    result: str | None = None
    answer: str | None = None
    action_taken: str | None = None
    offer_cost: Decimal | None = None  # account currency
    reason_right: str | None = None
    note: str | None = None
    fixed: str | None = None
    call_back_on: dt.date | None = None
    handed_to: str | None = None


@dataclass(frozen=True)
class OutcomeRecord:
    """The answer about one customer of one list."""

    list_id: str
    customer_id: str
    entered_at: dt.datetime  # UTC
    staff_answer: StaffAnswer
    channel: str | None = None
    owner: str | None = None
    file_sha256: str = ""
    theme: str | None = None  # of the first reason that the list gave
    wrong_contact: str | None = None  # fingerprint of the number or address that is somebody else's

    @property
    def key(self) -> tuple[str, str]:
        """The list and customer: a later record of the same key supersedes this one."""
        return self.list_id, self.customer_id

    @property
    def record_id(self) -> str:
        return atomic.content_hash(_flat(self))[:16]


@dataclass(frozen=True)
class ImportBatch:
    """What was imported from one file."""

    list_id: str
    company: str
    entered_at: dt.datetime
    file_sha256: str
    rows: dict[str, int]  # counts: read, accepted, unchanged, ...
    records: tuple[OutcomeRecord, ...]


# Writing


@contextmanager
def lock(folder: Path, say: locks.Say | None = None) -> Iterator[None]:
    """One writer of the ledgers at a time; another waits, and gets Busy after half a minute.

    What a killed writer left half written is removed, and the takeover of its lock is logged.
    """
    atomic.make_folder(folder)
    say = say or console.logger("ledgers").info
    with locks.hold(folder.parent / _LOCK, "writing the ledgers", say, _PATIENCE):
        atomic.remove_leftovers(folder)
        yield


def write(folder: Path, batch: ImportBatch) -> Path:
    """Add one import, under the lock; its name is its list's id and the hash of its content."""
    return store.write(folder, batch.list_id, _content(batch))


def erase(folder: Path, customer_id: str) -> int:
    """Remove one customer from every import; the number of imports changed."""
    with lock(folder):
        return store.erase(folder, _RECORDS, customer_id)


def _content(batch: ImportBatch) -> dict[str, Any]:
    records = [{"fact_id": record.record_id, **_flat(record)} for record in batch.records]
    return {
        "list_id": batch.list_id,
        "company": batch.company,
        "entered_at": batch.entered_at.isoformat(),
        "file_sha256": batch.file_sha256,
        "rows": batch.rows,
        _RECORDS: sorted(records, key=lambda record: record["customer_id"]),
    }


def _flat(record: OutcomeRecord) -> dict[str, Any]:
    """A record for JSON: times and days in ISO form, money as text."""
    values = {**asdict(record), **asdict(record.staff_answer)}
    del values["staff_answer"]
    return {name: _json_value(value) for name, value in values.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return value.isoformat() if isinstance(value, dt.date) else value


# Reading


def read_batches(folder: Path) -> list[ImportBatch]:
    """Every import, in the order in which they were entered; [] without a ledger.

    Errors: BadInput, a file is not as it was written.
    """
    batches = [_read(path, content) for path, content in store.read_all(folder).items()]
    return sorted(batches, key=lambda batch: (batch.entered_at, batch.list_id))


def read_records(folder: Path, company: str | None = None) -> list[OutcomeRecord]:
    """Every record, of one company if given, the oldest first."""
    return [
        record
        for batch in read_batches(folder)
        if company in (None, batch.company)
        for record in batch.records
    ]


def latest(history: Sequence[OutcomeRecord]) -> list[OutcomeRecord]:
    """The newest record of each customer of each list."""
    return list({record.key: record for record in history}.values())


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
    added = dict.fromkeys(_ADDED)  # what early files do not have
    fields_of_answer = {field.name: (added | flat)[field.name] for field in fields(StaffAnswer)}
    for name in ("contacted_on", "call_back_on"):
        on = fields_of_answer[name]
        fields_of_answer[name] = None if on is None else dt.date.fromisoformat(on)
    cost = fields_of_answer["offer_cost"]
    fields_of_answer["offer_cost"] = None if cost is None else Decimal(cost)
    names = ("list_id", "customer_id", "channel", "owner", "file_sha256")
    entered = dt.datetime.fromisoformat(flat["entered_at"])
    return OutcomeRecord(
        entered_at=entered,
        staff_answer=StaffAnswer(**fields_of_answer),
        theme=flat.get("theme"),
        wrong_contact=flat.get("wrong_contact"),
        **{name: flat[name] for name in names},
    )


# What the records mean


def opted_out(folder: Path) -> set[str]:
    """The customers whose newest answer on some list asks for no contact.

    A record without an answer takes no objection back: who entered it may not have known of it.
    """
    answered = [record for record in read_records(folder) if record.staff_answer.answer]
    return {
        record.customer_id for record in latest(answered) if record.staff_answer.answer == OBJECTION
    }


def deceased_or_merged(folder: Path) -> set[str]:
    """The customers whose newest record says that they died or were merged."""
    return {
        record.customer_id
        for record in latest(read_records(folder))
        if record.staff_answer.result in GONE_RESULTS
    }


def contact_fingerprint(customer_id: str, contact: str) -> str:
    """A number or an address of a customer as a hash: the ledger holds no contact data.

    Spaces, marks and case do not matter.
    """
    plain = "".join(mark for mark in contact.casefold() if mark.isalnum() or mark in "@.")
    return hashlib.sha256(f"{customer_id}\n{plain}".encode()).hexdigest()[:32]


def wrong_contacts(folder: Path) -> dict[str, set[str]]:
    """By customer the fingerprints of numbers and addresses that are somebody else's."""
    wrong: dict[str, set[str]] = {}
    for record in latest(read_records(folder)):
        if record.wrong_contact:
            wrong.setdefault(record.customer_id, set()).add(record.wrong_contact)
    return wrong


def staff_events(folder: Path, zone: ZoneInfo, company: str) -> pa.Table:
    """What staff recorded as events (events.EVENTS), known when entered: at most one of a kind.

    A corrected answer is another version of the same event. One by which it did not happen is a
    version of kind `withdrawn`.
    """
    rows, happened = [], set()
    for record in read_records(folder, company):
        recorded = _recorded(record)
        for kind in _KINDS:
            if kind in recorded or (record.key, kind) in happened:
                happened.add((record.key, kind))
                rows.append(_event(record, kind, recorded.get(kind), zone))
    return pa.Table.from_pylist(rows, schema=events.EVENTS)


_KINDS: Final = (
    CONTACT,
    events.FIX,
    events.CALL_BACK,
    events.HANDOVER,
    events.OVERRIDE,
    events.ASSESSMENT,
)


def _recorded(record: OutcomeRecord) -> dict[str, dict[str, Any]]:
    """The kinds of event that an answer is, each with its own columns."""
    answer = record.staff_answer
    done = answer.action_taken if answer.action_taken not in (None, NO_ACTION) else "call"
    contact = {
        "channel": record.channel,
        "topic": answer.result,
        "cost": answer.offer_cost,
        "treatment": done,
    }
    rating = RATINGS.get(answer.reason_right or "")
    kinds: dict[str, tuple[bool, dict[str, Any]]] = {
        CONTACT: (answer.result in CONTACT_RESULTS, contact),
        events.FIX: (answer.fixed == FIXED, {}),
        events.CALL_BACK: (answer.call_back_on is not None, {"effective_on": answer.call_back_on}),
        events.HANDOVER: (answer.handed_to is not None, {"agent_id": answer.handed_to}),
        events.OVERRIDE: (answer.result == KNOWS_BETTER, {}),
        events.ASSESSMENT: (
            rating is not None and record.theme is not None,
            {"topic": record.theme, "rating": rating},
        ),
    }
    return {kind: columns for kind, (holds, columns) in kinds.items() if holds}


def _event(
    record: OutcomeRecord, kind: str, columns: dict[str, Any] | None, zone: ZoneInfo
) -> dict[str, Any]:
    """One version of an event; columns: None where it did not happen after all."""
    entered_on = record.entered_at.astimezone(zone).date()
    on = record.staff_answer.contacted_on or entered_on
    own = dict(columns or {})
    occurred, effective_on = _midnight(on, zone), own.pop("effective_on", None)
    withdrawn = {"topic": record.staff_answer.result} if columns is None else {}
    return dict.fromkeys(events.EVENT_COLUMNS) | {
        "event_id": f"{SOURCE}:{kind}:{record.list_id}:{_escaped(record.customer_id)}",
        "customer_id": record.customer_id,
        "kind": WITHDRAWN if columns is None else kind,
        "source": SOURCE,
        "occurred_at": occurred,
        "known_at": record.entered_at,
        "occurred_day": (on - _EPOCH).days,
        "known_day": (entered_on - _EPOCH).days,
        "occurred_minute": (occurred - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // _MINUTE,
        "effective_at": effective_on and _midnight(effective_on, zone),
        "effective_day": effective_on and (effective_on - _EPOCH).days,
        **withdrawn,
        **own,
    }


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def _escaped(key: str) -> str:
    """A backslash before each backslash or colon, as in every event id."""
    return key.replace("\\", "\\\\").replace(":", "\\:")
