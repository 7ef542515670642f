"""What scorecard, outcomes and the list say, for tools."""

import datetime as dt
from collections.abc import Mapping

from pydantic import Field

from retention.core.documents.base import Contents, Entries, KeptContents, Number


class ScorecardMetrics(Contents):
    """The measures of the period."""

    measures: Mapping[str, Number | None]
    lost: int
    excess_lost: Mapping[str, Number | None]  # by cause


class OutcomesMetrics(Entries[Number | None]):
    """The figures of the outcomes report, flat; null where nothing can be said yet."""


class ListCounts(Contents):
    """How many customers a list is about."""

    watched: int
    listed: int


class ListLimit(Contents):
    """A limit that kept money back."""

    kind: str
    name: str
    limit: Number
    more: Number  # how much a step more is
    worth: Number  # what it would bring


class ListGain(Contents):
    """What the contacts of a list are expected to gain."""

    value: Number | None  # net, in money; null where no customer brings any
    low: Number | None  # its 95 % interval, by what is not known of the save rates
    high: Number | None
    cost: Number  # of contacts and accepted offers, counted in
    contacts: int
    saved: Number  # customers whom the contacts are expected to keep
    basis: str  # belief, measured, or mixed
    randomised: int  # customers by whom the save rates were measured


class PreviousList(Contents):
    """The list before."""

    list_id: str
    as_of: dt.date
    stability: Number | None  # Jaccard of whom to contact; null: nobody


class ListDescription(Contents):
    """All of a list but its rows and files."""

    as_of: dt.date
    company: str
    counts: ListCounts
    currency: str
    definition: str
    evidence: tuple[str, ...]
    expected: ListGain | None = None
    gain: Number
    greedy_loss: Number
    language: str
    lanes: Mapping[str, Mapping[str, int]]  # customers by lane and why
    leaving: str
    limits: tuple[ListLimit, ...]
    list_id: str
    model: str
    notes: tuple[str, ...]
    previous: PreviousList | None
    value_at_stake: Number
    value_days: int


class ListSummary(ListDescription):
    """The list as stage `at_risk` leaves it."""

    columns: tuple[str, ...]
    files: Mapping[str, int]  # rows by file, of what is published
    erased: int = 0  # how often a customer was erased from it


class ListFile(KeptContents):
    """A published file."""

    bytes: int
    rows: int
    sha256: str


class ListManifest(KeptContents):
    """A published list, of this version or an earlier one: its description and its files."""

    as_of: dt.date
    company: str
    columns: tuple[str, ...] = Field(default=(), alias="schema")
    counts: Mapping[str, int] = {}
    currency: str = ""
    definition: str = ""
    evidence: tuple[str, ...] = ()
    files: Mapping[str, ListFile]
    expected: ListGain | None = None
    gain: Number = 0
    greedy_loss: Number = 0
    language: str = "en"
    lanes: Mapping[str, Mapping[str, int]] = {}
    leaving: str = ""
    limits: tuple[ListLimit, ...] = ()
    list_id: str = ""
    model: str = ""
    notes: tuple[str, ...] = ()
    previous: PreviousList | None = None
    rows: int = 0
    value_at_stake: Number = 0
    value_days: int | None = None
    erased: int = 0  # how often a customer was erased from it
    supersedes: str = ""  # the folder that it replaces after an erasure


class ListPointer(Contents):
    """lists/current.json: the list that is in force."""

    as_of: dt.date
    company: str
    folder: str
    manifest_sha256: str
