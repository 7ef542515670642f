"""The columns of an event with their types, and the kinds that features read."""

from typing import Final

import pyarrow as pa

from retention.core import artefacts

MONEY: Final = artefacts.MONEY
MONEY_UNITS: Final = 10_000  # integer units in one unit of currency, after MONEY's four decimals

EVENT_COLUMNS: Final[dict[str, pa.DataType]] = {
    column.name: column.type for column in artefacts.EVENTS.columns
}
"""Every column of data/events/ in order. Features count with integers alone: `*_day` and
`occurred_minute`."""

EVENTS: Final = artefacts.EVENTS.schema
REJECTS: Final = artefacts.CUSTOMER_REJECTS.schema

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

FIX, CALL_BACK, HANDOVER, OVERRIDE, ASSESSMENT = (
    "fix",  # all that was owed to the customer is put right
    "call_back",  # a call was agreed for the day effective_at
    "handover",  # the customer was handed to agent_id
    "override",  # staff know better than the list: leave the customer alone
    "assessment",  # whether the first reason on the list, of theme topic, was right: a rating
)
"""Kinds of what staff record beside contacts; no source has them, and features name none."""

HOLDOUT: Final = "holdout"
"""The treatment of an outreach that was left out on purpose, to compare."""
CONTACT: Final = "contact"
"""The arm of a campaign that is to be contacted; the other is HOLDOUT."""

CONTACTED, HELD_OUT, CONTACTED_NOT_RANDOMISED = "contacted", "held_out", "contacted_undrawn"
"""The arms of customers who came up for an outreach."""
