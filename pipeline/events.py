"""Stage `events`: all sources in one table; equal copies once, changed copies as versions.

The order of the output depends on nothing but its content.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from retention.cohort import lifecycle, restatements
from retention.core import artefacts, console, errors, point_in_time
from retention.core import events as schema
from retention.core.errors import BadInput, mask
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.ledgers import erasures, outcomes
from retention.sources import reader
from retention.sources.reader import literal, run

_KNOWN: Final = ("known_at", "known_day", "source")
_CONTENT: Final = ", ".join(column for column in schema.EVENT_COLUMNS if column not in _KNOWN)
_ALL: Final = ", ".join(schema.EVENT_COLUMNS)

_IS_COPIED: Final = "event_id in (select event_id from given group by event_id having count(*) > 1)"
_CLASHES: Final = f"""create table copies as
from given where {_IS_COPIED}
qualify row_number() over (partition by event_id, known_at order by hash({_CONTENT}), source) = 1"""
_EVENTS: Final = f"""create table events as
from given where not {_IS_COPIED}
union all
from copies
qualify row({_CONTENT}) is distinct from
    lag(row({_CONTENT})) over (partition by event_id order by known_at)"""
_NEWEST: Final = """create view newest as
select *, known_at as learnt_at from events where event_id not in (select event_id from copies)
union all
select *, min(known_at) over (partition by event_id) as learnt_at
from events where event_id in (select event_id from copies)
qualify known_at = max(known_at) over (partition by event_id)"""
_ORDER: Final = f"customer_id, occurred_at, event_id, known_at, hash({_ALL})"


def events(
    paths: Sequence[Path], memory: str, staff_events: pa.Table | None = None
) -> tuple[pa.Table, dict[str, Any]]:
    """The events of many sources (schema.EVENTS) and what there is of each kind and source.

    `entered` are those of the ledger, which come beside the ingested sources.

    A copy equal in all but its clocks to the version before it counts once, with the smallest
    known_at; another content is a new version. Of contents that clash at one known_at one is kept,
    chosen by content alone, and they are counted. Rows are ordered by customer_id, occurred_at,
    event_id, known_at.
    """
    with reader.connect(memory) as connection:
        parquet_files = ", ".join(literal(str(path)) for path in paths)
        source = f"from read_parquet([{parquet_files}])"
        if staff_events is not None and staff_events.num_rows:
            connection.register("entered", staff_events)
            source += " union all by name from entered"
        run(connection, f"create view given as {source}")
        run(connection, _CLASHES)
        run(connection, _EVENTS)
        run(connection, _NEWEST)
        summary = _summary(connection)
        table = connection.sql(f"from events order by {_ORDER}").to_arrow_table()
        return table.cast(schema.EVENTS), summary | {"id_collisions": id_collisions(table)}


def _summary(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    ((rows, ids),) = run(connection, "select count(*), count(distinct event_id) from events")
    ((n_given,),) = run(connection, "select count(*) from given")
    ((versions,),) = run(
        connection,
        "select count(*) from (from events select event_id group by all having count(*) > 1)",
    )
    return {
        "rows": rows,
        "event_ids": ids,
        "versions": versions,
        "versioned": versions > 0,
        "duplicates_removed": n_given - rows,
        "clashes": _clashes(connection),
        "kinds": _kinds(connection),
        "sources": _sources(connection),
        "order_of_life": lifecycle.lifecycle_violations(connection),
        "known_days": restatements.known_days(connection),
    }


def _clashes(connection: duckdb.DuckDBPyConnection) -> int:
    """Events that stand with two contents at one known_at: which is right cannot be known."""
    ((clashes,),) = run(
        connection,
        f"""select count(*) from (select event_id from given where {_IS_COPIED}
            group by event_id, known_at having count(distinct row({_CONTENT})) > 1)""",
    )
    return int(clashes)


def _kinds(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    rows = run(
        connection,
        """select kind, count(*), min(occurred_day), max(occurred_day), max(known_day)
        from events group by kind order by kind""",
    )
    keys = ("rows", "first_day", "last_day", "last_known_day")
    return {kind: dict(zip(keys, values, strict=True)) for kind, *values in rows}


def _sources(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What each source holds: whom of all customers, which days, and how late one learns of it."""
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
    lags = _lags(connection)
    return {
        source: dict(zip(keys, values, strict=True)) | {"lag_hours": lags[source]}
        for source, *values in rows
    }


