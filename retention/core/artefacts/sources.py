"""What is read from outside: extract, ingest, customers and events."""

from typing import Final

from retention.core.artefacts.artefact import DATA, Artefact
from retention.core.artefacts.document import Document
from retention.core.artefacts.table import Column, Table
from retention.core.artefacts.types import FLAG, LARGE, MONEY, NUMBER, TEXT, TIME, WHOLE
from retention.core.documents import sources as documents

TABLES: Final = DATA / "tables"
"""What was copied from databases, a folder a key of params.yaml; no stage owns it."""

PARAMS: Final = Artefact(DATA / "params/params.yaml", "params.yaml with every default written out")

_CUSTOMER_ID: Final = Column("customer_id", TEXT, "the customer, exactly as the source writes it")

EVENTS: Final = Table(
    DATA / "events/events.parquet",
    "every fact with its two clocks",
    "an event version",
    ("event_id", "known_at"),
    (
        Column("event_id", TEXT, "made from the source's key and the kind"),
        _CUSTOMER_ID,
        Column("kind", TEXT, "what happened: purchase, contact, cancel, ..."),
        Column("occurred_at", TIME, "when it happened"),
        Column("known_at", TIME, "when the company could know it; never before occurred_at"),
        Column("channel", TEXT, "phone, email, store, ...; null if unknown"),
        Column("topic", TEXT, "what a contact is about; null if unknown"),
        Column("cause", TEXT, "why service failed; null if unknown"),
        Column("amount", MONEY, "money of the event; purchases positive, returns negative"),
        Column("quoted_amount", MONEY, "money that was quoted before"),
        Column("cost", MONEY, "what serving the customer cost"),
        Column("quantity", NUMBER, "how many pieces or units"),
        Column("promised_at", TIME, "by when something was promised"),
        Column("effective_at", TIME, "when what was announced takes effect"),
        Column("order_id", TEXT, "the order it belongs to"),
        Column("item_id", TEXT, "the article it is about"),
        Column("case_id", TEXT, "the service case it belongs to"),
        Column("contract_id", TEXT, "the contract it belongs to"),
        Column("rating", NUMBER, "a survey's answer, scaled to 0..1"),
        Column("resolved", FLAG, "whether a case was solved, as the survey or resolution states"),
        Column("agent_id", TEXT, "who served the customer"),
        Column("treatment", TEXT, "of an outreach: which action, or holdout"),
        Column("source", TEXT, "the source in params.yaml"),
        Column("occurred_day", WHOLE, "occurred_at in days since 1970-01-01, business time zone"),
        Column("known_day", WHOLE, "known_at likewise"),
        Column("promised_day", WHOLE, "promised_at likewise"),
        Column("effective_day", WHOLE, "effective_at likewise"),
        Column("occurred_minute", LARGE, "occurred_at in minutes since 1970-01-01, UTC"),
    ),
)
CUSTOMERS: Final = Table(
    DATA / "customers/customers.parquet",
    "attributes of customers, without names and addresses",
    "a customer, or a version of one",
    ("customer_id", "known_day"),
    (
        _CUSTOMER_ID,
        Column("preferred_channel", TEXT, "how the customer wants to be reached"),
        Column("language", TEXT, "the language the customer speaks"),
        Column("region", TEXT, "where the customer lives"),
        Column("owner", TEXT, "who of the staff looks after the customer"),
        Column("joined_day", WHOLE, "when the customer joined, in days since 1970-01-01"),
        Column("acquisition_channel", TEXT, "how the customer was won"),
        Column("acquisition_cost", MONEY, "what winning the customer cost"),
        Column("do_not_contact", FLAG, "whether the customer objects to contact; false if unsaid"),
        Column("known_day", WHOLE, "since when this version is known; null without a known_at"),
    ),
    nullable=("known_day",),
)


def _rejects(path: str, doc: str) -> Table:
    return Table(
        DATA / path,
        doc,
        "a rejected row",
        ("file", "line"),
        (
            Column("file", TEXT, "the file or database table"),
            Column("line", LARGE, "the physical line, from 1"),
            Column("column", TEXT, "the column at fault; null where it is the whole row"),
            Column("rule", TEXT, "the first rule that the row breaks"),
            Column("raw", TEXT, "the value, masked"),
        ),
    )


CUSTOMER_REJECTS: Final = _rejects(
    "customers/rejects.parquet", "the rows of customers that break a rule, masked"
)
EVENTS_SUMMARY: Final = Document(
    DATA / "events/summary.json",
    "rows, first and last days by kind and source",
    documents.EventsSummary,
)


RUN_KIND: Final = Document(
    DATA / "extract/run.json",
    "whether an experiment runs: promote, which depends on it, then runs anew",
    documents.RunKind,
)


def fingerprint(key: str) -> Document[documents.Fingerprint]:
    """What is read under a key of params.yaml."""
    return Document(
        DATA / f"extract/{key}.json",
        "the hashes of all that is read from outside",
        documents.Fingerprint,
    )


def ingested(source: str) -> Table:
    """The events of one source."""
    return Table(
        DATA / f"ingest/{source}/events.parquet",
        "the events of one source",
        "an event that a row states; copies and clashes are settled in stage `events`",
        (),
        EVENTS.columns,
    )


def rejected(source: str) -> Table:
    """The rows of one source that were not accepted."""
    return _rejects(f"ingest/{source}/rejects.parquet", "the raw rows that break a rule, masked")


def ingest_summary(source: str) -> Document[documents.IngestSummary]:
    """The counts that account for every row of one source."""
    return Document(
        DATA / f"ingest/{source}/summary.json",
        "rows read, accepted, rejected and unmapped",
        documents.IngestSummary,
    )
