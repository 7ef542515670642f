"""Sections for the models: labels, snapshots, features, training and evaluation."""

from typing import Any, Literal

from pydantic import Field

from retention.core.params.base import Days, Strict


class ChurnLabel(Strict):
    rule: Literal["silence", "cancel"]
    kinds: list[str] = ["purchase"]
    active_days: Days = 180
    horizon_days: Days = 90
    gap_days: int = Field(default=0, ge=0)
    settle_days: int = Field(default=0, ge=0)


class ValueLabel(Strict):
    kinds: list[str] = ["purchase", "return"]
    cost_kinds: list[str] = []
    horizon_days: Days = 90
    margin: float = Field(default=1.0, gt=0, le=1)
    annual_discount: float = Field(default=0.0, ge=0, lt=1)


class LabelParams(Strict):
    churn: ChurnLabel
    value: ValueLabel = ValueLabel()


class SnapshotParams(Strict):
    every_days: Days = 30
    most: Days = 24  # snapshots


class ServiceParams(Strict):
    """The service level: the first answer and the end of a case come within these."""

    answer_hours: float = Field(default=24, gt=0)
    resolution_days: int = Field(default=5, ge=0)


class FeatureParams(Strict):
    windows: list[Days] = [7, 14, 30, 60, 90, 180, 365]


TreatedRows = Literal["weight", "drop", "adjust", "keep"]
"""How training uses the rows of customers who were contacted before their outcome.

weight: they are left out, and others stand for them, each with the weight 1 / (chance of not being
contacted): the held-out customers by the draw, the rest by the contacts of customers like them.
drop: they are left out. adjust: they stay, models get the treatment as an input and predict
everybody as untreated. keep: they count as any other row.
"""


class TrainParams(Strict):
    treated_rows: TreatedRows = "weight"
    folds: int = Field(default=5, ge=1)
    min_churners: int = Field(default=30, ge=1)
    seed: int = 20260401
    threads: int = Field(default=2, ge=1)
    models: dict[str, dict[str, Any]] = {}
    lifetime_days: Days = 365  # how far ahead a customer is valued


class UpliftParams(Strict):
    """What is learnt from randomised customers."""

    model: str | None = "uplift_dr"  # fitted on randomised customers; null: none
    # What a contact changes: the churn probability, times what a kept customer is worth; or the
    # value of the label window itself, as measured.
    outcome: Literal["churn", "money"] = "churn"


class EvaluateParams(Strict):
    bootstrap: int = Field(default=200, ge=20)
    seed: int = 20260402
    min_group_size: int = Field(default=50, ge=10)  # customers; smaller groups are not reported


class PromoteParams(Strict):
    """When a challenger takes the champion's place."""

    # Promote a challenger that is no worse; otherwise `retention promote` decides.
    automatic: bool = False
    # Of what the champion gains over knowing nothing, by each measure, the share that a challenger
    # may lose and still be "no worse".
    margin: float = Field(default=0.1, gt=0, lt=1)
    # The same of few customers, where an equal model would seldom be shown to be within `margin`.
    widest_margin: float = Field(default=0.5, gt=0, lt=1)
    bootstrap: int = Field(default=1000, ge=100)  # samples for the interval of the difference
    seed: int = 20260406
