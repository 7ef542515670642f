"""Rows of JSON and of workbooks as a table of their own, with the line on which each stands.

The table is a Parquet file with the columns line, defect and what the cells are taken from. A cell
is text, as in a CSV.
"""

import datetime as dt
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from retention.core.errors import BadInput, suggestion

_BATCH: Final = 20_000
_LONGEST: Final = 1 << 24
"""Bytes of the longest JSON record."""

_MOST_NAMES: Final = 2000
_POSITION: Final = "position"


@dataclass(frozen=True)
class MadeTable:
    """A table that stands for a raw file."""

    path: Path
    names: tuple[str, ...]  # of the raw file's columns
    cells: tuple[str, ...]  # SQL of each, over the columns of the table


# JSON


def from_json(path: Path, label: str, each: str | None, scratch: Path) -> MadeTable:
    """A row for each record: of JSON lines, of one array, or of one document by the name `each`.

    Names within objects are joined by points, as customer.id; lists stay JSON text. With `each` the
    elements of that list are the rows, beside what their record says; a record without any stays.
    A line that is no JSON has the defect not_json. BadInput: no JSON at all, no list of that name.
    """
    target = scratch.with_suffix(".json.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"create view records as {_records_sql(path)}")
        rows, items = "records", _items_sql(each) if each else ""
        if items:
            connection.execute(f"create view items as {items}")
            rows = "items"
        try:
            connection.execute(f"copy (from {rows}) to {_text(str(target))} (format parquet)")
            names, cells = _json_columns(connection, target, label, each)
        except (duckdb.InvalidInputException, duckdb.IOException, duckdb.DataError):
            raise BadInput(f"{label}: no whole JSON; it may be cut, export it again") from None
    return MadeTable(target, tuple(names), tuple(cells))


def _records_sql(path: Path) -> str:
    """SQL of line, defect and record of a file of JSON lines, or of one whole document."""
    with path.open("rb") as handle:
        first = handle.readline(_LONGEST)
        while first and not first.strip():
            first = handle.readline(_LONGEST)
    if _is_json(first) and not first.lstrip().startswith(b"["):
        return f"""select line, case when not json_valid(text) then 'not_json' end as defect,
                case when json_valid(text) then text::json end as record
            from (select row_number() over () as line, text from read_csv({_text(str(path))},
                columns = {{'text': 'VARCHAR'}}, auto_detect = false, header = false,
                delim = '\x01', quote = '', escape = '', strict_mode = false,
                max_line_size = {_LONGEST}))
            where trim(coalesce(text, '')) <> ''"""
    return f"""select row_number() over () as line, null::varchar as defect, json as record
        from read_json_objects({_text(str(path))}, format = 'auto',
            maximum_object_size = {1 << 30})"""


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _items_sql(each: str) -> str:
    """SQL of the rows with an element of a list each; a record without elements stays once."""
    pointer = _text(_pointer(each.split(".")))
    elements = f"json_extract(record, {pointer})"
    return f"""select line, defect, record, unnest(items) as item,
            unnest(range(1, len(items) + 1)) as {_POSITION}
        from (select line, defect, record,
            case when json_type({elements}) = 'ARRAY' and json_array_length({elements}) > 0
                then from_json({elements}, '["JSON"]') else [null::json] end as items
            from records)"""


def _json_columns(
    connection: duckdb.DuckDBPyConnection, table: Path, label: str, each: str | None
) -> tuple[list[str], list[str]]:
    """The names of all columns, and the SQL of each."""
    rows = f"read_parquet({_text(str(table))})"
    kinds = "json_group_structure(record)"
    kinds += ", json_group_structure(item)" if each else ""
    (structures,) = connection.execute(f"select {kinds} from {rows}").fetchall()
    names, cells = list[str](), list[str]()
    for column, prefix, structure in zip(
        ("record", "item"), ([], [each] if each else []), structures, strict=False
    ):
        for steps in _leaves(json.loads(structure or "null")):
            name = ".".join([*map(str, prefix), *steps])
            if column == "item" or name != each:
                names.append(name)
                cells.append(f"json_extract_string({column}, {_text(_pointer(steps))})")
    if each and not any(name.startswith(f"{each}.") for name in names):
        raise BadInput(
            f"{label}: no list of objects is called {each!r}{suggestion(each, names)}; write its"
            " name at each: in params.yaml"
        )
    if each:
        names.append(f"{each}.{_POSITION}")
        cells.append(f"{_POSITION}::varchar")
    if not names or len(names) > _MOST_NAMES:
        raise BadInput(f"{label}: {len(names):,} names in its objects; no table can be read of it")
    return names, cells


def _leaves(structure: Any, steps: Sequence[str] = ()) -> Iterator[Sequence[str]]:
    """The ways to all values of a structure; lists are values."""
    if isinstance(structure, dict):
        for name, part in structure.items():
            yield from _leaves(part, (*steps, name))
    elif steps:
        yield steps


def _pointer(steps: Sequence[str]) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# Workbooks


def from_workbook(
    path: Path, label: str, sheet: str | None, skip_lines: int, scratch: Path
) -> MadeTable:
    """The rows of a sheet; times are written as 2026-11-22 14:30:00, dates as 2026-11-22.

    BadInput: no whole workbook, no such sheet, several sheets where none is named, no header.
    """
    import openpyxl

    target = scratch.with_suffix(".sheet.parquet")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        raise BadInput(f"{label}: no whole workbook; export it again") from None
    try:
        rows = enumerate(book[_sheet(book.sheetnames, sheet, label)].iter_rows(values_only=True), 1)
        header = next(islice(rows, skip_lines, None), (0, ()))[1]
        names = [_cell_text(cell) or "" for cell in header]
        while names and not names[-1]:
            names.pop()
        if not names:
            raise BadInput(
                f"{label}: row {skip_lines + 1} is blank; the header must stand there, or write"
                " skip_lines: the number of rows above it"
            )
        _write_sheet(target, rows, len(names))
    finally:
        book.close()
    return MadeTable(target, tuple(names), tuple(f"c{i}" for i in range(len(names))))


def _sheet(names: Sequence[str], sheet: str | None, label: str) -> str:
    if sheet in names:
        return str(sheet)
    if sheet is None and len(names) == 1:
        return names[0]
    wanted = f"no sheet {sheet!r}" if sheet else "several sheets"
    raise BadInput(f"{label}: {wanted}; write sheet: one of {', '.join(names)}")


def _write_sheet(target: Path, rows: Iterator[tuple[int, Sequence[Any]]], width: int) -> None:
    names = ["line", "defect", *(f"c{i}" for i in range(width))]
    schema = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in names])
    with pq.ParquetWriter(target, schema) as writer:
        for _ in count():
            batch = list(islice(rows, _BATCH))
            if not batch:
                break
            records = [
                (line, *_sheet_row([_cell_text(cell) for cell in cells], width))
                for line, cells in batch
                if any(cell is not None for cell in cells)
            ]
            columns = list(zip(*records, strict=True)) or [()] * len(names)
            writer.write_table(
                pa.table(
                    [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema
                )
            )


def _sheet_row(cells: Sequence[str | None], width: int) -> list[str | None]:
    """The defect of a row, and its cells."""
    overlong = any(cell is not None for cell in cells[width:])
    filled = [*cells[:width], *[None] * (width - len(cells))]
    return ["ragged_row" if overlong else None, *filled]


def _cell_text(value: Any) -> str | None:
    """A cell as the text that a CSV would have; whole numbers without a point."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "microseconds" if value.microsecond else "seconds")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
