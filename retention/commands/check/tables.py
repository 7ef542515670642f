"""The first rows of a table of a database, as a file."""

from pathlib import Path

import pyarrow as pa

from retention.core.params import RawFile
from retention.core.storage import atomic


def copy_table(file: RawFile, key: str, path: Path, max_rows: int) -> bool:
    """Write the first rows of a table to `path`; whether these are all.

    BadParams, BadInput: as the stage `extract`.
    """
    from retention.sources.database import connection, stream, tables

    with connection.reading(file, key) as reading:
        table = tables.find_table(reading, file, key)
        query = tables.query(table, None, max_rows=max_rows + 1)
        rows = pa.Table.from_batches(stream.batches(reading, query, table.arrow, key), table.arrow)
    atomic.write_table(path, rows.slice(0, max_rows))
    return len(rows) <= max_rows
