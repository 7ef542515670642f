"""The at-risk list, and what is kept beside it."""

from typing import Final

from retention.core.artefacts.artefact import DATA, Artefact
from retention.core.artefacts.cohort import KEY_COLUMNS
from retention.core.artefacts.document import Document
from retention.core.artefacts.table import Column, CsvTable, Table
from retention.core.artefacts.types import DATE, FLAG, NUMBER, TEXT, WHOLE
from retention.core.documents import reports as documents

_CUSTOMER_ID: Final = KEY_COLUMNS[0]
REASON_COLUMNS: Final = tuple(f"reason_{rank}" for rank in range(1, 4))

AT_RISK: Final = CsvTable(
    DATA / "at_risk/at_risk.csv",
    "the list",
    "a listed customer",
    ("customer_id",),
    (
        Column("list_id", TEXT, "the list: its day and a hash of its content"),
        Column("rank", WHOLE, "the order of work, from 1"),
        Column("planned", TEXT, "when the owner gets to it: today, this_week or later, as a code"),
        Column("due_on", DATE, "by when, or in lanes call_back and cooling_off on which day"),
        Column("cost_of_delay", NUMBER, "expected to be lost by waiting for a week, in money"),
        Column("lane", TEXT, "what to do, as a code"),
        Column("why", TEXT, "why this lane, as a code"),
        Column("change", TEXT, "since the last list: new, worse, better or same"),
        _CUSTOMER_ID,
        Column("name", TEXT, "their name"),
        Column("language", TEXT, "the language they speak"),
        Column("owner", TEXT, "who of the staff contacts them"),
        Column("covered_for", TEXT, "whom that person covers for"),
        Column("preferred_channel", TEXT, "how they want to be reached"),
        Column("channel", TEXT, "how to contact them"),
        Column("phone", TEXT, "their phone number"),
        Column("email", TEXT, "their e-mail address"),
        Column("risk", TEXT, "low, raised, high or very_high"),
        Column("churn_probability", NUMBER, "chance of churn, 0..1"),
        Column(
            "value_at_stake", NUMBER, "expected loss, in money; null where the history has none"
        ),
        Column(
            "net_gain", NUMBER, "expected gain of the action less its cost; null if not weighed"
        ),
        Column("expected_value", NUMBER, "expected value, in money; null likewise"),
        Column("value_low", NUMBER, "lower end of its 80 % interval, or null"),
        Column("value_high", NUMBER, "upper end of it, or null"),
        Column("last_purchase_on", DATE, "their last purchase"),
        Column("days_since_purchase", NUMBER, "days since then"),
        Column("days_since_dealing", NUMBER, "days since they last dealt with the company"),
        Column("usual_gap_days", NUMBER, "median days between their orders"),
        Column("silent_since", TEXT, "for how long they are silent, in words"),
        *(
            Column(name, TEXT, f"reason {rank} for the risk, in words")
            for rank, name in enumerate(REASON_COLUMNS, 1)
        ),
        Column("themes", TEXT, "the themes of the reasons, as codes"),
        Column("last_said_on", DATE, "when they were last heard"),
        Column("last_said", TEXT, "what they said"),
        Column("action", TEXT, "what to do first, in words"),
        Column("action_name", TEXT, "the play in params.yaml"),
        Column("budget", NUMBER, "the most that may be offered, in money"),
        Column("approval", FLAG, "whether that needs approval"),
        Column("wording", TEXT, "what to say"),
        Column("avoid", TEXT, "what not to do"),
        Column("otherwise", TEXT, "what to do if the first is declined"),
    ),
)
DROPPED: Final = CsvTable(
    DATA / "at_risk/dropped.csv",
    "who was on the last list and is not on this one, and why",
    "a customer of the last list",
    ("customer_id",),
    (
        _CUSTOMER_ID,
        Column("name", TEXT, "their name"),
        Column("owner", TEXT, "who of the staff looks after them"),
        Column("lane", TEXT, "their lane now; empty where they left the cohort"),
        Column("why", TEXT, "why this lane, or left, or unwatched: no longer active"),
    ),
)
LANES: Final = Table(
    DATA / "at_risk/lanes.parquet",
    "what is done about each customer of the cohort, and why",
    "a customer of the cohort at as_of",
    ("customer_id",),
    (
        _CUSTOMER_ID,
        Column("lane", TEXT, "what to do, as a code"),
        Column("why", TEXT, "why this lane, as a code"),
        Column("churn_probability", NUMBER, "chance of churn, 0..1"),
        Column("expected_loss", NUMBER, "what leaving costs in expectation, in money"),
        Column("net_gain", NUMBER, "expected gain of the best action; null if none was weighed"),
        Column(
            "passed",
            FLAG,
            "in reach and not held out, but not selected as fewer were held out than expected",
        ),
    ),
)
HELD_OUT: Final = Table(
    DATA / "at_risk/held_out.parquet",
    "customers held out at random, to measure the effect of contacts",
    "a customer held out",
    ("customer_id",),
    (
        _CUSTOMER_ID,
        Column("campaign", TEXT, "the campaign of the list"),
        Column("propensity", NUMBER, "the chance of being contacted, 0..1"),
        Column("as_of", DATE, "the list's day"),
        Column("play", TEXT, "what they would have been given"),
    ),
)
LIST_PAGE: Final = Artefact(DATA / "at_risk/at_risk.html", "the list, to read")
LIST_WORKBOOK: Final = Artefact(DATA / "at_risk/at_risk.xlsx", "the list, to work with and return")
LIST_SUMMARY: Final = Document(
    DATA / "at_risk/summary.json",
    "all of the list but its rows, and the files to publish",
    documents.ListSummary,
)
