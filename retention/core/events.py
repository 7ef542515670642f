"""What an event is: its columns, their types, and the kinds that features know."""

from typing import Final

import pyarrow as pa

MONEY: Final = pa.decimal128(18, 4)
MONEY_UNITS: Final = 10_000  # integer units in one unit of currency, after MONEY's four decimals

_TEXT, _TIME, _DAY = pa.string(), pa.timestamp("us", tz="UTC"), pa.int32()

EVENT_COLUMNS: Final[dict[str, pa.DataType]] = {
    "event_id": _TEXT,
    "customer_id": _TEXT,
    "kind": _TEXT,
    "occurred_at": _TIME,
    "known_at": _TIME,
    "channel": _TEXT,
    "topic": _TEXT,
    "cause": _TEXT,
    "amount": MONEY,
    "quoted_amount": MONEY,
    "cost": MONEY,
    "quantity": pa.float64(),
    "promised_at": _TIME,
    "effective_at": _TIME,
    "order_id": _TEXT,
    "item_id": _TEXT,
    "case_id": _TEXT,
    "contract_id": _TEXT,
    "rating": pa.float64(),
    "resolved": pa.bool_(),
    "agent_id": _TEXT,
    "treatment": _TEXT,
    "source": _TEXT,
    "occurred_day": _DAY,
    "known_day": _DAY,
    "promised_day": _DAY,
    "effective_day": _DAY,
    "occurred_minute": pa.int64(),
}
"""Every column of data/events/ in order. `*_day` are days since 1970-01-01 in the business zone,
`occurred_minute` minutes since then in UTC: features count with integers alone."""

EVENTS: Final = pa.schema(list(EVENT_COLUMNS.items()))

REJECTS: Final = pa.schema(
    [("file", _TEXT), ("line", pa.int64()), ("column", _TEXT), ("rule", _TEXT), ("raw", _TEXT)]
)
"""One row a rejected raw row: its physical line, the first rule it broke, its masked value."""

MADE_BY_INGEST: Final = frozenset(
    {name for name in EVENT_COLUMNS if name.endswith(("_day", "_minute"))} | {"event_id", "source"}
)
MAPPABLE: Final = tuple(name for name in EVENT_COLUMNS if name not in MADE_BY_INGEST)

KINDS: Final = tuple(
    "purchase return delivery payment invoice contact response resolution survey visit referral "  # noqa: SIM905
    "start cancel notice campaign redemption outreach".split()
)

CUSTOMER_COLUMNS: Final = tuple(
    "customer_id name email phone preferred_channel language region owner joined_at "  # noqa: SIM905
    "acquisition_channel acquisition_cost do_not_contact known_at".split()
)
CONTACT_DATA: Final = ("name", "email", "phone")
"""Joined when a list is written; never in a feature, log, cache or tracked artefact."""

HOLDOUT: Final = "holdout"
"""The treatment of an outreach that was left out on purpose, to compare."""

CONTACTED, HELD_OUT, UNDRAWN = "contacted", "held_out", "contacted_undrawn"
"""The arms of customers who came up for an outreach."""
