"""Columns that a source takes from another file: of each row at most one partner.

Keys are compared as text, exactly as they are written. Where the other file says from when its rows
hold, the partner is the newest that held at the row's own time, so that no row sees a later state.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zoneinfo import ZoneInfo

import duckdb

from retention.core import errors
from retention.core.documents.sources import MissingPartners
from retention.core.errors import BadInput, BadParams
from retention.core.params import Join, RawFile, Source
from retention.sources import parsing, reader
from retention.sources.column_errors import require_column
from retention.sources.reader import OpenFile, run

ZoneOf = Callable[[RawFile], ZoneInfo]
_SQL_TIMES: Final = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE")


def names(file: RawFile, files: Sequence[OpenFile], key: str) -> tuple[str, ...]:
    """The columns that mappings may read: those of all files, then the joined ones.

    BadParams: a joined column that is called as another.
    """
    columns = list(reader.shared_columns(files))
    for name, join in _joins(file).items():
        for column in join.columns:
            if column in columns:
                raise BadParams(
                    f"{key}.join.{name}.columns: {column} is a column already; call it otherwise,"
                    f" as {name}_{column}: {join.columns[column]}"
                )
            columns.append(column)
    return tuple(columns)


def joined_columns(file: RawFile) -> set[str]:
    """The columns that a source takes from others."""
    return {column for join in _joins(file).values() for column in join.columns}


def _joins(file: RawFile) -> dict[str, Join]:
    return file.join if isinstance(file, Source) else {}


def load(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    files: Sequence[OpenFile],
    wanted: Sequence[str],
    zone_of: ZoneOf,
    key: str,
    first_of_repeated: bool = False,
) -> Mapping[str, MissingPartners]:
    """As `reader.load`, with the joined columns; and the rows without a partner, by join.

    BadInput: a key that stands for two different partners, a column that is missing, a time that is
    none. BadParams: times without a type.
    """
    joins = {name: join for name, join in _joins(file).items() if {*join.columns} & {*wanted}}
    if not joins:
        reader.load(connection, file, files, wanted, first_of_repeated)
        return {}
    needed = [
        column
        for name, join in joins.items()
        for column in _own_columns(files, join, f"{key}.join.{name}")
    ]
    own = [column for column in wanted if column not in joined_columns(file)]
    columns = list(dict.fromkeys([*own, *needed]))
    _load_apart(connection, "own", file, files, columns, first_of_repeated)
    run(connection, "create view unread as from own.lines")
    cell = {column: f"o.v{i}" for i, column in enumerate(columns)}
    moments, tables, missing = "", "", ""
    for i, (name, join) in enumerate(joins.items()):
        place = f"{key}.join.{name}"
        _make_partners(connection, join, zone_of, place, i)
        equal = [f"p{i}.k{j} = {cell[column]}::varchar" for j, column in enumerate(join.on)]
        if join.at:
            moments += f", {_own_moment_sql(connection, file, join, zone_of, columns, key)} as t{i}"
            equal.append(f"o.t{i} >= p{i}.since")
        kind = "asof left join" if join.at else "left join"
        tables += f" {kind} partners_{i} p{i} on {' and '.join(equal)}"
        filled = " and ".join(f"trim({cell[column]}::varchar) <> ''" for column in join.on)
        missing += f", coalesce({filled}, false) and p{i}.k0 is null as missing_{i}"
        missing += f", {cell[next(iter(join.on))]}::varchar as sought_{i}"
        for j, column in enumerate(join.columns):
            cell[column] = f"p{i}.x{j}"
    cells = "".join(f", {cell[column]} as v{i}" for i, column in enumerate(wanted))
    run(
        connection,
        f"""create table raw as select o.file, o.line, o.defect{cells}{missing}
        from (select *{moments} from own.rows) o{tables}""",
    )
    return {
        name: _missing(connection, i, next(iter(join.on)))
        for i, (name, join) in enumerate(joins.items())
    }


def _own_columns(files: Sequence[OpenFile], join: Join, key: str) -> list[str]:
    """The columns of the source that a join reads; BadInput where a file lacks one."""
    columns = [*join.on, *([join.at] if join.at else [])]
    for column in columns:
        require_column(files, column, f"{key}.{'at' if column == join.at else 'on'}")
    return columns


def _load_apart(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    file: RawFile,
    files: Sequence[OpenFile],
    columns: Sequence[str],
    first_of_repeated: bool = False,
) -> None:
    """Load rows into a schema of their own."""
    run(connection, f"create schema {schema}")
    run(connection, f"set schema = '{schema}'")
    try:
        reader.load(connection, file, files, columns, first_of_repeated)
        run(connection, "create table rows as from raw")
        run(connection, "create table lines as from unread")
    finally:
        run(connection, "set schema = 'main'")


def _make_partners(
    connection: duckdb.DuckDBPyConnection, join: Join, zone_of: ZoneOf, key: str, i: int
) -> None:
    """Make `partners_I`: keys k0, ..., values x0, ... and since, each key once (at a time)."""
    there = [*join.on.values(), *join.columns.values(), *([join.since] if join.since else [])]
    columns = list(dict.fromkeys(there))
    with TemporaryDirectory(prefix="join-") as scratch:
        files = reader.open_files(join, Path(scratch))
        for column in columns:
            require_column(files, column, key)
        _load_apart(connection, f"partner_{i}", join, files, columns)
    position = {column: f"v{j}" for j, column in enumerate(columns)}
    keys = [f"{position[column]}::varchar as k{j}" for j, column in enumerate(join.on.values())]
    values = [f"{position[column]} as x{j}" for j, column in enumerate(join.columns.values())]
    since = ""
    if join.since:
        native = _native(connection, f"partner_{i}.rows", columns)
        moment = _moment_sql(join, join.since, position[join.since], native, zone_of(join), key)
        _refuse_no_times(connection, f"partner_{i}.rows", position[join.since], moment, join.since)
        since = f", coalesce({moment}, timestamptz '-infinity') as since"
    filled = " and ".join(f"trim(k{j}) <> ''" for j in range(len(keys)))
    run(
        connection,
        f"""create table partners_{i} as
        select * exclude (file, line), min({{file: file, line: line}}) as place
        from (select file, line, {", ".join([*keys, *values])}{since} from partner_{i}.rows
            where defect is null) where {filled} group by all""",
    )
    _refuse_several(connection, join, i)


def _refuse_several(connection: duckdb.DuckDBPyConnection, join: Join, i: int) -> None:
    """BadInput where a key has two partners that differ, at one time."""
    keys = ", ".join([*(f"k{j}" for j in range(len(join.on))), *(["since"] if join.since else [])])
    twice = run(
        connection,
        f"""select min(place), max(place), first(k0) from partners_{i}
        group by {keys} having count(*) > 1 order by 1 limit 1""",
    )
    for first, other, value in twice:
        raise BadInput(
            f"{first['file']}: line {first['line']}, column {next(iter(join.on.values()))!r},"
            f" {errors.mask(value)} stands again in {other['file']}, line {other['line']}, with"
            " other values; a join needs one row a key: keep one, or write since: and at: if the"
            " rows hold at different times"
        )


def _own_moment_sql(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    join: Join,
    zone_of: ZoneOf,
    columns: Sequence[str],
    key: str,
) -> str:
    """SQL of a row's own time, by which its partner is chosen."""
    assert join.at is not None  # noqa: S101
    native = _native(connection, "own.rows", columns)
    return _moment_sql(file, join.at, f"v{columns.index(join.at)}", native, zone_of(file), key)


