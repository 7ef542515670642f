"""Validate the raw rows of a source: accepted, rejected with a reason, or unmapped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from retention.core.documents.sources import MissedExpectation
from retention.core.errors import BadInput
from retention.sources import parsing, row_sql, rule_messages
from retention.sources.expressions import bind_types
from retention.sources.reader import run


@dataclass(frozen=True)
class RowCounts:
    """Row counts by outcome: read = accepted + rejected + unmapped."""

    read: int
    accepted: int
    rejected: int
    unmapped: int  # no mapping's `where` holds
    rejected_by_rule: dict[str, int]


def validate_rows(connection: duckdb.DuckDBPyConnection, plan: row_sql.IngestPlan) -> None:
    """Make table `judged` of the rows that were read, and `rejects` of the bad and unread ones.

    BadParams: a mapping or an expectation that does not fit the columns. BadInput: a value on which
    the engine fails outside the mapping's own SQL.
    """
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    native_types = [native[f"v{i}"] for i in range(len(plan.wanted))]
    run(connection, f"create view typed as {row_sql.typed_sql(plan, native_types)}")
    sql_types = [
        bind_types(connection, "typed", [mapping.where, *mapping.columns.values()])
        for mapping in plan.mappings
    ]
    currencies = [mapping.currency for mapping in plan.mappings if mapping.currency]
    states = [mapping.state for mapping in plan.mappings if mapping.state]
    bind_types(connection, "typed", [*currencies, *states])
    expectations = bind_types(connection, "typed", [*plan.expectations.values()])
    row_sql.check_expectations(plan.expectations, expectations)
    # SQL that fails on some row ends the whole query. Guarding every expression against that is
    # slow, so it is done only once a query has failed.
    try:
        reject_rules = _make_judged(connection, plan, sql_types)
    except (duckdb.DataError, duckdb.InvalidInputException):
        try:
            reject_rules = _make_judged(connection, replace(plan, guarded=True), sql_types)
        except (duckdb.DataError, duckdb.InvalidInputException) as error:
            raise BadInput(
                f"sources.{plan.source}: {type(error).__name__} in what the mapping's SQL returns;"
                " look for times and numbers far out of range in the columns that it reads"
            ) from None
    numbered_rules = {
        "bad": range(len(reject_rules)),
        "column": [rule.column for rule in reject_rules],
        "rule": [rule.name for rule in reject_rules],
    }
    connection.register("rules", pa.table(numbered_rules))
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
    plan: row_sql.IngestPlan,
    sql_types: Sequence[Sequence[str]],
) -> list[row_sql.RejectRule]:
    """Make table `judged` and return the rules that its column `bad` numbers."""
    mapped_sql = row_sql.mapped_sql(plan, sql_types)
    run(connection, f"create or replace view mapped as {mapped_sql}")
    reject_rules = row_sql.reject_rules(plan)
    run(connection, f"create table judged as {row_sql.judged_sql(plan, reject_rules)}")
    return reject_rules


def row_counts(connection: duckdb.DuckDBPyConnection, plan: row_sql.IngestPlan) -> RowCounts:
    """Account for every row of the source."""
    ((unread,),) = run(connection, "select count(*) from unread")
    ((judged, bad, accepted),) = run(
        connection,
        f"select count(*), count(bad), count(*) filter ({plan.accepted_sql}) from judged",
    )
    rule_counts = run(connection, "select rule, count(*) from rejects group by all order by all")
    ((rejected,),) = run(connection, "select count(*) from rejects")
    unmapped = judged - bad - accepted
    read = judged + unread
    assert accepted + rejected + unmapped == read  # noqa: S101
    return RowCounts(read, accepted, rejected, unmapped, dict(rule_counts))


def missed_expectations(
    connection: duckdb.DuckDBPyConnection, plan: row_sql.IngestPlan
) -> dict[str, MissedExpectation]:
    """For each expectation the accepted rows that miss it, their share, and the first of them."""
    ((accepted, *counts),) = run(connection, row_sql.expectation_counts_sql(plan))
    return {
        name: MissedExpectation(
            rows=n_rows,
            share=round(n_rows / accepted, 4) if accepted else 0.0,
            first=f"{first['file']}: line {first['line']}" if first else None,
        )
        for name, n_rows, first in zip(plan.expectations, counts[::2], counts[1::2], strict=True)
    }


def refuse_too_many_rejects(
    connection: duckdb.DuckDBPyConnection, source: str, counts: RowCounts, max_share: float
) -> None:
    """BadInput, with the first reject and the rejects of each rule, above a share of the rows."""
    if counts.rejected <= max_share * counts.read:
        return
    ((file, line, column, rule, raw),) = run(connection, "from rejects limit 1")
    by_rule = counts.rejected_by_rule.items()
    rule_counts = ", ".join(f"{name} {n_rows:,}" for name, n_rows in by_rule)
    where = f", column {column!r}" if column else ""
    raise BadInput(
        f"{file}: line {line}{where}, {raw}: {rule}, the first of {counts.rejected:,} rejects"
        f" in {counts.read:,} rows ({rule_counts}), more than the {max_share:.2%} allowed;"
        f" {rule_messages.fix(rule)} (sources.{source}), or raise ingest.max_reject_share"
    )
