"""Coverage of sources: which customers and days each one holds, and how late it knows them."""

from collections.abc import Mapping, Sequence

import duckdb

from retention.core import point_in_time
from retention.core.documents.sources import Lag, SourceSummary
from retention.sources.reader import run


def source_coverage(connection: duckdb.DuckDBPyConnection) -> dict[str, SourceSummary]:
    """For each source of table `events`: rows, days by kind, customers, and hours of delay.

    Table `newest`, one row an event, has `learnt_at`: when the event was first known.
    """
    rows = run(
        connection,
        """select source, count(*), min(occurred_day), max(known_day),
            list(distinct kind order by kind), max(occurred_day), count(distinct customer_id),
            round(count(distinct customer_id) /
                (select count(distinct customer_id) from events), 4)
        from events group by source order by source""",
    )
    keys = (
        "rows",
        "first_day",
        "last_known_day",
        "kinds",
        "last_day",
        "customers",
        "share_of_customers",
    )
    lags, last_known_days = _lag_hours(connection), _last_known_days(connection)
    return {
        source: SourceSummary(
            **dict(zip(keys, values, strict=True)),
            last_known_days=last_known_days[source],
            lag_hours=lags[source],
        )
        for source, *values in rows
    }


def _last_known_days(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """The last day on which an event of each kind became known, by source and kind."""
    rows = run(
        connection,
        "select source, kind, max(known_day) from events group by all order by source, kind",
    )
    by_source: dict[str, dict[str, int]] = {}
    for source, kind, day in rows:
        by_source.setdefault(source, {})[kind] = day
    return by_source


def _lag_hours(connection: duckdb.DuckDBPyConnection) -> dict[str, Lag]:
    """Hours from when an event happened to when it was first known, by source."""
    rows = run(
        connection,
        """select source, round(quantile_disc(hours, 0.5), 2), round(quantile_disc(hours, 0.95), 2),
            round(max(hours), 2)
        from (select source, date_diff('millisecond', occurred_at, learnt_at) / 3.6e6 as hours
            from newest) group by source""",
    )
    return {
        source: Lag(median=median, p95=p95, max=longest) for source, median, p95, longest in rows
    }


def coverage_table(sources: Mapping[str, SourceSummary]) -> Sequence[tuple[str, ...]]:
    """The coverage of sources as the rows of a small table, headings first."""
    headings = (
        "source",
        "events",
        "customers",
        "of all",
        "last day",
        "known after: median",
        "95%",
        "longest",
    )
    return [headings] + [
        (
            source,
            f"{summary.rows:,}",
            f"{summary.customers:,}",
            f"{summary.share_of_customers:.0%}",
            str(point_in_time.date_of(summary.last_day)),
            f"{summary.lag_hours.median:,.1f} h",
            f"{summary.lag_hours.p95:,.1f} h",
            f"{summary.lag_hours.max:,.1f} h",
        )
        for source, summary in sources.items()
    ]
