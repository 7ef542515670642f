"""Stage `customers`: the attributes of customers, without contact data."""

import pyarrow as pa

from retention.core import artefacts, console, errors
from retention.core.params import Params, load_params
from retention.ledgers import erasures
from retention.ledgers.erasures import NOBODY, Erased
from retention.sources.customers import columns_sql, validated_rows


def customers(params: Params, erased: Erased = NOBODY) -> tuple[pa.Table, pa.Table]:
    """The customers (artefacts.CUSTOMERS) without the erased ones, and the rejected rows.

    Several rows of one customer are versions when known_at is mapped; of one day's the last counts.
    BadInput, BadParams: as `validated_rows`.
    """
    schema, rejects_schema = artefacts.CUSTOMERS.schema, artefacts.CUSTOMER_REJECTS.schema
    if params.customers is None:
        return schema.empty_table(), rejects_schema.empty_table()
    with validated_rows(params, params.customers) as connection:
        erased.delete_erased(connection, "customers")
        table = connection.sql(
            f"""select {columns_sql(schema)} from customers
            qualify row_number() over (partition by customer_id, known_day
                order by known_at desc, file desc, line desc) = 1
            order by customer_id, known_at, file, line"""
        ).to_arrow_table()
        rejects = connection.sql("from rejects order by all").to_arrow_table()
        return table.cast(schema), rejects.cast(rejects_schema)


def main() -> None:
    params = load_params()
    with console.stage("customers") as report:
        table, rejects = customers(params, erasures.read())
        if rejects.num_rows:
            report.info(f"{rejects.num_rows:,} rows rejected")
        artefacts.CUSTOMERS.write(table)
        artefacts.CUSTOMER_REJECTS.write(rejects)
        report.wrote(artefacts.CUSTOMERS, table.num_rows)


if __name__ == "__main__":
    errors.run(main)
