"""What the service scorecard says, as plain data: the page and its CSV show exactly this."""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal[
    "share", "hours", "days", "count", "per purchase", "per 100 customers", "money"
]  # fmt: skip
Better = Literal["high", "low"]
Trend = Literal["better", "worse", "same"]

UNITS: Final[dict[Unit, str]] = {
    "share": "",
    "hours": "hours",
    "days": "days",
    "count": "",
    "per purchase": "per purchase",
    "per 100 customers": "per 100 customers",
    "money": "",
}
"""What stands after a number of that unit; a share has its % and money its symbol already."""


@dataclass(frozen=True)
class Period:
    """From the first day to the last, both included."""

    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class Figure:
    """A measured value, its 95 % interval, and how many cases it rests on; None where unknown."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class Point:
    """One step of a measure over time; low to high is the normal band around the centre."""

    start: dt.date
    value: float | None
    centre: float | None = None
    low: float | None = None
    high: float | None = None
    alarm: str | None = None


@dataclass(frozen=True)
class Measured:
    """A measure of service now, before and a year ago, and its points over time.

    `kept`: whether the target is reached; `trend`: now against before, beyond noise; `alarm`: what
    is unusual at the end of the points, in a sentence; `meaning`: the measure in one sentence.
    """

    name: str
    title: str
    unit: Unit
    better: Better
    meaning: str
    target: float | None = None
    now: Figure = Figure()
    before: Figure = Figure()
    year: Figure = Figure()
    kept: bool | None = None
    trend: Trend | None = None
    points: tuple[Point, ...] = ()
    alarm: str | None = None


@dataclass(frozen=True)
class Group:
    """A measure for one group; a flag says in a few words what stands out, `worse` if for worse."""

    name: str
    figure: Figure
    flag: str | None = None
    worse: bool = False


@dataclass(frozen=True)
class Breakdown:
    """A measure by channel, agent, stage or kind of customer; `measure` is its title."""

    measure: str
    unit: Unit
    by: str
    rows: tuple[Group, ...]


@dataclass(frozen=True)
class Week:
    """The work of one week; `in_time` is the share of contacts answered in time."""

    start: dt.date
    contacts: int
    agents: int | None = None
    per_agent: float | None = None
    in_time: float | None = None


@dataclass(frozen=True)
class Workload:
    """Weeks in order, the share that should be answered in time, and what this says in words."""

    weeks: tuple[Week, ...] = ()
    target: float | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """The share of a group that still is a customer on a day of its life, with its interval."""

    day: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """How long the customers of a group stay."""

    group: str
    points: tuple[Step, ...]


@dataclass(frozen=True)
class Hazard:
    """Of those still there, the share that leaves in a month between two days of their life.

    `left` of the group's `customers` who reached from_day did leave before to_day; `to_day` is
    None where the last stretch has no end.
    """

    group: str
    from_day: int
    to_day: int | None
    per_month: float | None
    low: float | None
    high: float | None
    left: int
    customers: int


@dataclass(frozen=True)
class When:
    """When in their life customers leave."""

    curves: tuple[Curve, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cause:
    """Customers lost whose first documented trouble it was, and those it is associated with.

    `met`: lost with it documented at all; `excess`: those beyond like customers without it, beside
    the other causes, with its interval; `value` and `excess_value` are money.
    """

    cause: str
    title: str
    lost: int
    value: float
    met: int
    excess: float
    low: float | None
    high: float | None
    excess_value: float
    verdict: str


@dataclass(frozen=True)
class Why:
    """Losses by cause: `lost` in all, of whom `unknown_lost`, worth `unknown_value`, met none."""

    rows: tuple[Cause, ...] = ()
    unknown_lost: int = 0
    unknown_value: float = 0.0
    lost: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Worth:
    """What one customer won through a channel costs, and has brought in by each month.

    `break_even_month` is the first month when that covers the cost, low to high its interval,
    `break_even_on` the day it is (or was) so for those won in the period now.
    """

    channel: str
    customers: int
    cost: float | None
    curve: tuple[tuple[int, float], ...]
    break_even_month: float | None = None
    low: float | None = None
    high: float | None = None
    break_even_on: dt.date | None = None
    words: str = ""


@dataclass(frozen=True)
class Content:
    """The whole scorecard; what no source tells of stays empty."""

    company: str
    currency: str
    as_of: dt.date
    now: Period
    before: Period
    year: Period
    headlines: tuple[str, ...] = ()
    measures: tuple[Measured, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()
    spread: tuple[Breakdown, ...] = ()
    workload: Workload = Workload()
    when: When = When()
    why: Why = Why()
    worth: tuple[Worth, ...] = ()
    rules: tuple[str, ...] = ()
