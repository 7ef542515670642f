"""What a feature is, and how its column is computed from the past of a snapshot.

A theme file in features/ declares
- grains, with `@grain(kinds)`: a frame made from the past, one row a thing (an order, a case);
- features, with `@feature(grain, unit=...)`: a Narwhals expression that aggregates the rows of one
  customer, so that it runs on every engine.

Build expressions from `within`, `count`, `total`, `ratio` and `money`: they keep windows, nulls and
exact money the same in all features. Grains that several themes share are in `grains.py` and
`service_grains.py`. A feature never reads events by itself, so it cannot see past the snapshot.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import narwhals as nw

from retention.core.events import MONEY_UNITS
from retention.core.params import ServiceParams
from retention.core.point_in_time import Frame

DECIMALS = 6
"""The one rounding rule: float features keep six decimals."""

Side = Literal["low", "high", "either"]
MONEY_COLUMNS = ("amount", "quoted_amount", "cost")


@dataclass(frozen=True)
class Appended:
    """Later events add rows to a grain and change none, but for their age.

    So the rows at any snapshot are the first ones of those at the last, and whatever is summed over
    a window of them is a difference of two running sums (one_pass.py). This holds of customers
    whose events become known in the order of their days.
    """

    one_row: str = ""  # column of events: those that share it are one row, if they are of one day
    silence: str = ""  # column: the age of the customer's newest row
    changing: tuple[str, ...] = ()  # columns that later rows change all the same


@dataclass(frozen=True)
class Grouped:
    """A row of a grain stands for the rows of an appended one that share a key.

    Its columns are `age` of the newest of them, `first_age` of the oldest, `number` of them.
    """

    rows: "Grain"
    key: str
    number: str


@dataclass(frozen=True)
class Weekly:
    """A row of a grain stands for the rows of an appended one, each of a day, in one week.

    Its columns are `week` (1: the seven days before the snapshot) and `days`, the number of them.
    """

    rows: "Grain"


@dataclass(frozen=True)
class Grain:
    """A frame of the past with a column customer_id."""

    name: str
    kinds: tuple[str, ...]  # of the events it is made from
    build: Callable[["Past"], Frame]
    form: Appended | Grouped | Weekly | None = None  # None: computed anew at each snapshot


@dataclass
class Past:
    """What is known at one snapshot. Each grain is computed once."""

    all_events: Frame  # known before the snapshot, with `age` in days
    customers: Frame  # attributes known before the snapshot, one row a customer
    snapshot: int  # day number
    materialize: Callable[[Frame], Frame]  # computes a lazy frame
    service_params: ServiceParams = field(default_factory=ServiceParams)  # the service levels
    _cache: dict[Grain, Frame] = field(default_factory=dict)

    def events(self, *kinds: str) -> Frame:
        """The events of some kinds, money as exact integers (`amount_units`, ...)."""
        in_units = {f"{name}_units": units(name) for name in MONEY_COLUMNS}
        return self.all_events.filter(nw.col("kind").is_in(kinds)).with_columns(**in_units)

    def __getitem__(self, grain: Grain) -> Frame:
        if grain not in self._cache:
            self._cache[grain] = self.materialize(grain.build(self))
        return self._cache[grain]

    def first_days(self) -> Frame:
        """kind, source, first_day: the first day of each source's events of each kind."""
        return self.all_events.group_by("kind", "source").agg(
            first_day=nw.col("occurred_day").min()
        )

    def since(self, kind: str) -> Frame:
        """One row, since: first day of the sources with a kind; null where no source has it."""
        days = self.first_days()
        sources = days.filter(nw.col("kind") == kind).select("source").unique()
        return days.join(sources, on="source", how="inner").select(since=nw.col("first_day").min())


def units(name: str) -> nw.Expr:
    """A column of money in whole MONEY_UNITS, whose sums are exact."""
    return (nw.col(name) * MONEY_UNITS).cast(nw.Int64())


def grain(
    *kinds: str, form: Appended | Grouped | Weekly | None = None
) -> Callable[[Callable[[Past], Frame]], Grain]:
    """Declare a grain made from events of `kinds`; `form` lets one pass serve all snapshots."""
    return lambda build: Grain(build.__name__, kinds, build, form)


CUSTOMER = Grain("customer", (), lambda past: past.customers)
"""The customer's attributes as known at the snapshot, one row a customer."""

DERIVED = Grain("derived", (), lambda past: past.customers)
"""Not a frame: the expression reads the finished columns of other features."""


