"""The two rules of time: what a snapshot sees, and when a label is mature.

A snapshot is the start of a day in the business time zone; days are integers since 1970-01-01.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import narwhals as nw

from retention.core.params import ChurnLabel, LabelParams, ValueLabel

_EPOCH = dt.date(1970, 1, 1)
LAST_DAY = (dt.date.max - _EPOCH).days  # of the calendar; exports write it for "never"
WITHDRAWN = "withdrawn"  # the kind of a version by which the event did not happen
Frame = nw.LazyFrame[Any]


def day_number(date: dt.date) -> int:
    """Days since 1970-01-01."""
    return (date - _EPOCH).days


def date_of(day: int) -> dt.date:
    """The inverse of `day_number`."""
    return _EPOCH + dt.timedelta(days=day)


def as_known_at(events: Frame, snapshot: int, restated: bool = True) -> Frame:
    """The events known before a snapshot, each in its newest version by then.

    Withdrawn events are left out. `age` is added: days from the event to the snapshot, at least 1.
    This cut comes before anything that reads more than one row. `restated=False` states that no
    event has two versions, and saves the search for the newest.
    """
    versions = events.filter(nw.col("known_day") < snapshot)
    if restated:
        newest = nw.col("known_at") == nw.col("known_at").max().over("event_id")
        versions = versions.filter(newest, nw.col("kind") != WITHDRAWN)
    return versions.with_columns(age=snapshot - nw.col("occurred_day"))


@dataclass(frozen=True)
class Window:
    """A label window."""

    start: int  # first day
    end: int  # the day after the last
    settle: int  # days after the end until everything in the window is taken as known

    @property
    def mature_on(self) -> int:
        """The first day on which the label is mature."""
        return self.end + self.settle

    def contains(self, day: nw.Expr) -> nw.Expr:
        """Whether a column of days falls into the window."""
        return (day >= self.start) & (day < self.end)


def churn_window(snapshot: int, label: ChurnLabel) -> Window:
    """[snapshot + gap, snapshot + gap + horizon)."""
    start = snapshot + label.gap_days
    return Window(start, start + label.horizon_days, label.settle_days)


def value_window(snapshot: int, churn: ChurnLabel, value: ValueLabel) -> Window:
    """Starts with the churn window, with its own length."""
    start = snapshot + churn.gap_days
    return Window(start, start + value.horizon_days, churn.settle_days)


def label_delay_days(labels: LabelParams) -> int:
    """Days from a snapshot until both its labels are mature."""
    worth = value_window(0, labels.churn, labels.value)
    return max(churn_window(0, labels.churn).mature_on, worth.mature_on)


YEAR_DAYS: Final = 365
BEYOND: Final = 1.5
"""Horizons for which customers are followed, so that what comes after the last is seen too."""


def followed_days(snapshot: int, day: int, label: ChurnLabel) -> int:
    """Days from the opening of a snapshot's churn window of which everything is known on a day."""
    return max(0, day - label.settle_days - label.gap_days - snapshot)


def days_to_follow(horizon_days: int) -> int:
    """The longest follow-up that is read, for values to a horizon and curves to a year."""
    return int(BEYOND * max(YEAR_DAYS, horizon_days))
