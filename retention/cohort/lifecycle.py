"""Lifecycle checks: events before a customer's first contract began, or after the last one ended.

Such histories are reported and kept: which of two sources is right cannot be known here. Days are
compared, not times, because many sources know no more than the day.
"""

from typing import Final

import duckdb

from retention.core.documents.sources import CustomerCount, LifecycleViolations, MisplacedEvents
from retention.sources.reader import run

_CONTRACTS: Final = """create table contracts as
select customer_id, contract_id,
    min(occurred_day) filter (kind = 'start') as started,
    max(occurred_day) filter (kind = 'start') as again,
    min(occurred_day) filter (kind = 'cancel') as cancelled,
    max(occurred_day) filter (kind = 'cancel') as ended,
    count(*) filter (kind = 'cancel') as cancels
from newest where kind in ('start', 'cancel') group by all"""
_LIVES: Final = """create table lives as
select customer_id, min(started) as began,
    case when not bool_or(again is not null and coalesce(ended < again, true))
        then max(ended) end as ended
from contracts group by customer_id"""
_HISTORIES: Final = """create table histories as
select source, customer_id, count(*) as events,
    count(*) filter (occurred_day < began) as before_start,
    count(*) filter (occurred_day > ended) as after_end
from newest left join lives using (customer_id) group by all"""
_MISPLACED: Final = {
    "before_start": "happened before the customer's first contract began",
    "after_end": "happened after the customer's last contract ended",
}
_COUNTS: Final = {
    "cancelled_before_start": "contracts cancelled before they began",
    "cancelled_without_start": "contracts cancelled that never began",
    "cancels_of_no_contract": "cancel events that name no contract and so end none",
}


def lifecycle_violations(connection: duckdb.DuckDBPyConnection) -> LifecycleViolations:
    """Count what is out of order in table `newest`, one row an event.

    Makes `histories`, one row a source and customer. `before_start` and `after_end` hold the
    sources that have such events. A contract that starts again after its end lives on.
    """
    for sql in (_CONTRACTS, _LIVES, _HISTORIES):
        run(connection, sql)
    ((contracts, starts, named, unnamed, ended_before_start, never_began),) = run(
        connection,
        """select count(*), count(started), count(contract_id),
            coalesce(sum(cancels) filter (contract_id is null), 0)::bigint,
            count(*) filter (contract_id is not null and cancelled < started),
            count(*) filter (contract_id is not null and started is null)
        from contracts""",
    )
    if not contracts:
        return LifecycleViolations()
    ((customers, without_start),) = run(
        connection,
        """select count(*), count(*) filter (began is null)
        from (select distinct customer_id from histories) left join lives using (customer_id)""",
    )
    without_start = without_start if starts else 0
    return LifecycleViolations(
        before_start=_misplaced_events(connection, "before_start"),
        after_end=_misplaced_events(connection, "after_end"),
        without_start=CustomerCount(
            customers=without_start, share_of_customers=round(without_start / customers, 4)
        ),
        cancelled_before_start=ended_before_start,
        cancelled_without_start=never_began,
        cancels_of_no_contract=unnamed if named else 0,
    )


def _misplaced_events(
    connection: duckdb.DuckDBPyConnection, column: str
) -> dict[str, MisplacedEvents]:
    rows = run(
        connection,
        f"""select source, sum(events)::bigint, sum({column})::bigint,
            count(*) filter ({column} > 0), round(count(*) filter ({column} > 0) / count(*), 4)
        from histories group by source having sum({column}) > 0 order by source""",
    )
    keys = ("events", "rows", "customers", "share_of_customers")
    return {
        source: MisplacedEvents(**dict(zip(keys, values, strict=True))) for source, *values in rows
    }


def sentences(violations: LifecycleViolations) -> list[str]:
    """The violations in words, a sentence each; none when all is in order."""
    lines = [
        f"{source}: {counts.rows:,} of {counts.events:,} events ({_customers(counts)} of the"
        f" source's) {what}"
        for column, what in _MISPLACED.items()
        for source, counts in getattr(violations, column).items()
    ]
    if violations.without_start.customers:
        lines.append(
            f"{_customers(violations.without_start)} of all, with events but no start of a contract"
        )
    counts = ((what, getattr(violations, name)) for name, what in _COUNTS.items())
    lines += [f"{what}: {count:,}" for what, count in counts if count]
    return [f"{line}; kept as they are" for line in lines]


def _customers(counts: CustomerCount) -> str:
    thing = "customer" if counts.customers == 1 else "customers"
    return f"{counts.customers:,} {thing}, {counts.share_of_customers:.1%}"
