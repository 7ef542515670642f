"""What extract, ingest and events say of the history."""

from collections.abc import Mapping

from retention.core.documents.base import Contents


class Fingerprint(Contents):
    """What is read under a key of params.yaml."""

    files: Mapping[str, str]  # sha256 by path; empty where nothing is mapped


class RunKind(Contents):
    """What started the stages."""

    experiment: bool  # `dvc exp run`; else `dvc repro`, `retention score` or a stage by hand


class MissedExpectation(Contents):
    """How many accepted rows miss an expectation."""

    rows: int
    share: float  # of the accepted rows
    first: str | None  # file and line of the first


class EventDays(Contents):
    """How many events there are and on which days, in days since 1970-01-01; null without any."""

    rows: int
    first_day: int | None
    last_day: int | None
    first_known_day: int | None
    last_known_day: int | None


class KindSummary(Contents):
    """The events of one kind; days since 1970-01-01."""

    rows: int
    first_day: int
    last_day: int
    last_known_day: int


class KindDays(KindSummary):
    """The same within one source."""

    first_known_day: int


class KeyCollisions(Contents):
    """Rows with one key and different content, of which one alone would count."""

    keys: int
    lost: int  # rows that would not count
    first: str | None  # files and lines of the first two


class MissingPartners(Contents):
    """Rows whose key stands for nothing in a joined file."""

    rows: int
    first: str | None  # file, line, column and masked key of the first


class IngestSummary(Contents):
    """The counts that account for every row of one source."""

    read: int
    accepted: int
    rejected: int
    unmapped: int
    rules: Mapping[str, int]  # rejected rows by rule
    erased: int  # events of erased customers
    expired: int  # events older than privacy.keep_days
    held_back: int  # events known on or after as_of, which no snapshot sees
    collisions: KeyCollisions
    unjoined: Mapping[str, MissingPartners] = {}  # by join
    ignored_columns: tuple[str, ...]
    unended_files: tuple[str, ...]  # with no newline at the end, the last row being whole
    doubtful: Mapping[str, MissedExpectation]  # by the name of the expectation
    events: EventDays
    kinds: Mapping[str, KindDays]


class Lag(Contents):
    """Hours from when an event happened to when it was first known."""

    median: float
    p95: float
    max: float


class SourceSummary(KindSummary):
    """The events of one source."""

    kinds: tuple[str, ...]
    last_known_days: Mapping[str, int]  # by kind
    customers: int
    share_of_customers: float
    lag_hours: Lag


class CustomerCount(Contents):
    """Some customers, and which share that is."""

    customers: int
    share_of_customers: float


class MisplacedEvents(CustomerCount):
    """Events of a source outside the life of a contract."""

    events: int  # all of the source
    rows: int  # those misplaced


class LifecycleViolations(Contents):
    """What is out of order in histories of contracts; no field is set without any contract."""

    before_start: Mapping[str, MisplacedEvents] = {}  # by source
    after_end: Mapping[str, MisplacedEvents] = {}
    without_start: CustomerCount = CustomerCount(customers=0, share_of_customers=0.0)
    cancelled_before_start: int = 0
    cancelled_without_start: int = 0
    cancels_of_no_contract: int = 0
    begun_next_day: int = 0  # after another contract, or an episode of the same one, ended


class IdCollisions(Contents):
    """Customer ids that differ only in how they are written."""

    groups: int
    examples: tuple[tuple[str, ...], ...]  # masked


class EventsSummary(Contents):
    """What stage `events` found in all sources together."""

    rows: int
    event_ids: int
    versions: int  # events in several versions
    versioned: bool
    duplicates_removed: int
    expired: int  # older than privacy.keep_days, where as_of is null
    clashes: int  # events with two contents known at one time
    kinds: Mapping[str, KindSummary]
    sources: Mapping[str, SourceSummary]
    order_of_life: LifecycleViolations
    known_days: Mapping[str, tuple[int, str]]  # by day number: event versions, and their hash
    id_collisions: IdCollisions
