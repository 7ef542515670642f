"""A doubt when hardly any customer comes twice, as when customer_id is the number of an order."""

from typing import Final

import duckdb

from retention.cohort.calendar import label_kinds
from retention.commands.check import samples
from retention.commands.check.samples import Sample
from retention.core.params import EventMapping, Params, Source
from retention.sources import joins, reader

_MIN_CUSTOMERS: Final = 100
_MIN_SHARE: Final = 0.02
"""Of customers who must have come twice; below, a silence label finds almost all lost."""


def check_repeat_customers(params: Params, source: Source, sample: Sample) -> None:
    """Look at each mapping of the kinds of a silence label, in all rows of the source's files."""
    if params.labels.churn.rule != "silence" or source.table:
        return
    kinds = label_kinds(params.labels.churn)
    columns = {
        mapping.customer_id: mapping
        for mapping in source.events
        if mapping.kind in kinds and mapping.customer_id in sample.columns
    }
    for column, mapping in columns.items():
        n_customers, n_visits = _count(source, mapping, sample)
        repeat_share = (n_visits - n_customers) / n_customers if n_customers else 1.0
        if n_customers >= _MIN_CUSTOMERS and repeat_share < _MIN_SHARE:
            sample.group.doubt(
                f"customer_id: {n_customers:,} customers in {n_visits:,} {mapping.kind} times, so"
                f" hardly one came twice and all would count as lost; is {column} the number of an"
                " order? map what stays the same for a customer"
            )


def _count(source: Source, mapping: EventMapping, sample: Sample) -> tuple[int, int]:
    """Customers, and customers times their moments: lines of one order have one moment."""
    customer = reader.identifier(mapping.customer_id)
    moment = reader.identifier(mapping.occurred_at)
    if mapping.occurred_at not in sample.columns:
        return 0, 0
    if {mapping.customer_id, mapping.occurred_at} & joins.joined_columns(source):
        return 0, 0
    columns = list(dict.fromkeys([mapping.customer_id, mapping.occurred_at]))
    with reader.scan(source, columns, samples.MEMORY) as (connection, scan_sql):
        rows = f"select {customer}::varchar as customer, {moment}::varchar as moment"
        rows += f" from ({scan_sql})"
        try:
            ((n_customers, n_visits),) = reader.run(
                connection,
                f"""select count(distinct customer), count(distinct (customer, moment))
                from ({rows}) where customer is not null""",
            )
        except duckdb.Error:
            return 0, 0
    return n_customers, n_visits
