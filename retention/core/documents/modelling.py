"""What train, evaluate, uplift and promote say of models."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from retention.core.documents.base import Contents, Entries, KeptContents, Number

STATES_FORMAT: Final = 2
"""Of a champion's models on disk (`Scorer.states`): raised when an earlier one cannot be read."""


class FoldSpan(Contents):
    """The snapshots of a fold."""

    train_from: dt.date
    train_to: dt.date
    train_snapshots: int
    test: dt.date


class SelectionReport(Contents):
    """The outcome of model selection, and the rows behind it; by model unless said."""

    rule: str  # how models are selected
    evidence: str  # what history allowed: time, newest, customers or history
    chosen: Mapping[str, str]  # the model with the greatest weight, by task
    weights: Mapping[str, Mapping[str, Number]]  # of the models that count, by task
    intercept: Number  # shift of the log-odds of churn
    why: Mapping[str, str]  # by task
    losses: Mapping[str, Number]  # out of fold
    params: Mapping[str, Mapping[str, Any]]  # of the refit
    tuned_per_fold: Mapping[str, tuple[Mapping[str, Any], ...]]
    fold_metrics: Mapping[str, tuple[Mapping[str, Number | None], ...]]
    folds: tuple[FoldSpan, ...]
    measured_on: FoldSpan | None  # the test fold; null where history is too short for one
    fold_rows: tuple[int, ...]
    rows: int
    customers: int
    churners: int
    churn_rate: Number | None  # null where no outcome is known
    trained_to: dt.date  # the last mature snapshot
    features: tuple[str, ...]
    banners: tuple[str, ...]
    titles: Mapping[str, str]
    failed: Mapping[str, str] = {}  # reason, of every model that dropped out; absent without


class LifetimeFigures(Contents):
    """Curve and value of a past snapshot, as of its own day, against what came."""

    snapshot: dt.date
    days: int  # from the opening of the churn window
    customers: int
    left: Number  # share of them that had left by then
    chance: Number  # mean chance of it
    brier: Number
    brier_kaplan_meier: Number  # of one curve for all
    value_days: int | None = None  # the whole value windows within `days`; null: none
    value_bias: Number | None = None  # expected over realised
    value_error: Number | None = None  # mean absolute, currency
    covered: Number | None = None  # by the 80 % interval; null where it was not known then


class LifetimeReport(Contents):
    """How customers are followed beyond the label."""

    horizon_days: int  # of lifetime value
    weights: Mapping[str, Number]  # of the parts of the hazard after the label's horizon
    windows_known: int  # value windows that a history shows; later ones are as the last
    value_known_days: int  # their length
    figures: tuple[LifetimeFigures, ...]


class MeasuredFigure(Contents):
    """A number with its 95 % interval; null where it is not finite or unknown."""

    value: Number | None
    low: Number | None = None  # absent where there is no interval
    high: Number | None = None


Figures = Mapping[str, Mapping[str, MeasuredFigure]]
"""By model, then by metric."""


class Decile(Contents):
    """Predicted and realised value in a decile of the prediction."""

    decile: int
    customers: int
    expected_if_kept: Number | None
    actual_if_kept: Number | None
    expected_if_lost: Number | None
    actual_if_lost: Number | None


class SliceMetrics(Contents):
    """The selected models within one group of customers."""

    by: str
    group: str
    customers: int
    churners: int
    left: Number | None  # share that churned
    low: Number | None  # 95 % interval of it
    high: Number | None
    predicted: Number | None  # mean churn probability
    right: bool | None  # whether the prediction lies within the interval
    roc_auc: Number | None
    listed: Number | None  # share on a list
    found: Number | None  # share of the churners on it


class MeasuredDay(Contents):
    """The main figures of one of the measured days."""

    day: dt.date
    customers: int
    churners: int
    churn_rate: Number | None  # weighted, as some were contacted
    predicted: Number | None  # mean chance
    roc_auc: Number | None


class AllCustomersMetrics(Contents):
    """Figures of the selected models with the customers whom no list could contact."""

    customers: int
    churners: int
    churn_rate: Number | None
    churn: Figures
    value: Figures
    list_metrics: Figures = Field(alias="list")


class TestMetrics(Contents):
    """Every metric on unseen snapshots, of customers whom a list could still contact.

    A figure of several days is the mean of the days'.
    """

    __test__ = False  # no test class

    measured_on: dt.date | None  # the newest of `days`
    days: tuple[MeasuredDay, ...] = ()
    customers: int  # each counted once
    churners: int
    churn_rate: Number | None  # the mean over days, weighted
    all_customers: AllCustomersMetrics | None = None  # null where nothing was measured
    capacity: int  # of a list
    definition: str  # what churn is
    banners: tuple[str, ...]
    churn: Figures
    value: Figures
    list_metrics: Figures = Field(alias="list")
    gain: Figures  # of the selected model over each other
    value_by_decile: tuple[Decile, ...]
    slices: tuple[SliceMetrics, ...]
    lifetime: LifetimeReport | None = None  # null: nobody was followed beyond the label


