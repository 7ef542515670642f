"""Where a column stands that a file lacks: in another mapped file, joined by a shared column."""

import re
from pathlib import Path
from typing import Final

import duckdb

from retention.core.errors import BadInput
from retention.core.params import Params, RawFile
from retention.sources import reader

_ROWS: Final = 1000
"""Of the file that lacks the column, by which files are compared."""

_MIN_SHARE: Final = 0.5
"""Of the first values of a shared column that the other file must have."""

_MEMORY: Final = "1GB"


def where_else(params: Params, file: RawFile, column: str) -> str:
    """Which other mapped file has the column, and by what to join; empty when none does."""
    own = _paths(file)
    with reader.connect(_MEMORY) as connection:
        for other in params.raw_files().values():
            for path in _paths(other)[:1]:
                shared = None
                if own and path not in own:
                    shared = _shared_column(connection, (file, own[0]), (other, path), column)
                if shared:
                    return _advice(other, path, shared, column)
    return ""


def _advice(other: RawFile, path: Path, shared: str, column: str) -> str:
    """The join to write."""
    options = other.model_dump(include={"delimiter", "encoding"}, exclude_defaults=True)
    read_as = "".join(f", {name}: {value!r}" for name, value in options.items())
    return (
        f"{path.as_posix()} has it and shares {shared} with this file; write beside path join:"
        f" {{{_name(path)}: {{path: {path.as_posix()}{read_as}, on: {{{shared}: {shared}}},"
        f" columns: {{{column}: {column}}}}}}}"
    )


def _name(path: Path) -> str:
    """A name for a join with a file."""
    name = re.sub(r"\W+", "_", path.name.partition(".")[0].lower()).strip("_")
    return name if name[:1].isalpha() else f"table_{name}"


def _paths(file: RawFile) -> list[Path]:
    """The files behind a path of params.yaml, if there are any."""
    try:
        every = [] if file.table else reader.paths(file.path)
        return [path for path in every if reader.is_plain(file, path)]
    except BadInput:
        return []


def _shared_column(
    connection: duckdb.DuckDBPyConnection,
    here: tuple[RawFile, Path],
    other: tuple[RawFile, Path],
    column: str,
) -> str | None:
    """The column whose first values here mostly stand in a file that has `column`, too."""
    here_sql, other_sql = reader.plain_scan_sql(*here), reader.plain_scan_sql(*other)
    try:
        names = connection.sql(f"from {other_sql} limit 0").columns
        if column not in names:
            return None
        own_names = connection.sql(f"from {here_sql} limit 0").columns
        shares = {
            name: _shared_part(connection, here_sql, other_sql, name)
            for name in names
            if name in own_names
        }
    except duckdb.Error:
        return None
    best = max(shares, key=lambda name: shares[name], default=None)
    return best if best and shares[best] >= _MIN_SHARE else None


def _shared_part(
    connection: duckdb.DuckDBPyConnection, here_sql: str, other_sql: str, name: str
) -> float:
    """The share of the distinct first values of a column here that stand in the other file."""
    value = f"{reader.identifier(name)}::varchar"
    ((n_values, n_shared),) = reader.run(
        connection,
        f"""select count(*), count(*) filter (key in (select {value} from {other_sql}))
        from (select distinct key from (select {value} as key from {here_sql} limit {_ROWS})
            where trim(coalesce(key, '')) <> '')""",
    )
    return float(n_shared) / n_values if n_values else 0.0
