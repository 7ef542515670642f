"""Order of life: events before a customer's first contract began, or after the last one ended.

Such histories are told of and kept: which of two sources is right, nobody here can know. Days are
compared, not times, because many sources know no more than the day.
"""

from typing import Any, Final

import duckdb

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
_PLACES: Final = {
    "before_start": "happened before the customer's first contract began",
    "after_end": "happened after the customer's last contract ended",
}
_COUNTS: Final = {
    "cancelled_before_start": "contracts cancelled before they began",
    "cancelled_without_start": "contracts cancelled that never began",
    "cancels_of_no_contract": "cancel events that name no contract and so end none",
}


def found(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What is out of order in the table `newest`, one row an event; {} without any contract.

    Makes `histories`, one row a source and customer. `before_start` and `after_end` hold the
    sources that have such events. A contract that starts again after its end lives on.
    """
    for made in (_CONTRACTS, _LIVES, _HISTORIES):
        run(connection, made)
    ((contracts, starts, named, unnamed, backwards, unborn),) = run(
        connection,
        """select count(*), count(started), count(contract_id),
            coalesce(sum(cancels) filter (contract_id is null), 0)::bigint,
            count(*) filter (contract_id is not null and cancelled < started),
            count(*) filter (contract_id is not null and started is null)
        from contracts""",
    )
    if not contracts:
        return {}
    ((customers, without),) = run(
        connection,
        """select count(*), count(*) filter (began is null)
        from (select distinct customer_id from histories) left join lives using (customer_id)""",
    )
    without = without if starts else 0
    return {place: _misplaced(connection, place) for place in _PLACES} | {
        "without_start": {
            "customers": without,
            "share_of_customers": round(without / customers, 4),
        },
        "cancelled_before_start": backwards,
        "cancelled_without_start": unborn,
        "cancels_of_no_contract": unnamed if named else 0,
    }


def _misplaced(connection: duckdb.DuckDBPyConnection, place: str) -> dict[str, Any]:
    rows = run(
        connection,
        f"""select source, sum(events)::bigint, sum({place})::bigint,
            count(*) filter ({place} > 0), round(count(*) filter ({place} > 0) / count(*), 4)
        from histories group by source having sum({place}) > 0 order by source""",
    )
    keys = ("events", "rows", "customers", "share_of_customers")
    return {source: dict(zip(keys, values, strict=True)) for source, *values in rows}


def sentences(summary: dict[str, Any]) -> list[str]:
    """What was `found`, in plain words: a sentence each; none when all is in order."""
    if not summary:
        return []
    said = [
        f"{source}: {one['rows']:,} of {one['events']:,} events ({_customers(one)} of the source's)"
        f" {what}"
        for place, what in _PLACES.items()
        for source, one in summary[place].items()
    ]
    if summary["without_start"]["customers"]:
        said.append(
            f"{_customers(summary['without_start'])} of all, with events but no start of a contract"
        )
    said += [f"{what}: {summary[key]:,}" for key, what in _COUNTS.items() if summary[key]]
    return [f"{one}; kept as they are" for one in said]


def _customers(one: dict[str, Any]) -> str:
    thing = "customer" if one["customers"] == 1 else "customers"
    return f"{one['customers']:,} {thing}, {one['share_of_customers']:.1%}"
