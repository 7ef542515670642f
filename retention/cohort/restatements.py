"""Restatements: days whose known events differ from what the last run knew of them."""

from collections.abc import Mapping
from typing import Final

import duckdb

from retention.core import events, point_in_time
from retention.sources.reader import run

_ALL: Final = ", ".join(events.EVENT_COLUMNS)

DailyNews = Mapping[str, tuple[int, str]]
"""By day number, as text: how many event versions became known on it, and their hash."""


def known_days(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, str]]:
    """The news of each day in table `events`, whatever the order of its rows."""
    rows = run(
        connection,
        f"""select known_day, count(*), printf('%016x', bit_xor(hash({_ALL})))
        from events group by known_day order by known_day""",
    )
    return {str(day): (n_versions, digest) for day, n_versions, digest in rows}


def changed_days(before: DailyNews, now: DailyNews) -> list[int]:
    """The days whose news differ between two runs, oldest first.

    The last day of the earlier run may not have been over, and does not count.
    """
    last = max(map(int, before), default=0)
    both = before.keys() | now.keys()
    return sorted(
        day for day in map(int, both) if day < last and _news_on(before, day) != _news_on(now, day)
    )


def _news_on(days: DailyNews, day: int) -> tuple[int, str]:
    return days.get(str(day), (0, ""))


def sentences(before: DailyNews, now: DailyNews) -> list[str]:
    """The restatement in words: nothing, or from which snapshot on the past has changed."""
    days = changed_days(before, now)
    if not days:
        return []
    first = days[0]
    return [
        f"restated: what was known on {len(days):,} earlier days is not what the last run knew,"
        f" first on {point_in_time.date_of(first)} ({_news_on(now, first)[0]:,} events, then"
        f" {_news_on(before, first)[0]:,}); snapshots from"
        f" {point_in_time.date_of(first + 1)} on see another past; map known_at if rows come late"
    ]