def _lags(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """Hours from when an event happened to when it was first known, by source."""
    rows = run(
        connection,
        """select source, round(quantile_disc(hours, 0.5), 2), round(quantile_disc(hours, 0.95), 2),
            round(max(hours), 2)
        from (select source, date_diff('millisecond', occurred_at, learnt_at) / 3.6e6 as hours
            from newest) group by source""",
    )
    keys = ("median", "p95", "max")
    return {source: dict(zip(keys, values, strict=True)) for source, *values in rows}


def coverage_table(sources: dict[str, Any]) -> list[tuple[str, ...]]:
    """What each source holds as rows of a small table, headings first."""
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
            f"{stats['rows']:,}",
            f"{stats['customers']:,}",
            f"{stats['share_of_customers']:.0%}",
            str(point_in_time.date_of(stats["last_day"])),
            *(f"{stats['lag_hours'][key]:,.1f} h" for key in ("median", "p95", "max")),
        )
        for source, stats in sources.items()
    ]


def id_collisions(table: pa.Table) -> dict[str, Any]:
    """Customer ids that differ only in case, space around them or Unicode form: none is merged.

    The count of such groups, and three of them masked.
    """
    ids = pc.unique(table["customer_id"])
    plain = pc.utf8_normalize(pc.utf8_trim_whitespace(ids), form="NFKC")
    folded = pc.utf8_lower(pc.utf8_upper(plain))
    groups = pa.table({"id": ids, "folded": folded}).group_by("folded").aggregate([("id", "list")])
    groups_alike = groups.filter(pc.greater(pc.list_value_length(groups["id_list"]), 1)).sort_by(
        "folded"
    )
    examples = [sorted(map(mask, group)) for group in groups_alike["id_list"][:3].to_pylist()]
    return {"groups": groups_alike.num_rows, "examples": examples}


def _last_run(summary: dict[str, Any]) -> restatements.DailyNews:
    """What the last run knew on each day, if it had the same sources."""
    path = artefacts.EVENTS_SUMMARY.path
    before: dict[str, Any] = atomic.read_json(path) if path.is_file() else {}
    same = before.get("sources", {}).keys() == summary["sources"].keys()
    return dict(before.get("known_days", {})) if same else {}


def main() -> None:
    params = load_params()
    paths = [artefacts.ingested(source).path for source in params.sources]
    missing = next((path for path in paths if not path.is_file()), None)
    if missing:
        raise BadInput(
            f"{missing}: not there yet; run python -m pipeline.ingest {missing.parent.name}"
        )
    with console.stage("events") as report:
        answers = outcomes.events(outcomes.FOLDER, ZoneInfo(params.time_zone), params.company)
        staff_events = erasures.read().without_erased(answers)
        table, summary = events(paths, params.engine.memory, staff_events)
        report.read(f"{len(paths)} sources", summary["rows"] + summary["duplicates_removed"])
        if summary["id_collisions"]["groups"]:
            groups_alike = summary["id_collisions"]
            report.info(
                f"{groups_alike['groups']:,} groups of customer ids differ only in case, space or"
                f" Unicode form and were kept apart: {groups_alike['examples'][0]}"
            )
        if summary["clashes"]:
            report.info(
                f"{summary['clashes']:,} events stand with two contents known at the same"
                " time; one of each was kept: map known_at, or a finer key"
            )
        if summary["versions"]:
            report.info(
                f"{summary['versions']:,} events stand in several versions; each snapshot"
                " sees the newest one known before it"
            )
        for sentence in restatements.sentences(_last_run(summary), summary["known_days"]):
            report.info(sentence)
        report.table(coverage_table(summary["sources"]))
        for sentence in lifecycle.sentences(summary["order_of_life"]):
            report.info(sentence)
        artefacts.EVENTS.write(table)
        atomic.write_json(artefacts.EVENTS_SUMMARY, summary)
        report.wrote(artefacts.EVENTS, table.num_rows)


if __name__ == "__main__":
    errors.run(main)
