"""Stage `ingest`: one source's raw rows become events, and every row is accounted for.

Called as `python -m pipeline.ingest SOURCE`. A row is accepted whole, rejected whole for the first
rule that it breaks, or unmapped when no `where` matches it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import pyarrow as pa

from retention.core import artefacts, console, errors, point_in_time
from retention.core import events as schema
from retention.core.errors import BadInput, BadParams, suggestion
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.ledgers import erasures
from retention.ledgers.erasures import NOBODY, Erased
from retention.sources import parsing, reader, row_sql, rule_messages
from retention.sources.expressions import Compiler, bind_types
from retention.sources.reader import run


@dataclass(frozen=True)
class Ingested:
    """The events and rejects of one source, and the counts that account for its rows."""

    events: pa.Table
    rejects: pa.Table
    summary: dict[str, Any]


def ingest(params: Params, source: str, erased: Erased = NOBODY) -> Ingested:
    """Events (schema.EVENTS, by event_id and known_at), rejects and counts of one source's files.

    Events of those `gone`, and events older than privacy.keep_days, are counted and not kept.

    BadInput: a file that cannot be trusted, no rows, too many rejects. BadParams: a mapping that
    is no scalar SQL, does not fit its column, or lacks a format.
    """
    file = params.sources[source]
    with TemporaryDirectory(prefix="raw-") as scratch, reader.connect(params.engine.memory) as con:
        files = reader.open_files(file, Path(scratch))
        names = reader.shared_columns(files)
        ingest_plan = row_sql.build_plan(params, source, Compiler(con, names, files[0].label))
        reader.load(con, file, files, ingest_plan.wanted)
        run(con, "set enable_external_access = false")
        _validate_rows(con, ingest_plan)
        counts = _counts(con, ingest_plan)
        parsing.refuse_undeclared_dst(con, ingest_plan.clock, f"sources.{source}")
        _refuse_too_many(con, source, counts, params.ingest.max_reject_share)
        _make_events(con, ingest_plan)
        counts |= {"erased": erased.delete_erased(con, "events"), "expired": _expire(con, params)}
        events, rejects = _events(con), _rejects(con)
        ignored = [column for column in files[0].names if column not in ingest_plan.wanted]
        noted = {"ignored_columns": ignored, "doubtful": _missed_expectations(con, ingest_plan)}
        summary = counts | noted | _summary(con)
        return Ingested(events, rejects, summary)


def _validate_rows(connection: duckdb.DuckDBPyConnection, ingest_plan: row_sql.IngestPlan) -> None:
    """Tables `judged`, of the rows that were read, and `rejects`, of those and the unread ones."""
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    types = [native[f"v{i}"] for i in range(len(ingest_plan.wanted))]
    run(connection, f"create view typed as {row_sql.typed_sql(ingest_plan, types)}")
    sql_types = [
        bind_types(connection, "typed", [mapping.where, *mapping.columns.values()])
        for mapping in ingest_plan.mappings
    ]
    bind_types(
        connection,
        "typed",
        [mapping.currency for mapping in ingest_plan.mappings if mapping.currency],
    )
    row_sql.check_expectations(
        ingest_plan.expectations,
        bind_types(connection, "typed", [*ingest_plan.expectations.values()]),
    )
    try:
        reject_rules = _make_judged(connection, ingest_plan, sql_types)
    except (duckdb.DataError, duckdb.InvalidInputException):
        reject_rules = _make_judged(connection, replace(ingest_plan, guarded=True), sql_types)
    numbered = {"bad": range(len(reject_rules)), "column": [rule.column for rule in reject_rules]}
    rule_names = pa.table({**numbered, "rule": [rule.name for rule in reject_rules]})
    connection.register("rules", rule_names)
    run(
        connection,
        f"""create table rejects as
        select file, line, "column", rule, {parsing.masked_sql("raw")} as raw from (
            select file, line, "column", rule, raw from judged join rules using (bad)
            union all select file, line, "column", rule, raw from unread)
        order by file, line""",
    )


def _make_judged(
    connection: duckdb.DuckDBPyConnection,
    ingest_plan: row_sql.IngestPlan,
    sql_types: Sequence[Sequence[str]],
) -> list[row_sql.RejectRule]:
    """Make table `judged`; the rules that its column `bad` numbers."""
    run(
        connection, f"create or replace view mapped as {row_sql.mapped_sql(ingest_plan, sql_types)}"
    )
    rules = row_sql.reject_rules(ingest_plan)
    run(connection, f"create table judged as {row_sql.judged_sql(ingest_plan, rules)}")
    return rules


def _counts(
    connection: duckdb.DuckDBPyConnection, ingest_plan: row_sql.IngestPlan
) -> dict[str, Any]:
    """read = accepted + rejected + unmapped; and the rejects of each rule."""
    ((unread,),) = run(connection, "select count(*) from unread")
    ((judged, bad, accepted),) = run(
        connection,
        f"select count(*), count(bad), count(*) filter ({ingest_plan.accepted_sql}) from judged",
    )
    rule_counts = run(connection, "select rule, count(*) from rejects group by all order by all")
    ((rejected,),) = run(connection, "select count(*) from rejects")
    unmapped = judged - bad - accepted
    read = judged + unread
    assert accepted + rejected + unmapped == read  # noqa: S101
    return {
        "read": read,
        "accepted": accepted,
        "rejected": rejected,
        "unmapped": unmapped,
        "rules": dict(rule_counts),
    }


def _missed_expectations(
    connection: duckdb.DuckDBPyConnection, ingest_plan: row_sql.IngestPlan
) -> dict[str, Any]:
    """For each expectation the accepted rows that miss it, their share, and the first of them."""
    ((accepted, *counts),) = run(connection, row_sql.expectation_counts_sql(ingest_plan))
    return {
        name: {
            "rows": n_rows,
            "share": round(n_rows / accepted, 4) if accepted else 0.0,
            "first": f"{first['file']}: line {first['line']}" if first else None,
        }
        for name, n_rows, first in zip(
            ingest_plan.expectations, counts[::2], counts[1::2], strict=True
        )
    }


def _refuse_too_many(
    connection: duckdb.DuckDBPyConnection, source: str, counts: dict[str, Any], max_share: float
) -> None:
    if counts["rejected"] <= max_share * counts["read"]:
        return
    ((file, line, column, rule, raw),) = run(connection, "from rejects limit 1")
    rule_counts = ", ".join(f"{rule} {n_rows:,}" for rule, n_rows in counts["rules"].items())
    where = f", column {column!r}" if column else ""
    fix = f"{rule_messages.fix(rule)} (sources.{source})"
    raise BadInput(
        f"{file}: line {line}{where}, {raw}: {rule}, the first of {counts['rejected']:,} rejects"
        f" in {counts['read']:,} rows ({rule_counts}), more than the {max_share:.2%} allowed; {fix},"
        " or raise ingest.max_reject_share"
    )


def _make_events(connection: duckdb.DuckDBPyConnection, ingest_plan: row_sql.IngestPlan) -> None:
    union = " union all ".join(
        row_sql.event_sql(ingest_plan, mapping) for mapping in ingest_plan.mappings
    )
    run(connection, f"create table events as {union}")


def _expire(connection: duckdb.DuckDBPyConnection, params: Params) -> int:
    """Delete events that have been kept long enough; how many those were.

    Counted back from as_of, or without one from the newest known day of the source.
    """
    days = params.privacy.keep_days
    if days is None:
        return 0
    now = "select max(known_day) + 1 from events"
    if params.as_of:
        now = str(point_in_time.day_number(params.as_of))
    ((n_deleted,),) = run(connection, f"delete from events where occurred_day < ({now}) - {days}")
    return int(n_deleted)


def _events(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    columns = ", ".join(schema.EVENT_COLUMNS)
    sorted_ = connection.sql(f"from events order by event_id, known_at, hash({columns})")
    return sorted_.to_arrow_table().cast(schema.EVENTS)


def _rejects(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    return connection.sql("from rejects order by all").to_arrow_table().cast(schema.REJECTS)


def _summary(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Days of the events, whole and by kind; days since 1970-01-01, null without events."""
    kinds = run(connection, f"select kind, {_DAYS} from events group by kind order by kind")
    ((*whole,),) = run(connection, f"select {_DAYS} from events")
    return {"events": _days(whole), "kinds": {kind: _days(days) for kind, *days in kinds}}


