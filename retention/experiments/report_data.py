"""The content of the outcomes page: what the analysis hands to `reporting/outcomes`."""

import datetime as dt
from dataclasses import dataclass

from retention.core.documents.reports import ListGain
from retention.experiments.incremental import Estimate, Incremental
from retention.i18n.language import Language
from retention.stats.power import ArmSizes
from retention.stats.two_sample import EffectEstimate


@dataclass(frozen=True)
class ArmSummary:
    """One arm of the analysis set."""

    name: str  # contact or holdout
    customers: int
    churned: int
    churn_rate: Estimate  # 0 to 1; weighted where propensities differ
    mean_value: Estimate  # currency per customer


@dataclass(frozen=True)
class CampaignResult:
    """Both arms and the effects, contact less holdout."""

    arms: tuple[ArmSummary, ArmSummary]  # contact, holdout
    single_look: EffectEstimate  # on the churn rate; interval valid for one look
    churn_effect: EffectEstimate  # the same; interval valid at every list
    window_effect: EffectEstimate  # on the value of the label window, currency; at every list
    kept_effect: EffectEstimate  # on `kept_value`, currency; valid at every list
    incremental: Incremental  # totals of the contact arm, from the effects above
    conclusion: str  # in a sentence
    is_conclusive: bool  # whether the sentence says what contact achieved, or only when it will


@dataclass(frozen=True)
class SubgroupResult:
    """The effect in one subgroup."""

    column: str  # play or theme
    name: str  # the value of the column
    contact: int  # customers assigned to contact
    holdout: int  # customers held out
    churn_rates: tuple[float, float]  # contact, holdout; 0 to 1
    saved_customers: Estimate  # by the effect of this subgroup alone
    p_adjusted: float  # Holm's over all subgroups; nan where there are too few customers

    @property
    def is_significant(self) -> bool:
        """Whether the effect is significant at 5 % over all subgroups."""
        return self.p_adjusted < 0.05


@dataclass(frozen=True)
class Compliance:
    """What was done to an arm of the analysis set, as numbers of customers."""

    arm: str
    customers: int
    answered: int  # staff answered about them
    contacted: int
    reached: int


@dataclass(frozen=True)
class CovariateBalance:
    """A covariate that was known before randomisation."""

    name: str
    contact: float  # mean of the arm
    holdout: float
    standardized_mean_difference: float  # in pooled standard deviations


@dataclass(frozen=True)
class BalanceCheck:
    """Whether the arms look randomised."""

    covariates: tuple[CovariateBalance, ...]
    srm_p_value: float  # sample ratio mismatch: sizes of the arms against the propensities
    joint_p_value: float  # of all covariates together
    holds: bool


@dataclass(frozen=True)
class RiskQuintile:
    """A fifth of the held-out customers, by predicted churn probability."""

    customers: int
    predicted: float  # mean churn probability
    observed: float  # churn rate


@dataclass(frozen=True)
class HoldoutCalibration:
    """Predicted against observed churn of held-out customers, whom no contact changed."""

    customers: int
    expected: float  # sum of the churn probabilities
    observed: int  # customers who churned
    low: float  # observed lies within low and high in 95 of 100 cases
    high: float  # if the probabilities are right
    quintiles: tuple[RiskQuintile, ...]  # lowest risk first; empty where there are too few

    @property
    def holds(self) -> bool:
        """Whether the observed churners lie within the interval."""
        return self.low <= self.observed <= self.high


@dataclass(frozen=True)
class PastList:
    """A published list's predictions for the customers it held out, against their outcomes."""

    list_id: str
    as_of: dt.date
    is_mature: bool
    contact: int  # customers it was the first to assign to contact
    held_out: int  # customers it was the first to hold out
    n_known: int  # of those held out, with a prediction and an outcome
    predicted: float  # their mean churn probability; nan without any
    observed: Estimate  # their churn rate; nan without any
    is_calibrated: bool | None  # None where there are too few
    auc: Estimate  # ROC AUC among them; nan where there are too few

    @property
    def verdict(self) -> str:
        """right, too low, too high, or too few."""
        if self.is_calibrated is None:
            return "too few"
        if self.is_calibrated:
            return "right"
        return "too low" if self.predicted < self.observed.low else "too high"


@dataclass(frozen=True)
class AssignmentBatch:
    """What the lists of one day assigned for the first time."""

    as_of: dt.date
    contact: int  # customers
    holdout: int
    outcome_known_on: dt.date
    is_known: bool  # whether that day has come
    without_place: int = 0  # of contact: for whom the list had no place after the draw


@dataclass(frozen=True)
class TargetEffect:
    """The sample size that one effect needs."""

    relative_reduction: float  # share of those who would churn whom contact keeps
    required: ArmSizes  # customers
    months: float  # until there are as many; inf where never


@dataclass(frozen=True)
class SampleSizePlan:
    """How many customers the experiment needs."""

    baseline_rate: float  # churn rate without contact, as predicted before the first look
    holdout_share: float
    power: float
    target_effect: float  # the relative reduction planned for
    required: ArmSizes  # for the target effect
    observed: ArmSizes  # customers with a known outcome
    enrolment_rate: ArmSizes  # customers per month
    minimum_detectable_effect: float  # relative reduction that `observed` can show; nan if none
    target_effects: tuple[TargetEffect, ...]


@dataclass(frozen=True)
class ReasonAssessment:
    """How often staff found the first reason right, where it was of one theme."""

    theme: str
    yes: int
    partly: int
    no: int
    right: Estimate  # the share of yes, 0 to 1

    @property
    def n(self) -> int:
        """The assessments of the theme."""
        return self.yes + self.partly + self.no


@dataclass(frozen=True)
class HoldoutDesign:
    """A holdout share, when it answers and what it costs."""

    holdout_share: float
    answer_by: dt.date
    is_in_time: bool  # whether the target effect shows by then
    answer_day: dt.date | None  # when it shows; None where never
    smallest_effect: float  # share of those who would leave that shows by answer_by; nan if none
    held_out: float  # customers until answer_by
    lost_customers: float  # of them, whom contacts were expected to keep; nan where not known
    lost_money: float  # net of what their contacts would have cost, currency; nan likewise


@dataclass(frozen=True)
class OutcomesReport:
    """Everything the page shows. A part about which nothing is known is None or empty."""

    company: str
    currency: str
    language: Language
    as_of: dt.date
    campaign: str
    target_description: str  # the churn definition in a sentence
    value_days: int  # length of the value window
    retained_windows: float  # value windows for which a retained customer stays
    plays: dict[str, str]  # name of a play: its action in words
    assigned: ArmSizes  # randomised customers
    excluded_by_reason: dict[str, int]  # randomised customers whom the label excludes
    first_result_on: dt.date  # next day on which an outcome becomes known
    batches: tuple[AssignmentBatch, ...]  # newest first
    min_arm_size: int  # customers of either arm below which a subgroup is not judged
    expected: ListGain | None = None  # of the contacts of the newest list
    design: HoldoutDesign | None = None  # of a holdout that answers within a year
    result: CampaignResult | None = None
    plan: SampleSizePlan | None = None
    subgroups: tuple[SubgroupResult, ...] = ()
    compliance: tuple[Compliance, ...] = ()
    balance: BalanceCheck | None = None
    calibration: HoldoutCalibration | None = None
    past_lists: tuple[PastList, ...] = ()  # newest first
    holdout_auc: Estimate | None = None  # ROC AUC over all lists together
    reasons: tuple[ReasonAssessment, ...] = ()  # by theme, the most assessed first
