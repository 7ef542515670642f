"""Tables between stages of which a test says a few columns only."""

import pyarrow as pa

from retention.core.artefacts import Table


def complete(table: Table, rows: pa.Table) -> pa.Table:
    """The rows with every declared column, in order; null where a column is not given."""
    declared = [
        rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(len(rows), field.type)
        for field in table.schema
    ]
    whole = pa.Table.from_arrays(declared, schema=table.schema)
    if table.open_ended:
        for name in rows.column_names:
            if name not in table.names:
                whole = whole.append_column(name, rows[name])
    return whole
