"""Anniversaries: the same date of a later year, whatever leap days lie between."""

import datetime as dt
from typing import Any

import narwhals as nw
import pyarrow as pa
import pytest

from features.engine.anniversaries import add_days_to_anniversary
from retention.core import point_in_time


def next_anniversary(start: dt.date, today: dt.date) -> dt.date:
    for year in (today.year, today.year + 1):
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        is_moved = (start.month, start.day) == (2, 29) and not leap
        date = dt.date(year, 2, 28) if is_moved else start.replace(year=year)
        if date >= today:
            return date
    raise AssertionError


@pytest.mark.parametrize(
    "today", ["2023-02-28", "2023-03-01", "2024-02-28", "2024-02-29", "2024-03-01", "2100-03-01"]
)
def test_every_day_has_the_anniversary_of_its_date(today: str) -> None:
    date = dt.date.fromisoformat(today)
    snapshot = point_in_time.day_number(date)
    starts = range(snapshot - 4000, snapshot)
    table: nw.LazyFrame[Any] = nw.from_native(pa.table({"day": list(starts)})).lazy()
    days = add_days_to_anniversary(table, "days", "day", snapshot).collect()["days"].to_list()
    assert days == [
        (next_anniversary(point_in_time.date_of(start), date) - date).days for start in starts
    ]
