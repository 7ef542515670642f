"""Find a table of the database, with its columns, and write the SQL that reads it unchanged."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from psycopg import sql

from retention.core.errors import BadInput, suggestion
from retention.core.params import RawFile
from retention.sources.database.connection import Connection

INSTANT: Final = pa.timestamp("us", tz="UTC")
CLOCK: Final = pa.timestamp("us")
DAY: Final = pa.date32()
TEXT: Final = pa.string()

_TIMES: Final = {"timestamptz": INSTANT, "timestamp": CLOCK, "date": DAY}
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001  (counts on whichever clock a column has)

_MICROSECONDS: Final = """case when {column} is null then null
    when isfinite({column}) then (extract(epoch from {column}) * 1000000)::bigint
    when {column} > 'epoch' then 9223372036854775807 else -9223372036854775807 end"""
_DAYS: Final = """case when {column} is null then null
    when isfinite({column}) then {column} - date 'epoch'
    when {column} > 'epoch' then 2147483647 else -2147483647 end"""
"""Counts since 1970-01-01; infinity is a count too, which DuckDB reads as infinity again."""

_FIND_TABLE: Final = """select n.nspname, c.relname, c.oid from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
        and (c.relname = %(table)s and pg_table_is_visible(c.oid)
            or n.nspname || '.' || c.relname = %(table)s)
    order by pg_table_is_visible(c.oid) and c.relname = %(table)s desc, 1, 2 limit 1"""
_COLUMNS: Final = """select a.attname, b.typname from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    join pg_type b on b.oid = case t.typtype when 'd' then t.typbasetype else t.oid end
    where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum"""
_TABLE_NAMES: Final = """select
        case when pg_table_is_visible(c.oid) then '' else n.nspname || '.' end || c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname <> 'information_schema'
        and n.nspname !~ '^pg_' and has_table_privilege(c.oid, 'select') order by 1"""


@dataclass(frozen=True)
class DatabaseTable:
    """A table of the database."""

    schema: str
    name: str
    columns: dict[str, str]  # types in PostgreSQL, by name

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def arrow(self) -> pa.Schema:
        """Times as times, everything else as the text of PostgreSQL: nothing is rounded."""
        return pa.schema([(name, _TIMES.get(kind, TEXT)) for name, kind in self.columns.items()])

    def require(self, wanted: Sequence[str], asked_by: str) -> None:
        """BadInput, with the nearest names, for a column that the table lacks."""
        for name in wanted:
            if name not in self.columns:
                raise BadInput(
                    f"{asked_by}: table {self.label} has no column {name!r}"
                    f"{suggestion(name, self.columns)}; write the table's name for it there"
                )


def find_table(connection: Connection, file: RawFile, key: str) -> DatabaseTable:
    """The table that params name, by itself or as schema.table; BadInput with the nearest names."""
    row = connection.execute(_FIND_TABLE, {"table": file.table}).fetchone()
    if row is None:
        others = [str(name) for (name,) in connection.execute(_TABLE_NAMES)]
        raise BadInput(
            f"{key}.table: the database has no table {file.table!r}"
            f"{suggestion(str(file.table), others)}; write its name, or schema.name"
        )
    schema, name, oid = row
    columns = {str(column): str(kind) for column, kind in connection.execute(_COLUMNS, [oid])}
    return DatabaseTable(str(schema), str(name), columns)


def copy_sql(
    table: DatabaseTable,
    order: Sequence[str] | None,
    since: tuple[str, int] | None = None,
    max_rows: int | None = None,
) -> sql.Composed:
    """COPY of all columns as CSV: by `order`, as text by all columns where that is empty.

    order: None takes rows as they come.
    since: a column and the count (as `arrow` counts) from which on its rows are wanted; those
    without a time are wanted too.
    """
    parts: list[sql.Composable] = [
        sql.SQL("copy (select "),
        sql.SQL(", ").join(_column_sql(table, name) for name in table.columns),
        _composed(" from {table} as source", table=sql.Identifier(table.schema, table.name)),
        _since_sql(table, *since) if since else sql.SQL(""),
        sql.SQL("") if order is None else _order_sql(table, order),
        _composed(" limit {most}", most=sql.Literal(max_rows)) if max_rows else sql.SQL(""),
        sql.SQL(") to stdout (format csv, header, force_quote *)"),
    ]
    return sql.Composed(parts)


def _order_sql(table: DatabaseTable, order: Sequence[str]) -> sql.Composed:
    """By some columns in their own order, which an index may have; or by all of them as text."""
    text = "{column}" if order else "{column}::text"
    columns = [
        _composed(text, column=sql.Identifier("source", name)) for name in order or table.columns
    ]
    return sql.SQL(" order by ") + sql.SQL(", ").join(columns)


def _composed(text: str, **parts: sql.Composable) -> sql.Composed:
    """SQL with its {parts} filled in; `text` stands in this file."""
    return sql.SQL(text).format(**parts)


def _column_sql(table: DatabaseTable, name: str) -> sql.Composed:
    kind, column = table.columns[name], sql.Identifier(name)
    written = {
        "timestamptz": _MICROSECONDS,
        "timestamp": _MICROSECONDS,
        "date": _DAYS,
        "money": "{column}::numeric::text",  # money's own text depends on the server's locale
    }.get(kind, "{column}::text")
    return _composed(f"{written} as {{column}}", column=column)


def _since_sql(table: DatabaseTable, name: str, count: int) -> sql.Composed:
    return _composed(
        " where {column} >= {bound} or {column} is null",
        column=sql.Identifier(name),
        bound=sql.Literal(_moment(table.columns[name], count)),
    )


def _moment(kind: str, count: int) -> dt.date | dt.datetime:
    if kind == "date":
        return _EPOCH.date() + dt.timedelta(days=count)
    moment = _EPOCH + dt.timedelta(microseconds=count)
    return moment.replace(tzinfo=dt.UTC) if kind == "timestamptz" else moment


def is_time(table: DatabaseTable, name: str) -> bool:
    return table.columns[name] in _TIMES


def day_length(kind: pa.DataType) -> int:
    """The length of a day in the units of a type of time."""
    return 1 if kind == DAY else 24 * 60 * 60 * 1_000_000


def count_type(kind: pa.DataType) -> pa.DataType:
    """The integer type in which a type of time counts."""
    return pa.int32() if kind == DAY else pa.int64()


def to_count(kind: pa.DataType, moment: Any) -> int:
    """A moment (with its zone) as a type of time counts it."""
    clock = moment.replace(tzinfo=None) if kind != INSTANT else moment.astimezone(dt.UTC)
    since = clock.replace(tzinfo=None) - _EPOCH
    return int(since.days if kind == DAY else since // dt.timedelta(microseconds=1))
