"""SQLite and DuckDB: databases that are a file. No server, no user; the file is opened to read.

SQLite's columns have no types of their own: all are text, as the cells of a CSV, and times need a
format. DuckDB's times are times; everything else is copied as the text that DuckDB writes.
"""

import datetime as dt
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from retention.core.errors import BadInput, suggestion
from retention.core.params import RawFile
from retention.sources.database.tables import DAY, INSTANT, TEXT, DatabaseTable, is_time
from retention.sources.reader import identifier, literal

_ROWS: Final = 100_000  # of a batch
_URL: Final = re.compile(r"(sqlite|duckdb):///(.+)")
_TIMES: Final = {
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "DATE": "date",
}
_Rows = Callable[[str], Iterator[pa.RecordBatch]]


def is_local(url: str) -> bool:
    """Whether an address is of a file, as sqlite:///FILE."""
    return _URL.fullmatch(url) is not None


@dataclass(frozen=True)
class LocalDatabase:
    """An open file; every statement is a select."""

    execute: Any  # of the connection
    arrow_batches: _Rows
    is_typed: bool  # DuckDB

    def find_table(self, file: RawFile, key: str) -> DatabaseTable:
        """The table or view that params name; BadInput with the nearest names."""
        tables = self._tables()
        place = tables.get(str(file.table))
        if place is None:
            raise BadInput(
                f"{key}.table: the database has no table {file.table!r}"
                f"{suggestion(str(file.table), list(tables))}; write its name there"
            )
        schema, name = place
        return DatabaseTable(schema, name, self._columns(schema, name))

    def _tables(self) -> dict[str, tuple[str, str]]:
        """Schema and name by what params may call it; of SQLite there is one schema."""
        if not self.is_typed:
            query = "select name from sqlite_master where type in ('table', 'view') order by name"
            return {name: ("main", name) for (name,) in self.execute(query).fetchall()}
        query = """select table_schema, table_name from information_schema.tables
            where table_catalog = current_database() order by table_schema = 'main', 1, 2"""
        rows = self.execute(query).fetchall()
        return {f"{schema}.{name}": (schema, name) for schema, name in rows} | {
            name: (schema, name) for schema, name in rows
        }

    def _columns(self, schema: str, name: str) -> dict[str, str]:
        if not self.is_typed:
            rows = self.execute(f"pragma table_info({identifier(name)})").fetchall()
            return {str(row[1]): "text" for row in rows}
        table = f"{identifier(schema)}.{identifier(name)}"
        rows = self.execute(f"describe select * from {table}").fetchall()
        return {str(row[0]): _TIMES.get(str(row[1]), str(row[1]).lower()) for row in rows}

    def batches(
        self,
        table: DatabaseTable,
        key: str,  # noqa: ARG002  (as PostgreSQL, which names it)
        order: Sequence[str] | None,
        since: tuple[str, int] | None = None,
        max_rows: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """All columns, by `order`, or as text by all columns where that is empty."""
        columns = [f"{self._cell(table, name)} as {identifier(name)}" for name in table.columns]
        query = f"select {', '.join(columns)} from {_name(table)} as source"
        if since:
            query += f" where {self._since(table, *since)}"
        if order is not None:
            keys = [_column(name) for name in order] or [
                self._text(_column(name)) for name in table.columns
            ]
            query += f" order by {', '.join(keys)}"
        if max_rows:
            query += f" limit {max_rows}"
        for batch in self.arrow_batches(query):
            yield batch.cast(table.arrow)

    def _cell(self, table: DatabaseTable, name: str) -> str:
        if is_time(table, name):
            return f"{_column(name)}::{table.columns[name]}"
        return self._text(_column(name))

    def _text(self, column: str) -> str:
        if self.is_typed:
            return f"{column}::varchar"
        return (
            f"case typeof({column}) when 'blob' then hex({column}) else cast({column} as text) end"
        )

    def _since(self, table: DatabaseTable, name: str, count: int) -> str:
        kind, column = table.arrow.field(name).type, _column(name)
        bound = f"date '1970-01-01' + {count}" if kind == DAY else f"make_timestamp({count})"
        if kind == INSTANT:
            bound = f"make_timestamptz({count})"
        return f"({column} >= {bound} or {column} is null)"

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)


def _name(table: DatabaseTable) -> str:
    return f"{identifier(table.schema)}.{identifier(table.name)}"


def _column(name: str) -> str:
    return f"source.{identifier(name)}"


@contextmanager
def opened(url: str, file: RawFile, key: str) -> Iterator[LocalDatabase]:
    """The file of an address, opened to read; BadInput: not there, none of its kind, too slow."""
    match = _URL.fullmatch(url)
    kind, place = match.groups() if match else ("", "")
    path, timer = Path(place), None
    if not path.is_file():
        raise BadInput(
            f"{key}.table: the file that {file.database} names is not there; write the path from"
            f" this folder after {kind}:///, or one that begins with / after it"
        )
    try:
        connection: Any = _duckdb(path) if kind == "duckdb" else _sqlite(path)
        timer = threading.Timer(file.database_timeout, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            is_typed = kind == "duckdb"
            batches = _duckdb_batches(connection) if is_typed else _sqlite_batches(connection)
            yield LocalDatabase(connection.execute, batches, is_typed)
        finally:
            connection.close()
    except (duckdb.Error, sqlite3.Error) as error:
        raise BadInput(f"{key}: {_describe(error, file)}") from None
    finally:
        if timer:
            timer.cancel()


def _describe(error: Exception, file: RawFile) -> str:
    if "interrupt" in str(error).lower():
        return (
            f"table {file.table!r} was not read within {file.database_timeout:.0f} s; raise"
            " database_timeout"
        )
    return (
        f"the file that {file.database} names cannot be read: {type(error).__name__}; is it a"
        " database of that kind, and does no other program write it now?"
    )


def _duckdb(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"attach {literal(str(path))} as source_file (read_only)")
    connection.execute("use source_file")
    return connection


def _duckdb_batches(connection: duckdb.DuckDBPyConnection) -> _Rows:
    return lambda query: iter(connection.sql(query).to_arrow_reader(_ROWS))


def _sqlite(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
    connection.execute("begin")  # one snapshot of the file
    return connection


def _sqlite_batches(connection: sqlite3.Connection) -> _Rows:
    def rows(query: str) -> Iterator[pa.RecordBatch]:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        while part := cursor.fetchmany(_ROWS):
            columns = [pa.array(column, TEXT) for column in zip(*part, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, names)

    return rows
