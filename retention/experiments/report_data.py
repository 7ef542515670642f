"""What the page of outcomes says, already computed: the shape between the figures and the page."""

import datetime as dt
from dataclasses import dataclass

from retention.experiments.incremental import Saved
from retention.i18n.language import Language
from retention.stats.power import Arms
from retention.stats.two_sample import Difference


@dataclass(frozen=True)
class Range:
    """A number and its 95 % interval; ends are nan where there are too few customers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Arm:
    """One arm of those compared. leaving: share that left; worth: mean value, money."""

    name: str
    customers: int
    left: int
    leaving: Range
    worth: Range


@dataclass(frozen=True)
class Result:
    """Both arms and what lies between them, contact less holdout.

    once: of shares of leavers, as one look reads it. left, value: as they may be read at every
    list. saved: by those. verdict: in words. measured: whether it says what contact achieved, or
    only when that can be said.
    """

    arms: tuple[Arm, Arm]
    once: Difference
    left: Difference
    value: Difference
    saved: Saved
    verdict: str
    measured: bool


@dataclass(frozen=True)
class Group:
    """A part of the customers by play or theme (`by`), named by its code.

    saved: customers, by one look. p_adjusted: corrected for all groups that are looked at; nan
    where there are too few customers.
    """

    by: str
    name: str
    contact: int
    holdout: int
    leaving: tuple[float, float]
    saved: Range
    p_adjusted: float

    @property
    def stands_out(self) -> bool:
        return self.p_adjusted < 0.05


@dataclass(frozen=True)
class Compliance:
    """Of an arm compared: customers about whom staff answered, contacted, reached."""

    arm: str
    customers: int
    worked: int
    contacted: int
    reached: int


@dataclass(frozen=True)
class Known:
    """A column known before the draw: its mean in both arms, and how far apart in deviations."""

    name: str
    contact: float
    holdout: float
    apart: float


@dataclass(frozen=True)
class Balanced:
    """Whether the draw was one: p_values of the arms' sizes and of all columns together."""

    columns: tuple[Known, ...]
    sizes_p: float
    joint_p: float
    holds: bool


@dataclass(frozen=True)
class Fifth:
    """Of the held out, by predicted chance of leaving, low to high: predicted and happened."""

    customers: int
    predicted: float
    happened: float


@dataclass(frozen=True)
class Calibration:
    """Of the held out, whom no contact changed: leavers expected by the lists, and observed.

    low, high: within which the observed lie in 95 of 100 cases if the chances are right.
    """

    customers: int
    expected: float
    observed: int
    low: float
    high: float
    fifths: tuple[Fifth, ...]

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
    ripe: bool
    contact: int
    held_out: int
    known: int
    said: float
    left: Range
    calibrated: bool | None
    order: Range

    @property
    def verdict(self) -> str:
        """right, too low, too high, or too few."""
        if self.calibrated is None:
            return "too few"
        if self.calibrated:
            return "right"
        return "too low" if self.said < self.left.low else "too high"


@dataclass(frozen=True)
class Batch:
    """What the lists of one day assigned for the first time."""

    as_of: dt.date
    contact: int
    holdout: int
    known_on: dt.date
    known: bool


@dataclass(frozen=True)
class Hope:
    """How many customers it takes to show that contact keeps a share of those who would leave."""

    kept: float
    needed: Arms
    months: float


@dataclass(frozen=True)
class Plan:
    """The power calculator. rate: of leaving, as predicted before the first look; held_out: share.

    planned: for the effect hoped for. smallest: the share kept that the arms known today could
    show, nan where none. a_month: customers who enter each month.
    """

    rate: float
    held_out: float
    power: float
    hoped: float
    planned: Arms
    has: Arms
    a_month: Arms
    smallest: float
    hopes: tuple[Hope, ...]


@dataclass(frozen=True)
class Content:
    """Everything the page shows. Parts that nothing is known of are None or empty."""

    company: str
    currency: str
    language: Language
    as_of: dt.date
    campaign: str
    definition: str
    value_days: int
    plays: dict[str, str]
    entered: Arms
    left_out: dict[str, int]
    first_on: dt.date
    batches: tuple[Batch, ...]
    least: int
    result: Result | None = None
    plan: Plan | None = None
    groups: tuple[Group, ...] = ()
    compliance: tuple[Compliance, ...] = ()
    balance: Balanced | None = None
    calibration: Calibration | None = None
    lists: tuple[PastList, ...] = ()
    order: Range | None = None
