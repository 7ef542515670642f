"""Stage `events`: merge all sources into one table; equal copies once, changed ones as versions.

The order of the output depends on nothing but its content.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from retention.cohort import lifecycle, restatements
from retention.cohort.calendar import plan_calendar
from retention.core import artefacts, console, errors
from retention.core.documents.sources import EventsSummary, KindSummary
from retention.core.errors import BadInput
from retention.core.events import EVENT_COLUMNS
from retention.core.params import Params, load_params
from retention.ledgers import erasures, outcomes
from retention.sources import coverage, reader
from retention.sources.customer_ids import id_collisions
from retention.sources.reader import literal, run

_KNOWN_COLUMNS: Final = ("known_at", "known_day", "source")
_CONTENT: Final = ", ".join(column for column in EVENT_COLUMNS if column not in _KNOWN_COLUMNS)
_ORDER: Final = f"customer_id, occurred_at, event_id, known_at, hash({', '.join(EVENT_COLUMNS)})"

# Most events stand once. Only those with several rows (copies) need the windows below, which would
# be slow over all events.
_IS_COPIED: Final = "event_id in (select event_id from given group by event_id having count(*) > 1)"
# Of the rows of one event and known_at, one: which of two contents is right cannot be known, so the
# content's own hash decides, and not the order of the files.
_COPIES: Final = f"""create table copies as
from given where {_IS_COPIED}
qualify row_number() over (partition by event_id, known_at order by hash({_CONTENT}), source) = 1"""
# A row that repeats the content of the version before it is no new version.
_EVENTS: Final = f"""create table events as
from given where not {_IS_COPIED}
union all
from copies
qualify row({_CONTENT}) is distinct from
    lag(row({_CONTENT})) over (partition by event_id order by known_at)"""
# One row an event: its newest version, and when its first version became known.
_NEWEST: Final = """create view newest as
select *, known_at as learnt_at from events where event_id not in (select event_id from copies)
union all
select *, min(known_at) over (partition by event_id) as learnt_at
from events where event_id in (select event_id from copies)
qualify known_at = max(known_at) over (partition by event_id)"""


def events(
    paths: Sequence[Path],
    memory: str,
    staff_events: pa.Table | None = None,
    first_day: int | None = None,
) -> tuple[pa.Table, EventsSummary]:
    """The events of many sources (EVENTS), and a summary of each kind and source.

    staff_events: those of the ledger, which come beside the ingested sources. first_day: older
    events of the sources are left out, and counted.

    A copy equal in all but its clocks to the version before it counts once, with the smallest
    known_at; another content is a new version. Of contents that clash at one known_at one is kept,
    chosen by content alone, and they are counted. Rows are ordered by customer_id, occurred_at,
    event_id, known_at.
    """
    with reader.connect(memory) as connection:
        files = ", ".join(literal(str(path)) for path in paths)
        ingested = f"from read_parquet([{files}])"
        is_kept = "true" if first_day is None else f"occurred_day >= {first_day}"
        ((n_expired,),) = run(connection, f"select count(*) {ingested} where not ({is_kept})")
        all_rows = f"{ingested} where {is_kept}"
        if staff_events is not None and staff_events.num_rows:
            connection.register("entered", staff_events)
            all_rows += " union all by name from entered"
        run(connection, f"create view given as {all_rows}")
        for sql in (_COPIES, _EVENTS, _NEWEST):
            run(connection, sql)
        table = connection.sql(f"from events order by {_ORDER}").to_arrow_table()
        summary = _summary(connection, table, int(n_expired))
        return table.cast(artefacts.EVENTS.schema), summary


def _summary(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, n_expired: int
) -> EventsSummary:
    ((rows, ids),) = run(connection, "select count(*), count(distinct event_id) from events")
    ((n_read,),) = run(connection, "select count(*) from given")
    ((versions,),) = run(
        connection,
        "select count(*) from (from events select event_id group by all having count(*) > 1)",
    )
    return EventsSummary(
        rows=rows,
        event_ids=ids,
        versions=versions,
        versioned=versions > 0,
        duplicates_removed=n_read - rows,
        clashes=_clashes(connection),
        expired=n_expired,
        kinds=_kinds(connection),
        sources=coverage.source_coverage(connection),
        order_of_life=lifecycle.lifecycle_violations(connection),
        known_days=restatements.known_days(connection),
        id_collisions=id_collisions(table),
    )


def _clashes(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of events with two contents at one known_at."""
    ((clashes,),) = run(
        connection,
        f"""select count(*) from (select event_id from given where {_IS_COPIED}
            group by event_id, known_at having count(distinct row({_CONTENT})) > 1)""",
    )
    return int(clashes)


