"""The rows of an appended grain in the order of their days, and what they measure at a snapshot.

Rows are sorted once. The customer's past at a snapshot is then a range of them, which begins with
the customer's first row and ends where a binary search finds the day; whatever is summed over a
window is a difference of two running sums. So a snapshot costs as much as its customers, not as
much as their events.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.engine.expressions import ROWS, Measure

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

_DAY_BITS: Final = 23  # of a key that sorts by customer, then by day
_LARGEST: Final = (1 << _DAY_BITS) - 1
_WEEK: Final = 7
ANY_ROW: Final = ROWS.text


@dataclass
class Rows:
    """Rows of customers, sorted by customer, then by day.

    customers are whole numbers from 0; values: of each row, null as NaN or masked by `valid`;
    groups: of each row, for a grain of groups; lag: days after which a row becomes known.
    folder: where the arrays lie, so that memory holds what is being read alone; None: in memory.
    """

    customers: Ints
    days: Ints
    values: dict[str, Array]
    valid: dict[str, npt.NDArray[np.bool_]]  # which values are not null; all where it is missing
    n_customers: int
    lag: int = 0
    folder: Path | None = None
    _arrays: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first_day = int(self.days.min(initial=0))
        self.days = self._keep("days", lambda: self.days)
        self.customers = self._keep("customers", lambda: self.customers)
        self.key = self._keep("key", lambda: self._keys(self.customers, self.days))
        self.starts = np.searchsorted(self.key, np.arange(self.n_customers + 1) << _DAY_BITS)

    def view(self, customers: Ints, snapshot: int) -> "View":
        """The past of some customers at a snapshot."""
        return View(self, customers, snapshot)

    def prepare(self, measures: Iterable[Measure]) -> None:
        """Sort and sum whatever these measures read, and forget the values themselves."""
        for measure in measures:
            if measure.kind == "sum":
                self.running_sums(measure.text)
            elif measure.kind == "newest" and measure.text != ANY_ROW:
                self.last_where(measure.text)
            elif measure.kind == "oldest" and measure.text != ANY_ROW:
                self.next_where(measure.text)
            elif measure.kind in ("largest", "smallest", "at_newest"):
                self.running_extreme(measure.text, measure.kind)
            elif measure.kind in ("median", "at_least_silence"):
                self.by_value(measure.text)
            elif measure.kind == "distinct":
                self.distinct(measure.ages[1] or 0)
        self.values, self.valid = {}, {}

    def running_sums(self, text: str) -> Ints:
        """The sums of a value over all rows before each, and over all."""
        return self._keep(f"sums {text}", lambda: _running_sums(self.values[text]))

    def running_extreme(self, text: str, kind: str) -> tuple[Array, Any]:
        """The customer's largest or smallest value up to each row, and what stands for none.

        at_newest: the largest of the row's own day, up to the row.
        """
        name = f"{kind} {text}"
        values = self._arrays[name] if name in self._arrays else self.values[text]
        limits = np.finfo(float) if values.dtype.kind == "f" else np.iinfo(np.int64)
        nothing = limits.max if kind == "smallest" else limits.min

        def running() -> Array:
            filled = pd.Series(np.where(self.valid[text], values, nothing))
            grouped = filled.groupby(self.key if kind == "at_newest" else self.customers)
            extremes = grouped.cummin() if kind == "smallest" else grouped.cummax()
            return extremes.to_numpy()

        return self._keep(name, running), nothing

    def last_where(self, text: str) -> Ints:
        """The position after the last row, up to each, where the value is 1; 0: none."""

        def positions() -> Ints:
            places = np.where(self.values[text] == 1, np.arange(1, len(self.days) + 1), 0)
            latest: Ints = np.maximum.accumulate(places)
            return np.where(latest > self.starts[self.customers], latest, 0)

        return self._keep(f"last {text}", positions)

    def next_where(self, text: str) -> Ints:
        """The position of the first row, from each on, where the value is 1; the number of rows."""

        def positions() -> Ints:
            places = np.where(self.values[text] == 1, np.arange(len(self.days)), len(self.days))
            following: Ints = np.minimum.accumulate(places[::-1])[::-1]
            return np.append(following, len(self.days))

        return self._keep(f"next {text}", positions)

    def by_value(self, text: str) -> tuple[Ints, Ints, Ints]:
        """customers, values, days of the rows with a value, by customer, then by value."""

        def order() -> Ints:
            rows = np.flatnonzero(self.valid[text])
            by_value = np.lexsort((self.values[text][rows], self.customers[rows]))
            return rows[by_value]

        rows = self._keep(f"order {text}", order)
        return (
            self._keep(f"customers by {text}", lambda: self.customers[rows]),
            self._keep(f"sorted {text}", lambda: self.values[text][rows]),
            self._keep(f"days by {text}", lambda: self.days[rows]),
        )

    def distinct(self, days: int) -> tuple[Ints, Ints]:
        """Sorted keys of when a row begins, and ceases, to stand for its group in a window.

        It stands for it while it is the group's first row in the window: known, and the group's row
        before it is too old.
        """

        def keys() -> Ints:
            before = np.where(self.valid["before"], self.values["before"], self.days - _LARGEST)
            begins = np.maximum(before + days, self.days + self.lag) + 1
            ends = self.days + days + 1
            stands = begins < ends
            pair = [
                np.sort(self._keys(self.customers[stands], day[stands])) for day in (begins, ends)
            ]
            return np.stack(pair)

        begins, ends = self._keep(f"distinct {days}", keys)
        return begins, ends

    def weeks(self, snapshot: int) -> Ints:
        """Running count of the first rows of each week; a week's last day is that of a snapshot."""
        phase = snapshot % _WEEK

        def firsts() -> Ints:
            week = (self.days - phase) // _WEEK
            first = np.ones(len(week), np.int64)
            first[1:] = (week[1:] != week[:-1]) | (self.customers[1:] != self.customers[:-1])
            return _running_sums(first)

        return self._keep(f"weeks {phase}", firsts)

    def before(self, keys: Ints, customers: Ints, day: int) -> Ints:
        """How many sorted keys are of an earlier customer, or of this one before a day."""
        return np.searchsorted(keys, self._keys(customers, np.int64(day)))

    def _keys(self, customers: Ints, day: Any) -> Ints:
        keys: Ints = (customers << _DAY_BITS) + np.clip(day - self.first_day + 1, 0, _LARGEST)
        return keys

    def _keep(self, name: str, make: Callable[[], Array]) -> Array:
        if name not in self._arrays:
            array = make()
            if self.folder is not None:
                path = self.folder / f"{len(self._arrays)}.npy"
                np.save(path, array)
                array = np.load(path, mmap_mode="r")
            self._arrays[name] = array
        return self._arrays[name]


