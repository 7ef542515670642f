"""What the page of outcomes says, already computed: the shape between the figures and the page."""

import datetime as dt
from dataclasses import dataclass

from retention.experiments.incremental import Incremental
from retention.i18n.language import Language
from retention.stats.power import ArmSizes
from retention.stats.two_sample import EffectEstimate


@dataclass(frozen=True)
class RangeEstimate:
    """A number and its 95 % interval; ends are nan where there are too few customers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ArmSummary:
    """One arm of those compared. leaving: share that left; worth: mean value, money."""

    name: str
    customers: int
    churned: int
    churn_rate: RangeEstimate
    mean_value: RangeEstimate


@dataclass(frozen=True)
class CampaignResult:
    """Both arms and what lies between them, contact less holdout.

    once: of shares of leavers, as one look reads it. left, value: as they may be read at every
    list. saved: by those. verdict: in words. measured: whether it says what contact achieved, or
    only when that can be said.
    """

    arms: tuple[ArmSummary, ArmSummary]
    single_look: EffectEstimate
    churn_effect: EffectEstimate
    value_effect: EffectEstimate
    incremental: Incremental
    conclusion: str
    is_conclusive: bool


@dataclass(frozen=True)
class SubgroupResult:
    """A part of the customers by play or theme (`by`), named by its code.

    saved: customers, by one look. p_adjusted: corrected for all groups that are looked at; nan
    where there are too few customers.
    """

    column: str
    name: str
    contact: int
    holdout: int
    churn_rates: tuple[float, float]
    saved_customers: RangeEstimate
    p_adjusted: float

    @property
    def is_significant(self) -> bool:
        return self.p_adjusted < 0.05


@dataclass(frozen=True)
class Compliance:
    """Of an arm compared: customers about whom staff answered, contacted, reached."""

    arm: str
    customers: int
    answered: int
    contacted: int
    reached: int


@dataclass(frozen=True)
class CovariateBalance:
    """A column known before the draw: its mean in both arms, and how far apart in deviations."""

    name: str
    contact: float
    holdout: float
    standardized_mean_difference: float


@dataclass(frozen=True)
class BalanceCheck:
    """Whether the draw was one: p_values of the arms' sizes and of all columns together."""

    covariates: tuple[CovariateBalance, ...]
    srm_p_value: float
    joint_p_value: float
    holds: bool


@dataclass(frozen=True)
class RiskQuintile:
    """Of the held out, by predicted chance of leaving, low to high: predicted and happened."""

    customers: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class HoldoutCalibration:
    """Of the held out, whom no contact changed: leavers expected by the lists, and observed.

    low, high: within which the observed lie in 95 of 100 cases if the chances are right.
    """

    customers: int
    expected: float
    observed: int
    low: float
    high: float
    quintiles: tuple[RiskQuintile, ...]

    @property
    def holds(self) -> bool:
        return self.low <= self.observed <= self.high


@dataclass(frozen=True)
class PastList:
    """What a list had said of the customers it held out, beside what became of them.

    known: of those held out, of whom both is known. said: their mean chance of leaving; left: the
    share that left. order: how often one who left had the higher chance than one who stayed.
    calibrated: None where too few are known. What is not known is nan.
    """

    list_id: str
    as_of: dt.date
    is_mature: bool
    contact: int
    held_out: int
    n_known: int
    predicted: float
    observed: RangeEstimate
    is_calibrated: bool | None
    auc: RangeEstimate

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
    contact: int
    holdout: int
    outcome_known_on: dt.date
    is_known: bool


@dataclass(frozen=True)
class TargetEffect:
    """How many customers it takes to show that contact keeps a share of those who would leave."""

    relative_reduction: float
    required: ArmSizes
    months: float


@dataclass(frozen=True)
class SampleSizePlan:
    """The power calculator. rate: of leaving, as predicted before the first look; held_out: share.

    planned: for the effect hoped for. smallest: the share kept that the arms known today could
    show, nan where none. a_month: customers who enter each month.
    """

    baseline_rate: float
    holdout_share: float
    power: float
    target_effect: float
    required: ArmSizes
    observed: ArmSizes
    enrolment_rate: ArmSizes
    minimum_detectable_effect: float
    target_effects: tuple[TargetEffect, ...]


@dataclass(frozen=True)
class OutcomesReport:
    """Everything the page shows. Parts that nothing is known of are None or empty."""

    company: str
    currency: str
    language: Language
    as_of: dt.date
    campaign: str
    target_description: str
    value_days: int
    plays: dict[str, str]
    assigned: ArmSizes
    excluded_by_reason: dict[str, int]
    first_result_on: dt.date
    batches: tuple[AssignmentBatch, ...]
    min_arm_size: int
    result: CampaignResult | None = None
    plan: SampleSizePlan | None = None
    subgroups: tuple[SubgroupResult, ...] = ()
    compliance: tuple[Compliance, ...] = ()
    balance: BalanceCheck | None = None
    calibration: HoldoutCalibration | None = None
    past_lists: tuple[PastList, ...] = ()
    holdout_auc: RangeEstimate | None = None
