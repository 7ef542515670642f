"""What is known of the current cohort beside its scores: state, issues, reasons and guards."""

from typing import Final

import pyarrow as pa

from retention.core.artefacts.artefact import DATA, Artefact
from retention.core.artefacts.cohort import KEY_COLUMNS
from retention.core.artefacts.document import Document
from retention.core.artefacts.table import Column, Table
from retention.core.artefacts.types import DATE, FLAG, NUMBER, TEXT, WHOLE
from retention.core.documents import scoring as documents

_CUSTOMER_ID: Final = KEY_COLUMNS[0]

CUSTOMER_STATE: Final = Table(
    DATA / "interactions/customer_state.parquet",
    "each customer's state: what is open, what was put right, what was said last",
    "a customer of the cohort at as_of",
    ("customer_id",),
    (
        _CUSTOMER_ID,
        Column("as_of", DATE, "the day it is true of"),
        Column("tenure_days", NUMBER, "days since joining, or since the first event"),
        Column("notice_on", DATE, "when notice was given; null without one"),
        Column("ends_on", DATE, "when the contract ends by that notice; null without one"),
        Column("open_cases", NUMBER, "service cases without a resolution"),
        Column("oldest_open_days", NUMBER, "age of the oldest of them in days; null without one"),
        Column("unsolved_cases", NUMBER, "cases closed without being solved, not made good since"),
        Column("unsolved_days", NUMBER, "days since the newest of them closed; null without one"),
        Column(
            "faulty_order_days",
            NUMBER,
            "days since an order was found faulty that was neither exchanged nor refunded; or null",
        ),
        Column(
            "case_due_days",
            NUMBER,
            "days since the first open or unsolved case was due by service level; below 0: ahead",
        ),
        Column("billing_error_days", NUMBER, "days since an uncorrected overcharge; null if none"),
        Column("broken_promise_days", NUMBER, "days since a promise was missed; null if none"),
        Column("fixed_days", NUMBER, "days since a failure was put right; null if none in a year"),
        Column("last_outreach_days", NUMBER, "days since the last outreach; null if none"),
        Column("last_outreach", TEXT, "its treatment; null if none"),
        Column(
            "call_back_days",
            NUMBER,
            "days since the day on which they were to be called back; below 0: ahead; null if none",
        ),
        Column("override_days", NUMBER, "days since staff knew better than the list; null if none"),
        Column("handed_to", TEXT, "the owner they were handed to; null if none"),
        Column("contacts_365d", NUMBER, "contacts in 365 days"),
        Column("serving_cost_365d", NUMBER, "cost of serving in 365 days, in money"),
        Column("revenue_365d", NUMBER, "margin of the value kinds in 365 days, in money"),
        Column("last_dealing_days", NUMBER, "days since the customer last dealt with the company"),
        Column("failures_90d", NUMBER, "service failures in 90 days"),
        Column("causes", pa.list_(TEXT), "their causes in half a year; null if none"),
        Column("unsettled", pa.list_(TEXT), "causes or kinds of what is left to be put right"),
        Column("last_said_on", DATE, "when the customer was last heard; null if never"),
        Column("last_said", TEXT, "what they said, in a sentence; null if never heard"),
        Column("usual_channel", TEXT, "the channel they mostly use; null if unknown"),
    ),
)
RECENT_ISSUES: Final = Table(
    DATA / "interactions/recent_issues.parquet",
    "what went wrong lately, in a sentence with numbers and dates",
    "a customer and a theme",
    ("customer_id", "theme"),
    (
        _CUSTOMER_ID,
        Column("theme", TEXT, "the theme of features it belongs to"),
        Column("kind", TEXT, "what happened, as a code"),
        Column("cause", TEXT, "why service failed; null where it is no failure of service"),
        Column("day", DATE, "when it happened last"),
        Column("case_id", TEXT, "the case of the newest; null without one"),
        Column("order_id", TEXT, "the order or bill of the newest; null without one"),
        Column("settled", FLAG, "whether nothing of it is left to be put right; null: unknown"),
        Column("turn", TEXT, "whose turn it is, ours or theirs; null where nobody's"),
        Column("fault", TEXT, "whose fault it was, ours or theirs; null where nobody's"),
        Column("dates", pa.list_(DATE), "the days that the text names"),
        Column("text", TEXT, "the sentence, in the list's language"),
    ),
)
TIMELINE: Final = Table(
    DATA / "interactions/timeline.parquet",
    "the latest interactions, newest first, as staff would word them",
    "a customer and a place",
    ("customer_id", "place"),
    (
        _CUSTOMER_ID,
        Column("place", WHOLE, "1 is the newest"),
        Column("day", DATE, "when it happened"),
        Column("kind", TEXT, "the kind of event"),
        Column("text", TEXT, "the sentence, in the list's language"),
        Column("tone", TEXT, "good, bad or plain"),
    ),
)
REASONS: Final = Table(
    DATA / "score/reasons.parquet",
    "why, a family of themes each, for those with most to lose or with an open issue",
    "a customer and a rank",
    ("customer_id", "rank"),
    (
        _CUSTOMER_ID,
        Column("rank", pa.int8(), "1 is the strongest reason"),
        Column("theme", TEXT, "the theme of the feature"),
        Column("feature", TEXT, "the feature that raises the risk"),
        Column("text", TEXT, "the reason, in the list's language; null if an issue must tell it"),
        Column("dates", pa.list_(DATE), "the days that the text names"),
        Column("raises", NUMBER, "what it adds to the log-odds of churn"),
        Column("actionable", FLAG, "whether staff can do something about the theme"),
    ),
)
PURCHASE_RHYTHM: Final = Table(
    DATA / "score/purchase_rhythm.parquet",
    "days of silence against the usual gap",
    "a customer of the cohort at as_of",
    ("customer_id",),
    (
        _CUSTOMER_ID,
        Column("last_purchase_on", DATE, "the last purchase; null if none"),
        Column("days_since_purchase", NUMBER, "days from it to as_of; null if none"),
        Column("usual_gap_days", NUMBER, "median days between orders; null with too few"),
    ),
)
SCORE_SUMMARY: Final = Document(
    DATA / "score/summary.json",
    "where the numbers on the list come from",
    documents.ScoreSummary,
)
FORECAST: Final = Document(
    DATA / "forecast/forecast.json",
    "customers and money expected to be lost, by horizon and group, with 80 % intervals",
    documents.Forecast,
)
FORECAST_PAGE: Final = Artefact(DATA / "forecast/forecast.html", "the same figures, to read")
GUARD_PAGE: Final = Artefact(
    DATA / "guard/guard.html", "whether a list may be published from this run, to read"
)
GUARD_METRICS: Final = Document(
    DATA / "guard/metrics.json",
    "what the guards measured, flat",
    documents.GuardMetrics,
)
GUARD_SUMMARY: Final = Document(
    DATA / "guard/summary.json",
    "every guard's verdict, the banners, what is recorded",
    documents.GuardSummary,
)
