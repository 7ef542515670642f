"""Lifecycle checks: events before a customer's first contract began, or after the last one ended.

Such histories are reported and kept: which of two sources is right cannot be known here. Days are
compared, not times, because many sources know no more than the day.
"""

from typing import Final

import duckdb
import narwhals as nw

from retention.cohort.episodes import contract_episodes
from retention.core.documents.sources import CustomerCount, LifecycleViolations, MisplacedEvents
from retention.sources.reader import run

_CONTRACTS: Final = """create table contracts as
select customer_id, contract_id,
    contract_id is not null or not bool_or(contract_id is not null) over () as named,
    min(occurred_at) filter (kind = 'start') as started,
    min(occurred_day) filter (kind = 'start') as start_day,
    min(occurred_at) filter (kind = 'cancel') as cancelled,
    count(*) filter (kind = 'cancel') as cancels
from newest where kind in ('start', 'cancel') group by customer_id, contract_id"""
_LIVES: Final = """create table lives as
select customer_id, began, ended
from (select customer_id, min(start_day) as began from contracts group by customer_id)
left join (
    select customer_id, case when bool_and(end_day is not null) then max(end_day) end as ended
    from episodes group by customer_id
) using (customer_id)"""
_HISTORIES: Final = """create table histories as
select source, customer_id, count(*) as events,
    count(*) filter (occurred_day < began) as before_start,
    count(*) filter (occurred_day > ended) as after_end
from newest left join lives using (customer_id) group by all"""
_NEXT_DAY: Final = """select count(*)
from (select distinct customer_id, end_day + 1 as day from episodes)
semi join (select customer_id, start_day as day from episodes) using (customer_id, day)"""
_MISPLACED: Final = {
    "before_start": "happened before the customer's first contract began",
    "after_end": "happened after the customer's last contract ended",
}
_COUNTS: Final = {
    "cancelled_before_start": "contracts cancelled before they began",
    "cancelled_without_start": "contracts cancelled that never began",
    "cancels_of_no_contract": "cancel events that name no contract and so end none",
    "begun_next_day": "contracts that began on the day after one ended, which is a departure unless"
    " the end is the last day of the contract (then map the day after it)",
}


def lifecycle_violations(connection: duckdb.DuckDBPyConnection) -> LifecycleViolations:
    """Count what is out of order in table `newest`, one row an event.

    Makes `histories`, one row a source and customer. `before_start` and `after_end` hold the
    sources that have such events. Where no contract has an id, the customer is the contract.
    """
    contract_episodes(nw.from_native(connection.sql("from newest")).lazy()).to_native().create(
        "episodes"
    )
    for sql in (_CONTRACTS, _LIVES, _HISTORIES):
        run(connection, sql)
    ((contracts, starts, nameless_cancels, ended_before_start, never_began),) = run(
        connection,
        """select count(*), count(started),
            coalesce(sum(cancels) filter (not named and started is null), 0)::bigint,
            count(*) filter (cancelled < started),
            count(*) filter (named and started is null)
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
    ((begun_next_day,),) = run(connection, _NEXT_DAY)
    return LifecycleViolations(
        before_start=_misplaced_events(connection, "before_start"),
        after_end=_misplaced_events(connection, "after_end"),
        without_start=CustomerCount(
            customers=without_start, share_of_customers=round(without_start / customers, 4)
        ),
        cancelled_before_start=ended_before_start,
        cancelled_without_start=never_began,
        cancels_of_no_contract=nameless_cancels,
        begun_next_day=begun_next_day,
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
