"""Anniversaries by the calendar, from integer days: leap years have one day more."""

import datetime as dt

import narwhals as nw

from retention.core import point_in_time
from retention.core.point_in_time import Frame

# Years that begin on 1 March end with the leap day, so a date lies as many days after 1 March in
# every year. The constants are those of the Gregorian calendar, whose days repeat every 400 years;
# see Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013), civil_from_days.
_DAYS_TO_1970 = 719_468  # from 1 March of the year 0
_DAYS_OF_400_YEARS = 146_097
_STEPS = ("day_of_era", "leap_days", "days_after_1_march", "this_year", "next_year")


def add_days_to_anniversary(frame: Frame, name: str, day: str, snapshot: int) -> Frame:
    """Add a column: days from a snapshot to the next anniversary of an earlier day; 0 on it.

    That of 29 February is 28 February in a year without one. Each step is a column of its own:
    one expression would repeat the day some thousand times, and an engine takes seconds to read it.
    """
    date = point_in_time.date_of(snapshot)
    year = date.year if date >= dt.date(date.year, 3, 1) else date.year - 1
    begins, next_begins, ends = (
        point_in_time.day_number(dt.date(year + years, 3, 1)) for years in range(3)
    )
    era, leap, after, this_year, next_year = (nw.col(column) for column in _STEPS)
    years = (era - leap) // 365
    steps = (
        (nw.col(day) + _DAYS_TO_1970) % _DAYS_OF_400_YEARS,
        era // 1460 - era // 36_524 + era // 146_096,
        era - (365 * years + years // 4 - years // 100),  # days after 1 March; 365: 29 February
        begins + _at_most(after, next_begins - begins - 1),
        next_begins + _at_most(after, ends - next_begins - 1),
    )
    for column, step in zip(_STEPS, steps, strict=True):
        frame = frame.with_columns(step.alias(column))
    days = nw.when(this_year >= snapshot).then(this_year).otherwise(next_year) - snapshot
    return frame.with_columns(days.alias(name)).drop(*_STEPS)


def _at_most(value: nw.Expr, limit: int) -> nw.Expr:
    return nw.when(value <= limit).then(value).otherwise(limit)