_DAYS: Final = """count(*), min(occurred_day), max(occurred_day), min(known_day), max(known_day)"""


def _days(values: list[Any]) -> dict[str, Any]:
    keys = ("rows", "first_day", "last_day", "first_known_day", "last_known_day")
    return dict(zip(keys, values, strict=True))


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
        report.read(params.sources[source].path, ingested.summary["read"])
        counts = {key: ingested.summary[key] for key in ("accepted", "rejected", "unmapped")}
        report.info(", ".join(f"{n:,} {what}" for what, n in counts.items()))
        for what, why in (("erased", "customers erased"), ("expired", "longer ago than is kept")):
            if ingested.summary[what]:
                report.info(f"{ingested.summary[what]:,} events left out: {why}")
        if ingested.summary["ignored_columns"]:
            report.info(f"no mapping reads {', '.join(ingested.summary['ignored_columns'])}")
        missed = {
            name: counts for name, counts in ingested.summary["doubtful"].items() if counts["rows"]
        }
        if missed:
            expectations = (
                f"{counts['rows']:,} rows miss {name} (first {counts['first']})"
                for name, counts in missed.items()
            )
            report.info(f"doubtful, but accepted: {', '.join(expectations)}")
        artefacts.ingested(source).write(ingested.events)
        artefacts.rejected(source).write(ingested.rejects)
        atomic.write_json(artefacts.ingest_summary(source), ingested.summary)
        report.wrote(artefacts.ingested(source), ingested.events.num_rows)


if __name__ == "__main__":
    errors.run(main)
