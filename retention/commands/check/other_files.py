"""Where a column stands that a file lacks: in another mapped file, joined by a shared column."""

from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from retention.commands.check import samples
from retention.commands.check.samples import Sample
from retention.core.errors import BadInput
from retention.core.params import Params, RawFile
from retention.sources import reader

_MIN_SHARE: Final = 0.5
"""Of the first values of a shared column that the other file must have."""


def where_else(params: Params, sample: Sample, column: str) -> str:
    """Which other mapped file has the column, and by what to join; empty when none does."""
    own = set(sample.copies.originals.values())
    with reader.connect(samples.MEMORY) as connection:
        for file in params.raw_files().values():
            for path in _paths(file):
                shared = None
                if path.as_posix() not in own:
                    shared = _shared_column(connection, file, path, sample, column)
                if shared:
                    return (
                        f"{path.as_posix()} has it and shares {shared} with this file; add"
                        f" {column} to this file's export by a join on {shared}"
                    )
    return ""


def _paths(file: RawFile) -> list[Path]:
    """The first file behind a path of params.yaml, if there is any."""
    try:
        return [] if file.table else reader.paths(file.path)[:1]
    except BadInput:
        return []


def _shared_column(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    path: Path,
    sample: Sample,
    column: str,
) -> str | None:
    """The column whose first values here mostly stand in a file that has `column`, too."""
    scan = reader.plain_scan_sql(file, path)
    try:
        names = connection.sql(f"from {scan} limit 0").columns
        if column not in names:
            return None
        shares = {
            name: _shared_part(connection, scan, sample, name)
            for name in names
            if name in sample.columns
        }
    except duckdb.Error:
        return None
    best = max(shares, key=lambda name: shares[name], default=None)
    return best if best and shares[best] >= _MIN_SHARE else None


def _shared_part(
    connection: duckdb.DuckDBPyConnection, scan: str, sample: Sample, name: str
) -> float:
    """The share of the distinct first values of a column here that stand in the other file."""
    column = sample.columns[name]
    rows = sample.run(f"select distinct {column.text_sql} from raw where {column.filled_sql}")
    connection.register("here", pa.table({"key": [value for (value,) in rows]}))
    ((n_shared,),) = reader.run(
        connection,
        f"""select count(*) from here
        where key in (select {reader.identifier(name)}::varchar from {scan})""",
    )
    return float(n_shared) / len(rows) if rows else 0.0
