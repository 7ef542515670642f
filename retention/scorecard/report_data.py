"""The data of the service scorecard: its page and its CSV show exactly this."""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["share", "hours", "days", "count", "per purchase", "per 100 customers", "money"]
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
"""The words after a number of that unit; a share has its % and money its symbol already."""

METHOD_NOTES = (
    "A value is a sum over a sum for the period; the interval holds the true one 19 times in 20 "
    "and counts a customer's cases as hanging together.",
    "The normal band is three standard deviations around the centre of all earlier points of four "
    "weeks (Laney's p' and u' charts for shares and counts, Wheeler's XmR for means). What comes "
    "again at the same time of two or more years is normal: the band moves with it, and better and "
    "worse are said beyond it.",
    "An alarm is a point beyond the band, or the eighth in a row on one side of the centre.",
    "A measure that waits for what becomes of a case or an order ends so many days earlier; its "
    "dates are below its figure. A period that the record does not cover whole is left out.",
    "Better and worse than before mean a difference of at least two standard errors; a group "
    "stands out beyond three.",
)


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`, both included."""

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
class ChartPoint:
    """One point of a metric's control chart."""

    start: dt.date
    value: float | None
    centre: float | None = None
    low: float | None = None  # low to high is the normal band around the centre
    high: float | None = None
    alarm: str | None = None  # why the point is out of control
    good: bool = False  # whether an alarm is on the better side


@dataclass(frozen=True)
class MetricReport:
    """A metric of service in three periods, and its control chart."""

    name: str
    title: str
    unit: Unit
    better: Better
    meaning: str  # the metric in one sentence
    target: float | None = None
    now: Figure = Figure()
    before: Figure = Figure()
    year_ago: Figure = Figure()
    target_met: bool | None = None
    trend: Trend | None = None  # now against before; "same" within noise
    points: tuple[ChartPoint, ...] = ()
    alarm: str | None = None  # what is unusual at the end of the points, in a sentence
    alarm_good: bool = False  # whether it is on the better side
    period: Period | None = None  # of `now`: it ends where what has to be waited for is known
    changed_on: dt.date | None = None  # the first point of another level, where one is clear


@dataclass(frozen=True)
class TouchReport:
    """Contacts per purchase that have one topic, cause or step in common."""

    dimension: str
    metric: MetricReport  # its title is the topic, cause or step


@dataclass(frozen=True)
class PurchaseKind:
    """Contacts about purchases that went alike, in the four weeks after each."""

    name: str
    contacts: Figure  # for each purchase
    untouched: float  # share of purchases without a contact
    usual: int  # contacts that 19 of 20 do not exceed


@dataclass(frozen=True)
class Touches:
    """Why customers get in touch."""

    parts: tuple[TouchReport, ...] = ()
    purchases: tuple[PurchaseKind, ...] = ()
    purchased: Period | None = None  # when those purchases were made
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupFigure:
    """A metric for one group."""

    name: str
    figure: Figure
    flag: str | None = None  # how the group differs from the rest, in a few words
    worse: bool = False  # whether it is served worse than the rest


@dataclass(frozen=True)
class Breakdown:
    """A metric by channel, agent, journey stage or customer attribute."""

    metric: str  # its title
    unit: Unit
    dimension: str  # what the groups are groups of
    groups: tuple[GroupFigure, ...]
    period: Period | None = None


@dataclass(frozen=True)
class Week:
    """The work of one week."""

    start: dt.date
    contacts: int
    agents: int | None = None
    per_agent: float | None = None
    answered_in_time: float | None = None  # share of the week's cases


@dataclass(frozen=True)
class Workload:
    """Contacts by week, and how many cases were answered in time."""

    weeks: tuple[Week, ...] = ()  # in order
    target: float | None = None  # the share that should be answered in time
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class SurvivalPoint:
    """The share of a group still customers after `day` days, with its 95 % interval."""

    day: int
    survival: float
    low: float
    high: float


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan-Meier estimate of how long the customers of a group stay."""

    group: str
    points: tuple[SurvivalPoint, ...]


@dataclass(frozen=True)
class Hazard:
    """The churn rate a month between two days of tenure, with its 95 % interval."""

    group: str
    from_day: int
    to_day: int | None  # None: without an end
    per_month: float | None
    low: float | None
    high: float | None
    left: int  # customers who left in between
    customers: int  # customers at risk in between


@dataclass(frozen=True)
class ChurnTiming:
    """At which tenure customers leave."""

    curves: tuple[SurvivalCurve, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class CauseReport:
    """The losses associated with one documented cause."""

    cause: str
    title: str
    lost: int  # customers lost whose first documented cause it was
    value: float  # what those brought in a year, money
    lost_with_cause: int  # customers lost with the cause documented, first or not
    excess: float  # losses beyond those of like customers without it, other causes held fixed
    low: float | None  # low to high is the 95 % interval of excess
    high: float | None
    excess_value: float  # the same in money
    verdict: str


@dataclass(frozen=True)
class ChurnDrivers:
    """Losses by cause."""

    causes: tuple[CauseReport, ...] = ()
    unknown_lost: int = 0  # lost without a documented cause
    unknown_value: float = 0.0  # what those brought in a year, money
    lost: int = 0  # all customers lost
    since: dt.date | None = None  # the first day from which losses count
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChannelLtv:
    """Acquisition cost and margin to date of one customer acquired through a channel."""

    channel: str
    customers: int
    cost: float | None
    curve: tuple[tuple[int, float], ...]  # (month, cumulative margin)
    break_even_month: float | None = None  # the first month by which margin covers the cost
    low: float | None = None  # low to high is its 95 % interval
    high: float | None = None
    break_even_on: dt.date | None = None  # that day for customers acquired in the period now
    verdict: str = ""


@dataclass(frozen=True)
class ScorecardReport:
    """The whole scorecard; a part without a source stays empty."""

    company: str
    currency: str
    as_of: dt.date
    now: Period
    before: Period
    year_ago: Period
    headlines: tuple[str, ...] = ()
    metrics: tuple[MetricReport, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()  # by where and by whom customers are served
    customer_groups: tuple[Breakdown, ...] = ()  # by attribute of the customers
    touches: Touches = Touches()
    workload: Workload = Workload()
    timing: ChurnTiming = ChurnTiming()
    drivers: ChurnDrivers = ChurnDrivers()
    channel_ltv: tuple[ChannelLtv, ...] = ()
    method_notes: tuple[str, ...] = ()