def _native(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> dict[str, str]:
    """The SQL type of each loaded column."""
    described = connection.sql(f"from {table} limit 0")
    types = dict(zip(described.columns, map(str, described.types), strict=True))
    return {column: types[f"v{i}"] for i, column in enumerate(columns)}


def _moment_sql(
    file: RawFile, column: str, cell: str, native: Mapping[str, str], zone: ZoneInfo, key: str
) -> str:
    """SQL of a time as an instant; null where it is none. BadParams without a type."""
    kind = file.types.get(column)
    if kind not in ("timestamp", "date"):
        raise BadParams(f"{key}.types: {column} needs the type timestamp or date, and a format")
    is_text = native[column] not in _SQL_TIMES
    form = parsing.native_format(file.format, native[column])
    value = (
        parsing.parsed_sql(f"{cell}::varchar", kind, form, f"{key}.types.{column}")
        if is_text
        else parsing.finite_sql(cell, kind)
    )
    clock = parsing.Clock(zone, file.dst or "later")
    if kind == "date":
        return parsing.instant_sql(value, parsing.DATE, clock)
    offset = file.format.states_instants if is_text else native[column].endswith("ZONE")
    return parsing.instant_sql(value, parsing.INSTANT if offset else parsing.CLOCK, clock)


def _refuse_no_times(
    connection: duckdb.DuckDBPyConnection, table: str, cell: str, moment: str, column: str
) -> None:
    misfits = run(
        connection,
        f"""select file, line, {cell}::varchar from {table}
        where trim({cell}::varchar) <> '' and {moment} is null order by file, line limit 1""",
    )
    for path, line, raw in misfits:
        raise BadInput(
            f"{path}: line {line}, column {column!r}, {errors.mask(raw)}: not a time in the format"
            " given; mend it, or the join's format"
        )


def _missing(connection: duckdb.DuckDBPyConnection, i: int, column: str) -> MissingPartners:
    """How many rows have no partner, and the first of them."""
    ((n_rows, first),) = run(
        connection,
        f"""select count(*), min({{file: file, line: line, sought: sought_{i}}})
        from raw where missing_{i} and defect is null""",
    )
    named = first and (
        f"{first['file']}: line {first['line']}, column {column!r}, {errors.mask(first['sought'])}"
    )
    return MissingPartners(rows=n_rows, first=named)
