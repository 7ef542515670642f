"""Sections for operations: scorecard, scheduled scoring, guards, publishing, privacy, outcomes."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from retention.core.params.base import Amount, Day, Days, Fraction, Strict
from retention.core.params.sources import StaffFile, copied_to

Dimension = Literal["region", "language", "preferred_channel", "acquisition_channel"]


class ScorecardParams(Strict):
    """What the service scorecard shows."""

    period_days: Days = 91
    targets: dict[str, float | None] = {}  # by metric; null: the metric counts, without a target
    staff: Annotated[StaffFile, AfterValidator(copied_to("scorecard.staff"))] | None = None
    groups: list[Dimension] = ["region", "language", "preferred_channel", "acquisition_channel"]
    min_group_size: int = Field(default=30, ge=5)  # cases; smaller groups are not shown


class ScoreParams(Strict):
    """How `retention score` runs; see docs/operating.md."""

    folder: str = "runs"  # its work folder, logs and the summary of each day
    # registry: champion/ scores only if the alias `champion` of MLflow's registry names its models
    champion: Literal["pinned", "registry"] = "pinned"
    without_registry: Literal["pinned", "refuse"] = "pinned"  # when MLflow cannot be reached
    keep: Days = 90  # days whose logs stay


GuardName = Literal[
    "freshness",
    "repeated_rows",
    "row_count",
    "schema",
    "drift",
    "dead_features",
    "model_age",
    "calibration",
]


class GuardParams(Strict):
    """When a list gets a warning or is not published; null switches a limit off.

    What the company's own past shows raises the limits of freshness, cohort and drift, never lowers
    them: nothing below a limit stated here is refused. See docs/monitoring.md.
    """

    # whole days before as_of without rows of a source that the label needs
    stale_warn_days: int | None = Field(default=3, ge=0)
    stale_refuse_days: int | None = Field(default=14, ge=0)
    # share of a day's rows that repeat another row exactly
    repeated_refuse: Fraction | None = 0.25
    # share by which rows, or customers of the cohort, may fall from the last run; where it is not
    # stated, the runs before set a tighter limit for the rows of a source
    row_drop: Fraction | None = 0.5
    rejects_times: Amount | None = 3.0  # times the last run's share of rejects
    # PSI of the churn probabilities since promotion; psi_warn also flags a numeric feature
    psi_warn: Amount | None = 0.25
    psi_refuse: Amount | None = 0.5
    # mean shift of a churn probability that matters; where churn (or staying) is rarer than this,
    # its doubling does
    points_warn: Fraction | None = 0.03
    points_refuse: Fraction | None = 0.05
    distance_warn: Fraction | None = 0.2  # Jensen-Shannon distance that flags a category as drifted
    # drifted features among all
    drifted_warn: Fraction | None = 0.2
    drifted_refuse: Fraction | None = 0.5
    # broken features among all: their PSI is above break_psi and beyond the company's own past
    break_psi: Amount | None = 2.0
    break_refuse: Fraction | None = 0.05
    # a feature that is constant now refuses if no value ever had more than this share of a cohort
    dead_refuse: Fraction | None = 0.9
    # days since the champion could have been trained anew
    model_warn_days: int | None = Field(default=92, ge=0)
    model_refuse_days: int | None = Field(default=366, ge=0)
    # held-out customers with a known outcome, below which a list is not judged
    calibration_least: int | None = Field(default=30, ge=2)
    calibration_refuse: Fraction | None = 0.2  # how far outside of the interval
    # guard that must not refuse -> why, by whom; for the list of override_on only
    override: dict[GuardName, Annotated[str, Field(pattern=r"\S")]] = {}
    override_on: Day = None

    @model_validator(mode="after")
    def _override_has_a_day(self) -> "GuardParams":
        if self.override and self.override_on is None:
            raise ValueError('override needs override_on, the as_of that it is for: "2026-11-22"')
        return self


class PublishParams(Strict):
    """Where lists are published for staff."""

    folder: str = "lists"  # may lie on a shared drive
    allow_older: bool = False
    # Lists that stay; null: all. The oldest of the company go, but never the current one, nor the
    # newest of a day whose outcomes are not yet known. Answers to a removed list are not accepted.
    keep: int | None = Field(default=400, ge=2)


class PrivacyParams(Strict):
    """How long personal data are kept; see docs/security.md."""

    # Events older than this at as_of are dropped when read, and `retention tidy` removes lists and
    # ledger entries that old. null: everything is kept.
    keep_days: Days | None = None


class OutcomesParams(Strict):
    """How the effect of contacts is reported."""

    # share of churners that contacts are planned to retain; gives the required sample size
    target_effect: float = Field(default=0.2, gt=0, lt=1)
    power: float = Field(default=0.8, gt=0.05, lt=1)
    min_group_size: int = Field(default=30, ge=2)  # customers in either arm of a subgroup


class SimulationParams(Strict):
    """The simulated telecom company."""

    customers: int = Field(default=20_000, ge=100)
    weeks: int = Field(default=156, ge=52)
    seed: int = 7
    draw: int | None = None
    service_effect: float = Field(default=1.0, ge=0)
    outreach_effect: float = Field(default=1.0, ge=0)
