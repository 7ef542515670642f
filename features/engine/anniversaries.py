"""Anniversaries by the calendar, from integer days: leap years have one day more."""

import datetime as dt

import narwhals as nw

from retention.core import point_in_time

# Years that begin on 1 March end with the leap day, so a date lies as many days after 1 March in
# every year. The constants are those of the Gregorian calendar, whose days repeat every 400 years;
# see Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013), civil_from_days.
_DAYS_TO_1970 = 719_468  # from 1 March of the year 0
_DAYS_OF_400_YEARS = 146_097


def days_to_anniversary(day: nw.Expr, snapshot: int) -> nw.Expr:
    """Days from a snapshot to the next anniversary of a day before it; 0 on the anniversary.

    That of 29 February is 28 February in a year without one.
    """
    date = point_in_time.date_of(snapshot)
    year = date.year if date >= dt.date(date.year, 3, 1) else date.year - 1
    begins, next_begins, ends = (
        point_in_time.day_number(dt.date(year + years, 3, 1)) for years in range(3)
    )
    after_march = _days_after_1_march(day)
    this_year = begins + _at_most(after_march, next_begins - begins - 1)
    next_year = next_begins + _at_most(after_march, ends - next_begins - 1)
    return nw.when(this_year >= snapshot).then(this_year).otherwise(next_year) - snapshot


def _days_after_1_march(day: nw.Expr) -> nw.Expr:
    """Days from the last 1 March to a day; 365 for 29 February."""
    day_of_era = (day + _DAYS_TO_1970) % _DAYS_OF_400_YEARS
    leap_days = day_of_era // 1460 - day_of_era // 36_524 + day_of_era // 146_096
    year = (day_of_era - leap_days) // 365
    return day_of_era - (365 * year + year // 4 - year // 100)


def _at_most(value: nw.Expr, limit: int) -> nw.Expr:
    return nw.when(value <= limit).then(value).otherwise(limit)
