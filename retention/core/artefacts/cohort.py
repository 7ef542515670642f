"""Tables of cohorts, labels and features by snapshot."""

from typing import Final

from retention.core.artefacts.artefact import DATA
from retention.core.artefacts.document import Document
from retention.core.artefacts.table import Column, Table
from retention.core.artefacts.types import DATE, FLAG, LARGE, NUMBER, TEXT, WHOLE
from retention.core.documents import cohort as documents

KEYS: Final = ("customer_id", "snapshot_on")
KEY_COLUMNS: Final = (
    Column("customer_id", TEXT, "the customer"),
    Column("snapshot_on", DATE, "the snapshot: the start of this day in the business time zone"),
)

SNAPSHOTS: Final = Table(
    DATA / "snapshots/snapshots.parquet",
    "the cohort of each snapshot; the last snapshot is the one that is scored",
    "a customer of the cohort at a snapshot",
    KEYS,
    KEY_COLUMNS,
)
SNAPSHOTS_SUMMARY: Final = Document(
    DATA / "snapshots/summary.json",
    "the calendar, and the size of each cohort",
    documents.SnapshotsSummary,
)
LABELS: Final = Table(
    DATA / "labels/labels.parquet",
    "the label of each customer whose label window has closed",
    "a customer at a mature snapshot",
    KEYS,
    (
        *KEY_COLUMNS,
        Column("churned", FLAG, "whether the customer churned in the label window"),
        Column("value", NUMBER, "margin less cost over the value window, discounted, in money"),
        Column(
            "arm",
            TEXT,
            "contacted or held_out as randomised, by the campaign that was on or by the first "
            "outreach before the churn window closed; contacted_undrawn (not randomised); null "
            "without one",
        ),
        Column(
            "campaign_arm",
            TEXT,
            "arm of a campaign that had begun before the snapshot and was on: contact or holdout; "
            "null without one",
        ),
        Column("outreach_after", WHOLE, "days from the snapshot to the outreach of `arm`, or null"),
        Column(
            "decided_after",
            WHOLE,
            "days from the snapshot until `churned` was certain: to the end of the contract, to "
            "the first purchase, or to the end of the window",
        ),
    ),
)
EARLIER_LABELS: Final = Table(
    DATA / "labels/earlier.parquet",
    "the labels that facts known only later have changed, as they stood on later snapshots",
    "a customer at a mature snapshot, on a later snapshot",
    (*KEYS, "known_before"),
    (
        *KEY_COLUMNS,
        Column("known_before", DATE, "the later snapshot, whose past alone this label is made of"),
        Column("churned", FLAG, "as in labels.parquet; null where there was no label then"),
        Column("value", NUMBER, "as in labels.parquet"),
        Column("arm", TEXT, "as in labels.parquet"),
    ),
)
DURATIONS: Final = Table(
    DATA / "labels/durations.parquet",
    "after how many days each customer left, as far as it is known",
    "a customer at a mature snapshot",
    KEYS,
    (
        *KEY_COLUMNS,
        Column(
            "left_after",
            WHOLE,
            "days from the opening of the churn window until they had left; null: not yet",
        ),
        Column("followed", WHOLE, "days from that opening of which everything is known"),
    ),
)
LATER_VALUES: Final = Table(
    DATA / "labels/later_values.parquet",
    "what each customer brought in the value windows after that of the label, where it is not 0",
    "a customer at a mature snapshot, and a window",
    (*KEYS, "window"),
    (
        *KEY_COLUMNS,
        Column("window", WHOLE, "2 follows upon the label's; only windows that have closed"),
        Column("value", NUMBER, "as in labels.parquet, discounted to the opening of the first"),
    ),
)
LABELS_SUMMARY: Final = Document(
    DATA / "labels/summary.json",
    "how many churned, and who was left out and why",
    documents.LabelsSummary,
)
FEATURES: Final = Table(
    DATA / "features/features.parquet",
    "what was known of each customer at each snapshot",
    "a customer of the cohort at a snapshot",
    KEYS,
    KEY_COLUMNS,
    open_ended="one column a feature, described in [docs/features.md](../docs/features.md)",
)
FEATURES_SUMMARY: Final = Document(
    DATA / "features/summary.json",
    "features that are constant in this history",
    documents.FeaturesSummary,
)
HISTORIES: Final = Table(
    DATA / "features/histories.parquet",
    "how many customers have which history, of all who were ever seen, at each snapshot",
    "a history at a snapshot",
    ("snapshot_on", "repeats", "last", "age", "ended"),
    (
        KEY_COLUMNS[1],
        Column("repeats", LARGE, "purchase days after the first; null for the rule cancel"),
        Column("last", LARGE, "days from the first purchase to the last; null likewise"),
        Column("age", LARGE, "days since the first purchase; or that the contract has run, or ran"),
        Column("ended", FLAG, "whether the contract ended; null for the rule silence"),
        Column("customers", LARGE, "how many customers, or contracts, have this history"),
    ),
    nullable=("repeats", "last", "ended"),
)
