"""How runs, lists and pages are kept in order: guards, publishing, schedule, privacy."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from retention.core.params.base import Amount, Day, Days, Share, Strict
from retention.core.params.sources import StaffFile, copied_to


class ScorecardParams(Strict):
    """What the service scorecard shows. `targets` names the measures that count; null: none set."""

    period_days: Days = 91
    targets: dict[str, float | None] = {}
    staff: Annotated[StaffFile, AfterValidator(copied_to("scorecard.staff"))] | None = None
    groups: list[Literal["region", "language", "preferred_channel", "acquisition_channel"]] = [
        "region", "language", "preferred_channel", "acquisition_channel",
    ]  # fmt: skip
    min_group_size: int = Field(default=30, ge=5)


class ScoreParams(Strict):
    """How `retention score` goes; docs/operating.md tells it.

    folder: where it works, and keeps the log and the summary of each day. champion: pinned scores
    with champion/; registry does too, but only if the alias `champion` of MLflow's registry names
    the same models. without_registry: what is done when MLflow cannot be reached. keep: of how
    many days the logs stay.
    """

    folder: str = "runs"
    champion: Literal["pinned", "registry"] = "pinned"
    without_registry: Literal["pinned", "refuse"] = "pinned"
    keep: Days = 90


GuardName = Literal["freshness", "row_count", "schema", "drift", "model_age", "calibration"]


class GuardParams(Strict):
    """When a list gets a warning or is not published at all; null switches a limit off.

    stale_warn_days, stale_refuse_days: whole days before as_of of which a source that the label
    needs tells nothing. row_drop: so large a share fewer rows, or watched customers, than in the
    last run refuses. rejects_times: so many times the last run's share of rejects warns. psi_warn,
    psi_refuse: of the chances of leaving, against when the champion was made; psi_warn counts a
    number among features as drifted, distance_warn (Jensen-Shannon, 0 to 1) a category, and
    drifted_warn, drifted_refuse are shares of all features. model_warn_days, model_refuse_days:
    since when the champion could have learnt anew. calibration_least: customers held out with a
    known outcome, below which a list is not judged; calibration_refuse: so far outside of the
    interval refuses.
    override: the guard that may not refuse, and why and by whom; it holds for the list of
    override_on only. docs/monitoring.md tells more.
    """

    stale_warn_days: int | None = Field(default=3, ge=0)
    stale_refuse_days: int | None = Field(default=14, ge=0)
    row_drop: Share | None = 0.5
    rejects_times: Amount | None = 3.0
    psi_warn: Amount | None = 0.25
    psi_refuse: Amount | None = 0.5
    distance_warn: Share | None = 0.2
    drifted_warn: Share | None = 0.2
    drifted_refuse: Share | None = 0.5
    model_warn_days: int | None = Field(default=92, ge=0)
    model_refuse_days: int | None = Field(default=366, ge=0)
    calibration_least: int | None = Field(default=30, ge=2)
    calibration_refuse: Share | None = 0.2
    override: dict[GuardName, Annotated[str, Field(pattern=r"\S")]] = {}
    override_on: Day = None

    @model_validator(mode="after")
    def _override_has_a_day(self) -> "GuardParams":
        if self.override and self.override_on is None:
            raise ValueError('override needs override_on, the as_of that it is for: "2026-11-22"')
        return self


class PublishParams(Strict):
    """Where lists are put for staff. `folder` may lie on a shared drive.

    keep: how many lists stay; null: all. The oldest of the company go, but never the current one,
    nor the newest of a day whose outcomes are still to come. What staff hand back of a list that
    went cannot be taken any more.
    """

    folder: str = "lists"
    allow_older: bool = False
    keep: int | None = Field(default=400, ge=2)


class PrivacyParams(Strict):
    """For how long personal data are kept; docs/security.md tells it.

    keep_days: events that happened longer before as_of are dropped when they are read, and
    `retention tidy` removes lists and ledgers' entries that old. null: everything is kept.
    """

    keep_days: Days | None = None


class OutcomesParams(Strict):
    """How what contacts achieved is told.

    hoped: of customers who would leave, the share that contacts are hoped to keep; how many it
    takes to show that is worked out from it. power: the chance to show it if it is so. least:
    customers in either arm below which a part of them is not judged.
    """

    target_effect: float = Field(default=0.2, gt=0, lt=1)
    power: float = Field(default=0.8, gt=0.05, lt=1)
    min_group_size: int = Field(default=30, ge=2)


class SimulationParams(Strict):
    """Of the simulated telecom company: its size, its chance, and what has consequences in it."""

    customers: int = Field(default=20_000, ge=100)
    weeks: int = Field(default=156, ge=52)
    seed: int = 7
    draw: int | None = None
    service_effect: float = Field(default=1.0, ge=0)
    outreach_effect: float = Field(default=1.0, ge=0)