@dataclass(frozen=True)
class Feature:
    """One column of the feature table."""

    name: str
    theme: str
    grain: Grain
    meaning: str
    unit: str
    none: float | None  # value for a customer without a row in the grain; None: null
    reach: int  # days it looks back; null where the history of its kinds is shorter
    words: tuple[str, ...]
    """What staff read: templates over feature names (see words.py), of which the first whose
    numbers are all known is used; none: the feature is never given as a reason. They are the same
    for every window, so that they are translated once."""
    alarming: Side  # side of the cohort's median on which it is worth a mention
    expr: nw.Expr
    window: int | None = None  # days; None: it has no window
    subject: str | None = None  # what a company's own kind is called; see own_kinds.py

    @property
    def nulls(self) -> str:
        """The rule for nulls, as a sentence."""
        empty = "null without one" if self.none is None else f"{self.none:g} without one"
        if self.grain is DERIVED:
            empty = "null where a part is null or nothing divides it"
        if self.grain is CUSTOMER:
            empty = "null where not known at the snapshot"
        if not self.reach:
            return empty
        return f"{empty}; null where the source began less than {self.reach} days before"


@dataclass(frozen=True)
class Declaration:
    """A feature before it is expanded into one column a window."""

    function: Callable[..., nw.Expr]
    name: str
    meaning: str
    grain: Grain
    unit: str
    none: float | None
    words: tuple[str, ...]
    alarming: Side
    windows: tuple[int, ...] | None
    spans: int

    def expand(self, windows: Sequence[int]) -> Iterable[Feature]:
        """One feature a window, of its own or of `windows`; just one if it takes no window."""
        takes_days = "days" in inspect.signature(self.function).parameters
        for days in (self.windows or windows) if takes_days else (None,):
            yield self._feature(days)

    def _feature(self, days: int | None) -> Feature:
        return Feature(
            name=self.name if days is None else f"{self.name}_{days}d",
            theme=self.function.__module__.rpartition(".")[2],
            grain=self.grain,
            meaning=" ".join(self.meaning.split()).format(days=days),
            unit=self.unit,
            none=self.none,
            reach=self.spans if days is None else self.spans * days,
            words=self.words,
            alarming=self.alarming,
            expr=self.function() if days is None else self.function(days),
            window=days,
        )


def feature(
    grain: Grain,
    *,
    unit: str,
    name: str | None = None,
    meaning: str | None = None,
    none: float | None = None,
    words: str | tuple[str, ...] = (),
    alarming: Side = "low",
    windows: tuple[int, ...] | None = None,
    spans: int | None = None,
) -> Callable[[Callable[..., nw.Expr]], Declaration]:
    """Declare a feature by a function that returns its expression over a grain's rows.

    Parameters
    ----------
    grain : the frame whose rows are aggregated; DERIVED to read finished columns
    unit : the unit of the value; "category" for text
    name, meaning : by default the function's name and docstring; a factory of features gives them
    none : value for a customer without a row in the grain; None for null
    words : what staff read, one template or several, best first; see words.py. `{days}` is the
        window and `name_Nd` a column of that window
    alarming : on which side of the cohort's median the value is worth a mention
    windows : window lengths in days, for a function that takes `days`; default: those of params
    spans : the history it needs: in windows if it takes `days` (default 1), else in days (default
        0: any). With less it is null
    """

    def declare(function: Callable[..., nw.Expr]) -> Declaration:
        takes_days = "days" in inspect.signature(function).parameters
        return Declaration(
            function=function,
            name=name or function.__name__,
            meaning=meaning or function.__doc__ or "",
            grain=grain,
            unit=unit,
            none=none,
            words=(words,) if isinstance(words, str) else words,
            alarming=alarming,
            windows=windows,
            spans=int(takes_days) if spans is None else spans,
        )

    return declare


def within(days: int, skip: int = 0, age: str = "age") -> nw.Expr:
    """Whether a row's age (or another column of days) lies in the `days` ending `skip` days ago."""
    return (nw.col(age) > skip) & (nw.col(age) <= skip + days)


def count(rows: nw.Expr) -> nw.Expr:
    """How many rows meet a condition."""
    return nw.when(rows).then(1).otherwise(0).sum()


def total(column: str, rows: nw.Expr) -> nw.Expr:
    """The sum of a column over the rows that meet a condition."""
    return nw.when(rows).then(nw.col(column)).otherwise(0).sum()


def money(units: nw.Expr) -> nw.Expr:
    """Exact money units as an amount of currency."""
    return units.cast(nw.Float64()) / MONEY_UNITS


def ratio(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    """part / whole, null where the whole is not positive."""
    divisor = nw.when(whole > 0).then(whole)
    return part.cast(nw.Float64()) / divisor.cast(nw.Float64())