class HeadlineMetrics(Entries[Number | None]):
    """The main figures of the selected models, flat; empty where nothing was measured."""


class SaveRateOfExperiment(Contents):
    """What a company's own experiments show of a treatment."""

    play: str  # a play of the playbook, or another treatment
    rate: Number  # of those who would have left, the share that it keeps
    error: Number  # standard error of the rate
    contact: int  # customers
    held_out: int


class UpliftManifest(Contents):
    """The uplift model and its use; a champion carries it."""

    name: str | None = None  # null where none is fitted
    model: Mapping[str, Any] = {}  # its state; empty where treatments are told apart
    treatments: Mapping[str, Mapping[str, Any]] = {}  # state by play, where they are
    outcome: str = "churn"  # or money
    ranks: bool = False  # whether customers are ranked by it
    disturbed_from: Number | None = None  # effect from which a contact drives customers away;
    # where the outcome is money, the loss
    lots: int = 0  # randomised rows
    asked: bool = True  # whether params name a model
    eligible: int = 0  # customers for whom it speaks
    better: Number | None = None  # gain over expected loss, in money per customer
    low: Number | None = None  # its 95 % interval
    high: Number | None = None
    save_rates: tuple[SaveRateOfExperiment, ...] = ()  # of experiments that events record


class UpliftQuintile(Contents):
    """Predicted and measured effect in a fifth of the customers."""

    rows: int
    least: Number | None  # lowest prediction
    predicted: Number | None
    measured: Number | None
    low: Number | None
    high: Number | None


class UpliftFigures(Contents):
    """What ranking by one uplift model brings; gains in money per eligible customer."""

    qini: MeasuredFigure
    share_contacted: Number
    gain_at_random: Number
    gain_by_loss: Number
    gain_by_uplift: Number
    better_by: MeasuredFigure
    fifths: tuple[UpliftQuintile, ...]


class UpliftMetrics(Entries[UpliftFigures]):
    """The figures of every uplift model, by its name; empty where none is fitted."""


class MeasureReport(Contents):
    """One measure of champion and challenger."""

    champion: Number
    challenger: Number
    difference: Number
    low: Number
    high: Number
    margin: Number = 0.0  # that a challenger may lose
    power: Number = 1.0  # the chance that an equal one is shown to be no worse


class ComparisonReport(Contents):
    """The verdict on a challenger."""

    verdict: str
    measures: Mapping[str, MeasureReport]
    measured_on: dt.date | None
    customers: int
    churners: int
    why: str


class FigurePair(Contents):
    """A headline figure of both models."""

    champion: Number | None
    candidate: Number | None


class Promotion(KeptContents):
    """How a model became champion."""

    how: str  # the decision, or the command
    anyway: str | None  # the reason given where it was worse or not comparable
    comparison: ComparisonReport | None  # with the champion before


class CandidateManifest(KeptContents):
    """What a champion's manifest says of its models, whatever the files."""

    definition: Mapping[str, Any]  # company, currency, labels and features it was trained for
    models_chosen: Mapping[str, str] = {}  # name of the one with the greatest weight, by task
    titles: Mapping[str, str]  # of all that count, by falling weight; by task
    trained_to: dt.date  # the last mature snapshot
    measured_on: dt.date | None  # the test snapshot
    figures: Mapping[str, Number | None]  # headline figures
    banners: tuple[str, ...]

    @property
    def description(self) -> str:
        """The churn models, and to which day they were trained."""
        return f"{self.titles['churn']}, learnt up to {self.trained_to}"


class ChampionManifest(CandidateManifest):
    """champion/champion.json: the models that score, pinned, of this version or an earlier one."""

    models: str  # their folder
    sha256: Mapping[str, str]  # by part
    promotion: Promotion | None = None  # absent from the candidate of an experiment


class PromotionDecision(Contents):
    """Which model scores, and why."""

    decision: str
    figures: Mapping[str, FigurePair]
    comparison: ComparisonReport
    champion: Mapping[str, str]  # sha256 by part
    candidate: Mapping[str, str]
    experiment: bool = False  # whether the candidate scores, in data/ alone


class PromotionMetrics(Contents):
    """The comparison, flat; null where nothing could be compared."""

    verdict: str
    empc_champion: Number | None
    empc_challenger: Number | None
    empc_difference: Number | None
    empc_low: Number | None
    empc_high: Number | None
    brier_champion: Number | None
    brier_challenger: Number | None
    brier_difference: Number | None
    empc_margin: Number | None
    empc_power: Number | None
    brier_low: Number | None
    brier_high: Number | None
    brier_margin: Number | None
    brier_power: Number | None
    value_champion: Number | None
    value_challenger: Number | None
    value_difference: Number | None
    value_low: Number | None
    value_high: Number | None
    value_margin: Number | None
    value_power: Number | None
    interval_champion: Number | None
    interval_challenger: Number | None
    interval_difference: Number | None
    interval_low: Number | None
    interval_high: Number | None
    interval_margin: Number | None
    interval_power: Number | None