def _kinds(connection: duckdb.DuckDBPyConnection) -> dict[str, KindSummary]:
    rows = run(
        connection,
        """select kind, count(*), min(occurred_day), max(occurred_day), max(known_day)
        from events group by kind order by kind""",
    )
    keys = ("rows", "first_day", "last_day", "last_known_day")
    return {kind: KindSummary(**dict(zip(keys, values, strict=True))) for kind, *values in rows}


def _last_known_days(summary: EventsSummary) -> restatements.DailyNews:
    """The last run's digest of each known day, if it had the same sources."""
    previous = artefacts.EVENTS_SUMMARY.read_last()
    if previous is None or previous.sources.keys() != summary.sources.keys():
        return {}
    return previous.known_days


def first_kept_day(params: Params, summary: EventsSummary) -> int | None:
    """The first day that privacy.keep_days keeps, where as_of follows from the events themselves.

    None where all are kept, or where ingest has left the older ones out, as it knows as_of.
    BadInput: no event of the label's kinds.
    """
    if params.privacy.keep_days is None or params.as_of is not None:
        return None
    return plan_calendar(params, summary).as_of - params.privacy.keep_days


def main() -> None:
    params = load_params()
    paths = [artefacts.ingested(source).path for source in params.sources]
    missing = next((path for path in paths if not path.is_file()), None)
    if missing:
        raise BadInput(
            f"{missing}: not there yet; run python -m pipeline.ingest {missing.parent.name}"
        )
    with console.stage("events") as report:
        zone = ZoneInfo(params.time_zone)
        answers = outcomes.staff_events(outcomes.FOLDER, zone, params.company)
        staff_events = erasures.read().without_erased(answers)
        table, summary = events(paths, params.engine.memory, staff_events)
        first_day = first_kept_day(params, summary)
        if first_day is not None:
            table, summary = events(paths, params.engine.memory, staff_events, first_day)
            report.info(f"{summary.expired:,} events left out: longer ago than is kept")
        report.read(f"{len(paths)} sources", summary.rows + summary.duplicates_removed)
        if summary.id_collisions.groups:
            collisions = summary.id_collisions
            report.info(
                f"{collisions.groups:,} groups of customer ids differ only in how they are"
                f" written and were kept apart: {list(collisions.examples[0])}"
            )
        if summary.clashes:
            report.info(
                f"{summary.clashes:,} events stand with two contents known at the same"
                " time; one of each was kept: map known_at, or a finer key"
            )
        if summary.versions:
            report.info(
                f"{summary.versions:,} events stand in several versions; each snapshot"
                " sees the newest one known before it"
            )
        for sentence in restatements.sentences(_last_known_days(summary), summary.known_days):
            report.info(sentence)
        report.table(coverage.coverage_table(summary.sources))
        for sentence in lifecycle.sentences(summary.order_of_life):
            report.info(sentence)
        artefacts.EVENTS.write(table)
        artefacts.EVENTS_SUMMARY.write(summary)
        report.wrote(artefacts.EVENTS, table.num_rows)


if __name__ == "__main__":
    errors.run(main)
