"""What training, uplift, evaluation and promotion leave."""

from typing import Final

from retention.core.artefacts.artefact import DATA, Artefact
from retention.core.artefacts.cohort import KEY_COLUMNS, KEYS
from retention.core.artefacts.document import Document
from retention.core.artefacts.table import Column, Table
from retention.core.artefacts.types import DATE, FLAG, LARGE, NUMBER, TEXT
from retention.core.documents import modelling as documents

_CHURN_PROBABILITY: Final = Column("churn_probability", NUMBER, "calibrated chance of churn, 0..1")
_EXPECTED_VALUE: Final = Column("expected_value", NUMBER, "(1 - p) kept + p lost, in money")
_VALUE_IF_KEPT: Final = Column("value_if_kept", NUMBER, "mean value given that they stay, in money")
_VALUE_IF_LOST: Final = Column(
    "value_if_lost", NUMBER, "mean value given that they leave, in money"
)

SCORE_COLUMNS: Final = (
    _CHURN_PROBABILITY,
    _EXPECTED_VALUE,
    Column("value_low", NUMBER, "lower end of the 80 % interval of the realised value, or null"),
    Column("value_high", NUMBER, "upper end of it, or null"),
    _VALUE_IF_KEPT,
    _VALUE_IF_LOST,
    Column("expected_loss", NUMBER, "p (kept - lost): what leaving costs in expectation"),
)
"""What a scorer says of a customer, in order."""
NULLABLE_SCORES: Final = ("value_low", "value_high")

LEAVE_WITHIN: Final = (30, 90, 180, 365)
"""Days for which the chance of having left is told."""
LIFETIME_COLUMNS: Final = (
    *(
        Column(
            f"leave_within_{days}",
            NUMBER,
            f"chance of having left within {days} days of the opening of the churn window; null "
            "where the silence that counts as leaving is longer",
        )
        for days in LEAVE_WITHIN
    ),
    Column("expected_days", NUMBER, "mean days until they have left, at most 1,095"),
    Column(
        "lifetime_value",
        NUMBER,
        "expected value over `train.lifetime_days`, discounted, in money",
    ),
    Column("lifetime_low", NUMBER, "lower end of its 80 % interval, or null"),
    Column("lifetime_high", NUMBER, "upper end of it, or null"),
    Column(
        "lifetime_loss",
        NUMBER,
        "what leaving in the label window costs over that horizon: value if kept less if lost",
    ),
)
"""Of the time beyond the label; null where the champion was made without a curve."""

_WEIGHT: Final = Column(
    "weight", NUMBER, "customers that the row stands for, as some were contacted; 1 without"
)
_CONTACTABLE: Final = Column(
    "contactable", FLAG, "whether a list could still contact them: no notice was given"
)

