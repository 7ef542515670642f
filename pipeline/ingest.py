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
from retention.core.errors import BadInput, BadParams, nearest
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.ledgers import erasures
from retention.ledgers.erasures import NOBODY, Erased
from retention.sources import parsing, reader, row_sql, rule_messages
from retention.sources.expressions import Compiler, bound
from retention.sources.reader import run


@dataclass(frozen=True)
class Ingested:
    """The events and rejects of one source, and the counts that account for its rows."""

    events: pa.Table
    rejects: pa.Table
    summary: dict[str, Any]


def ingest(rules: Params, source: str, gone: Erased = NOBODY) -> Ingested:
    """Events (schema.EVENTS, by event_id and known_at), rejects and counts of one source's files.

    Events of those `gone`, and events older than privacy.keep_days, are counted and not kept.

    BadInput: a file that cannot be trusted, no rows, too many rejects. BadParams: a mapping that
    is no scalar SQL, does not fit its column, or lacks a format.
    """
    file = rules.sources[source]
    with TemporaryDirectory(prefix="raw-") as scratch, reader.opened(rules.engine.memory) as con:
        found = reader.heads(file, Path(scratch))
        names = reader.common(found)
        plan = row_sql.plan(rules, source, Compiler(con, names, found[0].label))
        reader.load(con, file, found, plan.wanted)
        run(con, "set enable_external_access = false")
        _judge(con, plan)
        counts = _counts(con, plan)
        parsing.refuse_undeclared(con, plan.clock, f"sources.{source}")
        _refuse_too_many(con, source, counts, rules.ingest.max_reject_share)
        _make_events(con, plan)
        counts |= {"erased": gone.remove_from(con, "events"), "expired": _expire(con, rules)}
        events, rejects = _events(con), _rejects(con)
        ignored = [one for one in found[0].names if one not in plan.wanted]
        noted = {"ignored_columns": ignored, "doubtful": _doubtful(con, plan)}
        summary = counts | noted | _summary(con)
        return Ingested(events, rejects, summary)


def _judge(connection: duckdb.DuckDBPyConnection, plan: row_sql.Plan) -> None:
    """Tables `judged`, of the rows that were read, and `rejects`, of those and the unread ones."""
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    types = [native[f"v{at}"] for at in range(len(plan.wanted))]
    run(connection, f"create view typed as {row_sql.typed(plan, types)}")
    bounds = [bound(connection, "typed", [one.where, *one.columns.values()]) for one in plan.mapped]
    bound(connection, "typed", [one.currency for one in plan.mapped if one.currency])
    row_sql.conditions(plan.expected, bound(connection, "typed", [*plan.expected.values()]))
    try:
        listed = _judged(connection, plan, bounds)
    except (duckdb.DataError, duckdb.InvalidInputException):
        listed = _judged(connection, replace(plan, guarded=True), bounds)
    numbered = {"bad": range(len(listed)), "column": [one.column for one in listed]}
    rules = pa.table({**numbered, "rule": [one.rule for one in listed]})
    connection.register("rules", rules)
    run(
        connection,
        f"""create table rejects as
        select file, line, "column", rule, {parsing.shown("raw")} as raw from (
            select file, line, "column", rule, raw from judged join rules using (bad)
            union all select file, line, "column", rule, raw from unread)
        order by file, line""",
    )


def _judged(
    connection: duckdb.DuckDBPyConnection, plan: row_sql.Plan, bounds: Sequence[Sequence[str]]
) -> list[row_sql.Rule]:
    """Make table `judged`; the rules that its column `bad` numbers."""
    run(connection, f"create or replace view mapped as {row_sql.mapped(plan, bounds)}")
    listed = row_sql.rules(plan)
    run(connection, f"create table judged as {row_sql.judged(plan, listed)}")
    return listed


