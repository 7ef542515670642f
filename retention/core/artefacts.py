"""What lies where: every file that a stage leaves for another, its grain and its key.

data/README.md is made from this list.
"""

from dataclasses import dataclass
from pathlib import Path

DATA = Path("data")
TABLES = DATA / "tables"
"""What was copied from databases, a folder a key of params.yaml; no stage owns it."""


@dataclass(frozen=True)
class Artefact:
    """A file under data/, one row a `grain`, unique by `key`; `what` it is for."""

    path: Path
    doc: str
    grain: str = ""
    key: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        """The stage that writes it."""
        return self.path.parts[1]

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)


def _table(path: str, what: str, grain: str, *key: str) -> Artefact:
    return Artefact(DATA / path, what, grain, key)


def _file(path: str, what: str) -> Artefact:
    return Artefact(DATA / path, what)


PARAMS = _file("params/params.yaml", "params.yaml with every default written out")
CUSTOMERS = _table(
    "customers/customers.parquet",
    "what is known of customers, without names and addresses",
    "a customer, or a version of one",
    "customer_id",
    "known_day",
)
CUSTOMER_REJECTS = _table(
    "customers/rejects.parquet",
    "the rows of customers that broke a rule, masked",
    "a rejected row",
    "file",
    "line",
)
EVENTS = _table(
    "events/events.parquet",
    "every fact with its two clocks",
    "an event version",
    "event_id",
    "known_at",
)
EVENTS_SUMMARY = _file("events/summary.json", "rows, first and last days by kind and source")
SNAPSHOTS = _table(
    "snapshots/snapshots.parquet",
    "whom we watch on which day; the last day is the one that is scored",
    "a customer watched at a snapshot",
    "customer_id",
    "snapshot_on",
)
SNAPSHOTS_SUMMARY = _file("snapshots/summary.json", "the calendar, and how many are watched")
LABELS = _table(
    "labels/labels.parquet",
    "what became of them, where the time for it has passed",
    "a customer at a mature snapshot",
    "customer_id",
    "snapshot_on",
)
LABELS_SUMMARY = _file("labels/summary.json", "how many churned, and who was left out and why")
SCORECARD_PAGE = _file("scorecard/scorecard.html", "how service goes, and what it costs, to read")
SCORECARD_TABLE = _table(
    "scorecard/scorecard.csv",
    "the same figures",
    "a figure",
    "section",
    "measure",
    "by",
    "group",
    "period_from",
    "period_to",
)
SCORECARD_METRICS = _file("scorecard/metrics.json", "the measures of the period, losses by cause")
FEATURES = _table(
    "features/features.parquet",
    "what was known of them then; docs/features.md tells each column",
    "a customer watched at a snapshot",
    "customer_id",
    "snapshot_on",
)
FEATURES_SUMMARY = _file("features/summary.json", "features that say nothing in this history")
CANDIDATE = _file("train/candidate", "the models refitted on all that matured, as JSON")
SELECTION = _file("train/selection.json", "folds, parameters, losses, the choice and why")
CROSS_PREDICTIONS = _table(
    "train/cross_predictions.parquet",
    "what models of other customers foretell of those drawn for outreach",
    "a customer at a snapshot",
    "customer_id",
    "snapshot_on",
)
TEST_PREDICTIONS = _table(
    "train/test_predictions.parquet",
    "what every model says of the snapshot that only measures",
    "a model and a customer",
    "model",
    "customer_id",
    "snapshot_on",
)
TEST_SCORES = _table(
    "train/scores.parquet",
    "what the recipe says of it",
    "a customer at the snapshot that only measures",
    "customer_id",
    "snapshot_on",
)
PREDICTIONS = _table(
    "evaluate/predictions.parquet",
    "predicted beside what happened, where nothing was fitted, tuned, calibrated or chosen",
    "a customer at the snapshot that only measures",
    "customer_id",
    "snapshot_on",
)
METRICS = _file("evaluate/metrics.json", "every metric of the recipe and of every baseline")
MODEL_CARD = _file("evaluate/model_card.md", "the model in a page")
PLOTS = _file("evaluate/plots", "lift, calibration, value by decile, distribution of scores")
DECISION = _file("promote/decision.json", "champion or challenger, with the figures of both")
PROMOTE_METRICS = _file(
    "promote/metrics.json",
    "both on the same unseen customers, and the difference with its interval",
)
UPLIFT = _file("uplift/uplift.json", "whom a contact keeps, as learnt from lots, and its use")
EXPERIMENT = _table(
    "uplift/experiment.parquet",
    "those drawn by lot whose outcome is known, with the effect that others' models foretell",
    "a customer at the snapshot before the lot",
    "customer_id",
    "snapshot_on",
)
UPLIFT_METRICS = _file("uplift/metrics.json", "what ranking by it would bring, against by loss")
CUSTOMER_STATE = _table(
    "interactions/customer_state.parquet",
    "how each stands with us: what is open, what was put right, what was said last",
    "a customer watched at as_of",
    "customer_id",
)
RECENT_ISSUES = _table(
    "interactions/recent_issues.parquet",
    "what went wrong lately, in a sentence with numbers and dates",
    "a customer and a theme",
    "customer_id",
    "theme",
)
TIMELINE = _table(
    "interactions/timeline.parquet",
    "the latest dealings, newest first, as staff would tell them",
    "a customer and a place",
    "customer_id",
    "place",
)
SCORES = _table(
    "score/scores.parquet",
    "risk and value of everybody watched at as_of",
    "a customer watched at as_of",
    "customer_id",
)
REASONS = _table(
    "score/reasons.parquet",
    "why, in plain words, for those with most to lose or with a trouble",
    "a customer and a rank",
    "customer_id",
    "rank",
)
UPLIFT_SCORES = _table(
    "score/uplift.parquet",
    "what a contact is expected to change, where lots have taught it",
    "a customer watched at as_of",
    "customer_id",
)
RISK_HISTORY = _table(
    "score/risk_history.parquet",
    "what the present champion says of the same customers on earlier days: a picture, not measured",
    "a customer and a snapshot",
    "customer_id",
    "snapshot_on",
)
PURCHASE_RHYTHM = _table(
    "score/purchase_rhythm.parquet",
    "since when silent, against the usual rhythm",
    "a customer watched at as_of",
    "customer_id",
)
SCORE_SUMMARY = _file("score/summary.json", "what the list says of where its numbers come from")
GUARD_PAGE = _file("guard/guard.html", "whether a list may be published from this run, to read")
GUARD_METRICS = _file("guard/metrics.json", "what the guards measured, flat")
GUARD_SUMMARY = _file("guard/summary.json", "every guard's verdict, the banners, what is recorded")
AT_RISK = _table("at_risk/at_risk.csv", "the list", "a listed customer", "customer_id")
DROPPED = _table(
    "at_risk/dropped.csv",
    "who was on the last list and is not on this one, and why",
    "a customer of the last list",
    "customer_id",
)
LANES = _table(
    "at_risk/lanes.parquet",
    "what is done about everybody watched, and why",
    "a customer watched at as_of",
    "customer_id",
)
HELD_OUT = _table(
    "at_risk/held_out.parquet",
    "left alone at random, to learn what a call is worth",
    "a customer held out",
    "customer_id",
)
OUTCOMES_PAGE = _file("outcomes/outcomes.html", "whether contacts helped, to read")
OUTCOMES_TABLE = _table(
    "outcomes/outcomes.csv", "the same figures", "a figure", "section", "measure", "by", "group"
)
OUTCOMES_METRICS = _file("outcomes/metrics.json", "customers and money saved, cost, the checks")


def fingerprint(key: str) -> Artefact:
    """What is read under a key of params.yaml."""
    return _file(f"extract/{key}.json", "the hashes of all that is read from outside")


def ingested(source: str) -> Artefact:
    """The events of one source."""
    return _table(
        f"ingest/{source}/events.parquet",
        "the events of one source",
        "an event version",
        "event_id",
        "known_at",
    )


def rejected(source: str) -> Artefact:
    """The rows of one source that were not accepted."""
    return _table(
        f"ingest/{source}/rejects.parquet",
        "the raw rows that broke a rule, masked",
        "a rejected row",
        "file",
        "line",
    )


def ingest_summary(source: str) -> Artefact:
    """The counts that account for every row of one source."""
    return _file(f"ingest/{source}/summary.json", "rows read, accepted, rejected and unmapped")


PER_SOURCE = (fingerprint, ingested, rejected, ingest_summary)
STAGES = tuple(
    "params extract ingest customers events snapshots labels scorecard features train uplift "  # noqa: SIM905
    "evaluate promote interactions score guard at_risk outcomes".split()
)
"""The stages that leave files, in the order of dvc.yaml."""