CANDIDATE: Final = Artefact(
    DATA / "train/candidate", "the models refitted on all mature snapshots, as JSON"
)
SELECTION: Final = Document(
    DATA / "train/selection.json",
    "folds, parameters, losses, and the weights of the models",
    documents.SelectionReport,
)
LIFETIME: Final = Document(
    DATA / "train/lifetime.json",
    "how curves and lifetime values are made, and how far they were right on past snapshots",
    documents.LifetimeReport,
)
CROSS_PREDICTIONS: Final = Table(
    DATA / "train/cross_predictions.parquet",
    "out-of-fold predictions for customers who came up for outreach",
    "a customer at a snapshot",
    KEYS,
    (*KEY_COLUMNS, _CHURN_PROBABILITY, _VALUE_IF_KEPT, _VALUE_IF_LOST),
)
TEST_PREDICTIONS: Final = Table(
    DATA / "train/test_predictions.parquet",
    "every model's predictions for the measured snapshots, each as of its day",
    "a model and a customer at a measured snapshot",
    ("model", *KEYS),
    (
        Column("task", TEXT, "churn or value"),
        Column("model", TEXT, "the model's name"),
        *KEY_COLUMNS,
        Column("prediction", NUMBER, "chance of churn, or value in money"),
    ),
)
TEST_SCORES: Final = Table(
    DATA / "train/scores.parquet",
    "the weighted models' scores for the measured snapshots, each as of its day",
    "a customer at a measured snapshot",
    KEYS,
    (*KEY_COLUMNS, *SCORE_COLUMNS, _WEIGHT, _CONTACTABLE),
)
PREDICTIONS: Final = Table(
    DATA / "evaluate/predictions.parquet",
    "predictions beside outcomes, by models, weights and shift that had not seen them",
    "a customer at a measured snapshot",
    KEYS,
    (
        *KEY_COLUMNS,
        _CHURN_PROBABILITY,
        Column("churned", FLAG, "whether they did churn"),
        _EXPECTED_VALUE,
        Column("value", NUMBER, "the realised value, in money"),
        *SCORE_COLUMNS[2:4],
        _WEIGHT,
        _CONTACTABLE,
    ),
)
METRICS: Final = Document(
    DATA / "evaluate/metrics.json",
    "every metric of the weighted models and of each by itself",
    documents.TestMetrics,
)
HEADLINE_METRICS: Final = Document(
    DATA / "evaluate/headline.json",
    "a dozen of them, of the weighted models alone, for `dvc metrics diff` and `dvc exp show`",
    documents.HeadlineMetrics,
)
MODEL_CARD: Final = Artefact(DATA / "evaluate/model_card.md", "the model in a page")
PLOTS: Final = Artefact(
    DATA / "evaluate/plots", "lift, calibration, value by decile, distribution of scores"
)
DECISION: Final = Document(
    DATA / "promote/decision.json",
    "champion or challenger, with the figures of both",
    documents.PromotionDecision,
)
PINNED_CANDIDATE: Final = Artefact(
    DATA / "promote/candidate", "the candidate, pinned as a champion: an experiment scores with it"
)
PROMOTE_METRICS: Final = Document(
    DATA / "promote/metrics.json",
    "both on the same unseen customers, and the difference with its interval",
    documents.PromotionMetrics,
)
UPLIFT: Final = Document(
    DATA / "uplift/uplift.json",
    "the uplift model fitted on randomised customers, and its use",
    documents.UpliftManifest,
)
EXPERIMENT: Final = Table(
    DATA / "uplift/experiment.parquet",
    "randomised customers with a mature outcome, and their out-of-fold effects",
    "a customer at the snapshot before randomisation",
    KEYS,
    (
        *KEY_COLUMNS,
        Column("treated", NUMBER, "1 if randomised to be contacted, 0 if held out"),
        Column("left", NUMBER, "1 if they churned, else 0"),
        Column("propensity", NUMBER, "the chance of being contacted, 0..1"),
        _CHURN_PROBABILITY,
        Column("worth", NUMBER, "value if kept less value if lost, over the retained windows"),
        Column(
            "effect",
            NUMBER,
            "effect of that treatment on the chance of leaving, out of fold; null where the "
            "outcome is money",
        ),
        Column(
            "treatment", TEXT, "the treatment expected to gain most; `contact` where all are one"
        ),
        Column("saving", NUMBER, "what it is expected to save, in money, out of fold"),
        Column("saved_score", NUMBER, "doubly robust score of the customers that it saves"),
        Column("saving_score", NUMBER, "doubly robust score of the money that it saves"),
        Column("fold", LARGE, "the fold whose model did not see the customer"),
        Column("candidate", FLAG, "whether the rules of the policy let a list contact them then"),
    ),
)
UPLIFT_METRICS: Final = Document(
    DATA / "uplift/metrics.json",
    "policy value of ranking by uplift, against by expected loss",
    documents.UpliftMetrics,
)

SCORES: Final = Table(
    DATA / "score/scores.parquet",
    "risk and value of the current cohort",
    "a customer of the cohort at as_of",
    ("customer_id",),
    (
        KEY_COLUMNS[0],
        Column("as_of", DATE, "the snapshot that is scored"),
        *SCORE_COLUMNS,
        *LIFETIME_COLUMNS,
    ),
)
UPLIFT_SCORES: Final = Table(
    DATA / "score/uplift.parquet",
    "the effect that a contact is expected to have",
    "a customer of the cohort at as_of",
    ("customer_id",),
    (
        KEY_COLUMNS[0],
        Column(
            "effect",
            NUMBER,
            "of a contact, on the chance of leaving; null where the list ranks by expected loss, "
            "and where money is the outcome",
        ),
        Column(
            "saving",
            NUMBER,
            "what a contact saves over the retained windows, in money; null where the list ranks "
            "by expected loss",
        ),
        Column(
            "treatment",
            TEXT,
            "the play that gains most, where several were randomised; else null",
        ),
        Column("disturbed", FLAG, "whether a contact credibly drives such customers away"),
    ),
)
RISK_HISTORY: Final = Table(
    DATA / "score/risk_history.parquet",
    "the present champion's scores of earlier snapshots: for charts, not out of sample",
    "a customer at a snapshot",
    KEYS,
    (*KEY_COLUMNS, _CHURN_PROBABILITY),
)