def _counts(connection: duckdb.DuckDBPyConnection, plan: row_sql.Plan) -> dict[str, Any]:
    """read = accepted + rejected + unmapped; and the rejects of each rule."""
    ((unread,),) = run(connection, "select count(*) from unread")
    ((judged, bad, accepted),) = run(
        connection,
        f"select count(*), count(bad), count(*) filter ({plan.accepted}) from judged",
    )
    rules = run(connection, "select rule, count(*) from rejects group by all order by all")
    ((rejected,),) = run(connection, "select count(*) from rejects")
    unmapped = judged - bad - accepted
    read = judged + unread
    assert accepted + rejected + unmapped == read  # noqa: S101
    return {"read": read, "accepted": accepted, "rejected": rejected, "unmapped": unmapped,
            "rules": dict(rules)}  # fmt: skip


def _doubtful(connection: duckdb.DuckDBPyConnection, plan: row_sql.Plan) -> dict[str, Any]:
    """For each expectation the accepted rows that miss it, their share, and the first of them."""
    ((accepted, *counts),) = run(connection, row_sql.doubtful(plan))
    return {
        name: {
            "rows": many,
            "share": round(many / accepted, 4) if accepted else 0.0,
            "first": f"{first['file']}: line {first['line']}" if first else None,
        }
        for name, many, first in zip(plan.expected, counts[::2], counts[1::2], strict=True)
    }


def _refuse_too_many(
    connection: duckdb.DuckDBPyConnection, source: str, counts: dict[str, Any], share: float
) -> None:
    if counts["rejected"] <= share * counts["read"]:
        return
    ((file, line, column, rule, raw),) = run(connection, "from rejects limit 1")
    listed = ", ".join(f"{one} {many:,}" for one, many in counts["rules"].items())
    where = f", column {column!r}" if column else ""
    fix = f"{rule_messages.fix(rule)} (sources.{source})"
    raise BadInput(
        f"{file}: line {line}{where}, {raw}: {rule}, the first of {counts['rejected']:,} rejects"
        f" in {counts['read']:,} rows ({listed}), more than the {share:.2%} allowed; {fix},"
        " or raise ingest.max_reject_share"
    )


def _make_events(connection: duckdb.DuckDBPyConnection, plan: row_sql.Plan) -> None:
    union = " union all ".join(row_sql.event(plan, one) for one in plan.mapped)
    run(connection, f"create table events as {union}")


def _expire(connection: duckdb.DuckDBPyConnection, rules: Params) -> int:
    """Delete events that have been kept long enough; how many those were.

    Counted back from as_of, or without one from the newest known day of the source.
    """
    days = rules.privacy.keep_days
    if days is None:
        return 0
    now = "select max(known_day) + 1 from events"
    if rules.as_of:
        now = str(point_in_time.day_number(rules.as_of))
    ((many,),) = run(connection, f"delete from events where occurred_day < ({now}) - {days}")
    return int(many)


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
    rules = load_params()
    if len(sys.argv) != 2 or sys.argv[1] not in rules.sources:
        given = " ".join(sys.argv[1:]) or "nothing"
        raise BadParams(
            f"ingest takes one of {', '.join(rules.sources)}, not {given}"
            + nearest(given, rules.sources)
        )
    source = sys.argv[1]
    with console.stage(f"ingest {source}") as report:
        done = ingest(rules, source, erasures.read())
        report.read(rules.sources[source].path, done.summary["read"])
        counts = {key: done.summary[key] for key in ("accepted", "rejected", "unmapped")}
        report.say(", ".join(f"{many:,} {what}" for what, many in counts.items()))
        for what, why in (("erased", "customers erased"), ("expired", "longer ago than is kept")):
            if done.summary[what]:
                report.say(f"{done.summary[what]:,} events left out: {why}")
        if done.summary["ignored_columns"]:
            report.say(f"no mapping reads {', '.join(done.summary['ignored_columns'])}")
        missed = {name: one for name, one in done.summary["doubtful"].items() if one["rows"]}
        if missed:
            listed = (f"{one['rows']:,} rows miss {name} (first {one['first']})"
                    for name, one in missed.items())  # fmt: skip
            report.say(f"doubtful, but accepted: {', '.join(listed)}")
        atomic.write_table(artefacts.ingested(source), done.events)
        atomic.write_table(artefacts.rejected(source), done.rejects)
        atomic.write_json(artefacts.ingest_summary(source), done.summary)
        report.wrote(artefacts.ingested(source), done.events.num_rows)


if __name__ == "__main__":
    errors.run(main)