class View:
    """The rows of some customers that are known at a snapshot."""

    def __init__(self, rows: Rows, customers: Ints, snapshot: int) -> None:
        self.rows, self.customers, self.snapshot = rows, customers, snapshot
        self.cut = snapshot - rows.lag
        self.start = rows.starts[customers]
        self._before: dict[int, Ints] = {}
        self.end = self._position(self.cut)
        self.some = self.end > self.start

    def measure(self, measure: Measure) -> tuple[Array, npt.NDArray[np.bool_] | None]:
        """A measure of each customer, and where there is none (None: nowhere)."""
        if measure.kind == "sum":
            sums = self.rows.running_sums(measure.text)
            low, high = self._range(measure.ages)
            return sums[high] - sums[low], None
        return getattr(self, f"_{measure.kind}")(measure)  # type: ignore[no-any-return]

    def _position(self, day: int) -> Ints:
        day = min(day, self.cut)
        if day not in self._before:
            self._before[day] = self.rows.before(self.rows.key, self.customers, day)
        return self._before[day]

    def _range(self, ages: tuple[int, int | None]) -> tuple[Ints, Ints]:
        low, high = ages
        first = self.start if high is None else self._position(self.snapshot - high)
        return first, self._position(self.snapshot - low)

    def _last(self, values: Array) -> Array:
        """The value at each customer's last row; of a customer without rows, any."""
        return values[np.maximum(self.end - 1, 0)] if len(values) else np.zeros(len(self.end))

    def age(self, position: Ints) -> Ints:
        """The age in days of the row at a position."""
        if not len(self.rows.days):
            return np.zeros(len(position), np.int64)
        return self.snapshot - self.rows.days[np.clip(position, 0, len(self.rows.days) - 1)]

    def _newest(self, measure: Measure) -> tuple[Array, Array]:
        if measure.text == ANY_ROW:
            return self.age(self.end - 1), ~self.some
        last = self._last(self.rows.last_where(measure.text))
        return self.age(last - 1), ~self.some | (last == 0)

    def _oldest(self, measure: Measure) -> tuple[Array, Array]:
        if measure.text == ANY_ROW:
            return self.age(self.start), ~self.some
        first = self.rows.next_where(measure.text)[self.start]
        return self.age(first), first >= self.end

    def _largest(self, measure: Measure) -> tuple[Array, Array]:
        extremes, nothing = self.rows.running_extreme(measure.text, measure.kind)
        value = self._last(extremes)
        return value, ~self.some | (value == nothing)

    _smallest = _at_newest = _largest

    def _median(self, measure: Measure) -> tuple[Array, Array]:
        customers, values = self._by_value(measure)
        low = np.searchsorted(customers, self.customers)
        number = np.searchsorted(customers, self.customers, "right") - low
        none = number == 0
        median = np.zeros(len(low))
        below = (low + np.maximum(number - 1, 0) // 2)[~none]
        above = (low + number // 2)[~none]
        median[~none] = (values[below].astype(float) + values[above]) / 2
        return median, none

    def _at_least_silence(self, measure: Measure) -> tuple[Array, None]:
        customers, values = self._by_value(measure)
        key = (customers << _DAY_BITS) + np.clip(values, 0, _LARGEST)
        silence = np.clip(self.age(self.end - 1), 0, _LARGEST)
        shorter = np.searchsorted(key, (self.customers << _DAY_BITS) + silence)
        return np.searchsorted(key, (self.customers + 1) << _DAY_BITS) - shorter, None

    def _by_value(self, measure: Measure) -> tuple[Ints, Ints]:
        customers, values, days = self.rows.by_value(measure.text)
        past = days < self.cut
        return customers[past], values[past]

    def _distinct(self, measure: Measure) -> tuple[Array, None]:
        _, days = measure.ages
        begins, ends = self.rows.distinct(days or 0)
        begun = self._of_each(begins)
        return begun - self._of_each(ends), None

    def _of_each(self, keys: Ints) -> Ints:
        """How many of each customer's keys are of the snapshot's day or before."""
        until = self.rows.before(keys, self.customers, self.snapshot + 1)
        return until - np.searchsorted(keys, self.customers << _DAY_BITS)

    def _weeks(self, measure: Measure) -> tuple[Array, None]:
        weeks = self.rows.weeks(self.snapshot)
        low, high = self._range(measure.ages)
        return weeks[high] - weeks[low], None


def _running_sums(values: Array) -> Ints:
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums
