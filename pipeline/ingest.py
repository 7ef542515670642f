"""Stage `ingest`: turn one source's raw rows into events, and account for every row.

Called as `python -m pipeline.ingest SOURCE`. A row is accepted whole, rejected whole for the first
rule that it breaks, or unmapped when no `where` matches it.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import pyarrow as pa

from retention.core import artefacts, console, errors, point_in_time
from retention.core.documents.sources import EventDays, IngestSummary, KindDays
from retention.core.errors import BadParams, suggestion
from retention.core.events import EVENT_COLUMNS, EVENTS, REJECTS
from retention.core.params import Params, load_params
from retention.ledgers import erasures
from retention.ledgers.erasures import NOBODY, Erased
from retention.sources import (
    joins,
    key_collisions,
    other_files,
    parsing,
    reader,
    row_sql,
    row_validation,
)
from retention.sources.expressions import Compiler, NoColumn
from retention.sources.reader import run

_DAYS: Final = "count(*), min(occurred_day), max(occurred_day), min(known_day), max(known_day)"


@dataclass(frozen=True)
class Ingested:
    """The events and rejects of one source, and the counts that account for its rows."""

    events: pa.Table
    rejects: pa.Table
    summary: IngestSummary


def ingest(params: Params, source: str, erased: Erased = NOBODY) -> Ingested:
    """Events (EVENTS, by event_id and known_at), rejects and counts of one source's files.

    Events of erased customers, and events older than privacy.keep_days, are counted and left out.

    BadInput: a file that cannot be trusted, no rows, too many rejects or colliding keys.
    BadParams: a mapping that is no scalar SQL, does not fit its column, or lacks a format.
    """
    file = params.sources[source]
    with TemporaryDirectory(prefix="raw-") as scratch, reader.connect(params.engine.memory) as con:
        files = reader.open_files(file, Path(scratch))
        names = joins.names(file, files, f"sources.{source}")
        compiler = Compiler(con, names, files[0].label, file.types)
        plan = _plan(params, source, compiler)
        key = f"sources.{source}"
        unjoined = joins.load(con, file, files, plan.wanted, params.zone_of, key)
        # From here on SQL of params.yaml runs: its days and clock times are those of the source,
        # and it must not read files.
        reader.use_zone(con, plan.clock.zone)
        run(con, "set enable_external_access = false")
        row_validation.validate_rows(con, plan)
        reader.drop_tables(con, r"raw(_\d+)?")  # each step needs the step before it alone
        counts = row_validation.row_counts(con, plan)
        parsing.refuse_undeclared_dst(con, plan.clock, f"sources.{source}")
        max_share = params.ingest.max_reject_share
        row_validation.refuse_too_many_rejects(con, source, counts, max_share)
        collisions = key_collisions.key_collisions(con, plan)
        key_collisions.refuse_collisions(collisions, plan, counts.accepted, max_share)
        events_sql = (row_sql.event_sql(plan, mapping) for mapping in plan.mappings)
        run(con, f"create table events as {' union all '.join(events_sql)}")
        summary = IngestSummary(
            read=counts.read,
            accepted=counts.accepted,
            rejected=counts.rejected,
            unmapped=counts.unmapped,
            rules=counts.rejected_by_rule,
            erased=erased.delete_erased(con, "events"),
            expired=_delete_expired(con, params),
            held_back=_held_back(con, params),
            collisions=collisions,
            unjoined=unjoined,
            ignored_columns=tuple(name for name in names if name not in plan.wanted),
            unended_files=tuple(head.label for head in files if head.unended),
            doubtful=row_validation.missed_expectations(con, plan),
            **_event_days(con),
        )
        reader.drop_tables(con, "judged")
        order = f"event_id, known_at, hash({', '.join(EVENT_COLUMNS)})"
        events = con.sql(f"from events order by {order}").to_arrow_table().cast(EVENTS)
        rejects = con.sql("from rejects order by all").to_arrow_table().cast(REJECTS)
        return Ingested(events, rejects, summary)


def _plan(params: Params, source: str, compiler: Compiler) -> row_sql.IngestPlan:
    """The source's mappings; a column that another mapped file has is looked for there."""
    try:
        return row_sql.build_plan(params, source, compiler)
    except NoColumn as refusal:
        elsewhere = other_files.where_else(params, params.sources[source], refusal.column)
        raise (refusal.with_advice(elsewhere) if elsewhere else refusal) from None


def _delete_expired(connection: duckdb.DuckDBPyConnection, params: Params) -> int:
    """Delete events older than privacy.keep_days before as_of, and return how many.

    Without an as_of none: it follows from the label's kinds in all sources, and the stage `events`
    deletes.
    """
    if params.privacy.keep_days is None or params.as_of is None:
        return 0
    first_day = point_in_time.day_number(params.as_of) - params.privacy.keep_days
    ((n_deleted,),) = run(connection, f"delete from events where occurred_day < {first_day}")
    return int(n_deleted)


def _held_back(connection: duckdb.DuckDBPyConnection, params: Params) -> int:
    """How many events became known on or after as_of; 0 without an as_of."""
    if params.as_of is None:
        return 0
    end = point_in_time.day_number(params.as_of)
    ((n_events,),) = run(connection, f"select count(*) from events where known_day >= {end}")
    return int(n_events)


def _event_days(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Days of the events, whole and by kind; days since 1970-01-01, null without events."""
    keys = ("rows", "first_day", "last_day", "first_known_day", "last_known_day")
    kinds = run(connection, f"select kind, {_DAYS} from events group by kind order by kind")
    (whole,) = run(connection, f"select {_DAYS} from events")
    return {
        "events": EventDays(**dict(zip(keys, whole, strict=True))),
        "kinds": {kind: KindDays(**dict(zip(keys, days, strict=True))) for kind, *days in kinds},
    }


def _remarks(params: Params, source: str, summary: IngestSummary) -> Iterator[str]:
    """What else there is to say of the rows, a line each."""
    left_out = ((summary.erased, "customers erased"), (summary.expired, "longer ago than is kept"))
    for n_events, why in left_out:
        if n_events:
            yield f"{n_events:,} events left out: {why}"
    if summary.held_back:
        yield f"{summary.held_back:,} events held back: known on or after as_of"
    if summary.ignored_columns:
        yield f"no mapping reads {', '.join(summary.ignored_columns)}"
    if summary.collisions.keys:
        yield key_collisions.describe(summary.collisions, params.sources[source].key)
    for name, missing in summary.unjoined.items():
        if missing.rows:
            yield f"{missing.rows:,} rows have no partner in {name}, first {missing.first}"
    for unended in summary.unended_files:
        yield f"{unended}: no newline at the end, but the last row looks whole"
    missed = [
        f"{expectation.rows:,} rows miss {name} (first {expectation.first})"
        for name, expectation in summary.doubtful.items()
        if expectation.rows
    ]
    if missed:
        yield f"doubtful, but accepted: {', '.join(missed)}"


def main() -> None:
    params = load_params()
    if len(sys.argv) != 2 or sys.argv[1] not in params.sources:
        argument = " ".join(sys.argv[1:]) or "nothing"
        raise BadParams(
            f"ingest takes one of {', '.join(params.sources)}, not {argument}"
            + suggestion(argument, params.sources)
        )
    source = sys.argv[1]
    with console.stage(f"ingest {source}") as report:
        ingested = ingest(params, source, erasures.read())
        summary = ingested.summary
        report.read(params.sources[source].path, summary.read)
        report.info(
            f"{summary.accepted:,} accepted, {summary.rejected:,} rejected,"
            f" {summary.unmapped:,} unmapped"
        )
        for line in _remarks(params, source, summary):
            report.info(line)
        artefacts.ingested(source).write(ingested.events)
        artefacts.rejected(source).write(ingested.rejects)
        artefacts.ingest_summary(source).write(summary)
        report.wrote(artefacts.ingested(source), ingested.events.num_rows)


if __name__ == "__main__":
    errors.run(main)
