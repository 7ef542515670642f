"""Read raw files as text, so that no row is lost and no cell changed.

The records are counted in the bytes (`record_count`) and by DuckDB's reader; a file on which the
two differ is refused. Rows that do not split into the header's cells are rejects, with their line.
"""

import codecs
import csv
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retention.core.errors import BadInput, suggestion
from retention.core.params import FillDown, RawFile
from retention.sources import archives, last_row, made_tables, record_count

ENDINGS: Final = archives.ENDINGS
_CHUNK: Final = 1 << 24
_BOM: Final = codecs.BOM_UTF8
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MICROSECONDS: Final = {"TIMESTAMPTZ_NS": "::timestamptz"} | dict.fromkeys(
    ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "::timestamp"
)
"""Casts of times in other units to the unit of events, by SQL type."""

_READER_RULES: Final = """case error_type when 'LINE SIZE OVER MAXIMUM' then 'huge_cell'
    when 'UNQUOTED VALUE' then 'stray_quote' else 'ragged_row' end"""


@dataclass(frozen=True)
class OpenFile:
    """A whole file with its header, ready to be read."""

    label: str  # its path, as messages name it
    text: Path  # its content: plain UTF-8, or Parquet
    names: tuple[str, ...]  # of its columns, as params.yaml calls them
    cells: tuple[str, ...]  # SQL of each of them, over the columns of `text`
    layout: record_count.Records | None = None  # None for Parquet
    overlong: record_count.Numbers | None = None  # records with too many cells; None for Parquet
    unended: bool = False  # without a newline at its end, behind a last row that is whole
    is_made: bool = False  # whether `text` was made of another form, and has line and defect
    delimiter: str = ","

    @property
    def rows(self) -> int:
        """Rows below the header; each becomes a row of the table, or a reject."""
        if self.layout is not None:
            return len(self.layout) - 1
        return int(pq.ParquetFile(self.text).metadata.num_rows)


@contextmanager
def connect(memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """An own DuckDB in UTC with a folder to spill to; both are gone when the block ends."""
    with TemporaryDirectory(prefix="ingest-") as folder:
        settings: dict[str, Any] = {
            "memory_limit": memory,
            "threads": 2,
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
        }
        with duckdb.connect(config=settings) as connection:
            run(connection, "set TimeZone = 'UTC'")
            yield connection


def run(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """Run one statement to its end and return its rows."""
    return list(connection.execute(sql).fetchall())


def drop_tables(connection: duckdb.DuckDBPyConnection, pattern: str) -> None:
    """Free the tables whose whole name matches a regular expression, in any schema."""
    tables = run(
        connection,
        f"""select schema_name, table_name from duckdb_tables()
        where regexp_full_match(table_name, {literal(pattern)})""",
    )
    for schema, table in tables:
        run(connection, f"drop table {identifier(schema)}.{identifier(table)}")


def use_zone(connection: duckdb.DuckDBPyConnection, zone: ZoneInfo) -> None:
    """Let days and clock times that SQL takes of instants be those of a zone."""
    run(connection, f"set TimeZone = {literal(zone.key)}")


def identifier(text: str) -> str:
    """A quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted SQL string."""
    return "'" + text.replace("'", "''") + "'"


def paths(path: str) -> list[Path]:
    """The files behind a path of params.yaml, sorted by name; BadInput when there are none."""
    target = Path(path)
    if target.is_dir():
        files = sorted(entry for entry in target.iterdir() if entry.name.endswith(ENDINGS))
        if not files:
            raise BadInput(f"{path}: no {', '.join(ENDINGS)} file in this folder")
        _refuse_mixed_forms(path, files)
        return files
    if not target.is_file():
        folder = target.parent
        siblings = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        raise BadInput(f"{path}: no such file{suggestion(target.name, siblings)}")
    if not target.name.endswith(ENDINGS):
        raise BadInput(f"{path}: not one of {', '.join(ENDINGS)}")
    return [target]


def _refuse_mixed_forms(path: str, files: Sequence[Path]) -> None:
    """A workbook or JSON beside tables is rather a copy or a description than more rows."""
    others = (*archives.JSON, archives.WORKBOOK)
    strays = [file for file in files if file.name.removesuffix(".gz").endswith(others)]
    if strays and len(strays) < len(files):
        raise BadInput(
            f"{path}: holds {strays[0].name} beside files of another form; move it out of the"
            " folder, or give each form a source of its own"
        )


def open_files(file: RawFile, scratch: Path) -> list[OpenFile]:
    """Check every file behind `file` and read its header, before any of them is processed.

    Unpacked or recoded copies go to the folder `scratch`. BadInput: cut archive, wrong encoding,
    NUL-filled or UTF-16 text, unclosed quote, no final newline behind a row that may be cut, no
    rows, fewer than rows_at_least.
    """
    files = [_open_file(path, file, scratch / str(i)) for i, path in enumerate(paths(file.path))]
    empty = next((open_file for open_file in files if not open_file.rows), None)
    if empty:
        raise BadInput(f"{empty.label}: 0 rows; the export is empty, make it again")
    _refuse_too_few(files, file)
    return files


def _refuse_too_few(files: Sequence[OpenFile], file: RawFile) -> None:
    rows = sum(open_file.rows for open_file in files)
    if file.rows_at_least and rows < file.rows_at_least:
        raise BadInput(
            f"{file.path}: {rows:,} rows, fewer than the {file.rows_at_least:,} of rows_at_least;"
            " the export may be cut: export it again, or mend rows_at_least"
        )


def shared_columns(files: Sequence[OpenFile]) -> tuple[str, ...]:
    """The named columns that all files have, in the first file's order, each once."""
    others = [set(open_file.names) for open_file in files[1:]]
    return tuple(
        column
        for column in dict.fromkeys(files[0].names)
        if column and all(column in names for names in others)
    )


def load(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    files: Sequence[OpenFile],
    wanted: Sequence[str],
    first_of_repeated: bool = False,
) -> None:
    """Make tables `raw` (file, line, defect, v0, v1, ...: one for each wanted column) and `unread`.

    A CSV's cells are text, its empty cells null; Parquet keeps its types. `unread` holds the rows
    that do not split into cells: file, line, column, rule, raw. Their rows add up to the files'.
    BadInput: a wanted column that stands twice in a header, unless its first place may be read.
    """
    for open_file in () if first_of_repeated else files:
        _refuse_repeated(open_file, wanted)
    fill = file.fill_down if file.fill_down and set(file.fill_down.columns) & {*wanted} else None
    needed = [*fill.columns[:1], *fill.within] if fill else []
    for column in needed:
        _require(files, column, "fill_down")
    columns = list(dict.fromkeys([*wanted, *needed]))
    for i, open_file in enumerate(files):
        read = _load_parquet if open_file.layout is None else _load_csv
        read(connection, file, open_file, columns, i)
    for table in ("raw", "unread"):
        parts = " union all by name ".join(f"from {table}_{i}" for i in range(len(files)))
        run(connection, f"create view {table if table == 'unread' else 'parts'} as {parts}")
    raw = _filled_sql(fill, columns) if fill else "from parts"
    run(connection, f"create {'table' if fill else 'view'} raw as {raw}")


def _require(files: Sequence[OpenFile], column: str, key: str) -> None:
    for open_file in files:
        if column not in open_file.names:
            raise BadInput(
                f"{open_file.label}: the header has no column {column!r}, which {key} names"
                f"{suggestion(column, open_file.names)}"
            )


def _filled_sql(fill: FillDown, columns: Sequence[str]) -> str:
    """SQL over `parts` with cells filled from the line above of the same group, within a file."""
    position = {column: f"v{i}" for i, column in enumerate(columns)}

    def value(column: str) -> str:
        cell = position[column]
        return f"case when defect is null and trim({cell}::varchar) <> '' then {cell} end"

    if fill.within:
        group = ", ".join(position[column] for column in fill.within)
        parts = "parts"
        belongs = " and ".join(f"trim({position[name]}::varchar) <> ''" for name in fill.within)
    else:
        first = value(fill.columns[0])
        group, belongs = "header", "header > 0"
        parts = f"(select *, count({first}) over (partition by file order by line) as header"
        parts += " from parts)"
    window = f"(partition by file, {group} order by line rows unbounded preceding)"
    cells = ", ".join(
        f"case when defect is null and {belongs}"
        f" then last_value({value(column)} ignore nulls) over {window} else {cell} end as {cell}"
        if column in fill.columns
        else cell
        for column, cell in position.items()
    )
    return f"select file, line, defect, {cells} from {parts}"


def is_plain(file: RawFile, path: Path) -> bool:
    """Whether the engine's own reader finds the rows of a file that `load` finds."""
    changed = file.skip_lines or file.nulls or file.earlier_names or file.fill_down
    return not changed and path.name.endswith((".csv", ".csv.gz", ".parquet"))


def plain_scan_sql(file: RawFile, path: Path) -> str:
    """SQL of a plain file's rows as text, for a first look: bad rows are passed over."""
    if path.name.endswith(".parquet"):
        return f"read_parquet({literal(str(path))})"
    return (
        f"read_csv({literal(str(path))}, delim = {literal(file.delimiter)}, quote = '\"',"
        " escape = '\"', header = true, all_varchar = true, ignore_errors = true,"
        f" encoding = {literal(file.encoding)})"
    )


@contextmanager
def scan(
    file: RawFile, columns: Sequence[str], memory: str
) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection, and SQL of all rows with some columns under their names, for a first look.

    BadInput: a file that is not plain and cannot be trusted.
    """
    every = paths(file.path)
    with TemporaryDirectory(prefix="scan-") as scratch, connect(memory) as connection:
        if all(is_plain(file, path) for path in every):
            names = ", ".join(map(identifier, columns))
            yield (
                connection,
                " union all by name ".join(
                    f"select {names} from {plain_scan_sql(file, path)}" for path in every
                ),
            )
            return
        load(connection, file, open_files(file, Path(scratch)), columns, first_of_repeated=True)
        cells = ", ".join(f"v{i} as {identifier(name)}" for i, name in enumerate(columns))
        yield connection, f"select {cells} from raw where defect is null"


def _open_file(path: Path, file: RawFile, scratch: Path) -> OpenFile:
    label = path.as_posix()
    form = archives.form(path)
    content = archives.unpack(path, scratch)
    if form == archives.PARQUET:
        names = _parquet_names(content)
        return _named(OpenFile(label, content, names, tuple(map(identifier, names))), file)
    if form in archives.JSON:
        table = made_tables.from_json(content, label, file.each, scratch)
    elif form == archives.WORKBOOK:
        table = made_tables.from_workbook(content, label, file.sheet, file.skip_lines, scratch)
    else:
        delimiter = delimiter_of(file, form)
        return _named(_open_text(content, file, delimiter, label, scratch), file)
    return _named(OpenFile(label, table.path, table.names, table.cells, is_made=True), file)


def _open_text(content: Path, file: RawFile, delimiter: str, label: str, scratch: Path) -> OpenFile:
    text = _to_utf8(content, file, label, scratch)
    if file.skip_lines:
        text = _below(text, file.skip_lines, label, scratch)
    if not text.stat().st_size:
        raise BadInput(f"{label}: 0 rows; the file is empty, export it again")
    buffer = np.asarray(np.memmap(text, np.uint8, mode="r"))
    unended = last_row.is_unended(buffer) and last_row.is_whole(buffer, delimiter)
    if unended:
        text = _with_final_newline(text, buffer, scratch)
        buffer = np.asarray(np.memmap(text, np.uint8, mode="r"))
    below = f"{label}, below {file.skip_lines} lines" if file.skip_lines else label
    layout = record_count.scan(buffer, delimiter, below)
    header = buffer[: int(layout.ends[0])].tobytes().decode("utf-8")
    (names,) = csv.reader([header.rstrip("\r\n")], delimiter=delimiter)
    _refuse_other_delimiter(names, label)
    overlong = record_count.overlong(buffer, layout, delimiter, len(names))
    cells = tuple(f"c{i}" for i in range(len(names)))
    layout = replace(layout, lines=layout.lines + file.skip_lines)
    return OpenFile(
        label, text, tuple(names), cells, layout, overlong, unended, delimiter=delimiter
    )


def delimiter_of(file: RawFile, form: str) -> str:
    """The delimiter of a text; tabs where params.yaml says nothing and the file is called so."""
    return "\t" if form == ".tsv" and "delimiter" not in file.model_fields_set else file.delimiter


def _named(open_file: OpenFile, file: RawFile) -> OpenFile:
    """The file with the newest names of columns that were called otherwise earlier, or are new."""
    names, cells = list(open_file.names), list(open_file.cells)
    for column, earlier in file.earlier_names.items():
        if column in names:
            continue
        old = next((name for name in earlier if name in names), None)
        if old is not None:
            names[names.index(old)] = column
        elif not earlier:
            names.append(column)
            cells.append("null::varchar")
    return replace(open_file, names=tuple(names), cells=tuple(cells))


def _below(text: Path, skip_lines: int, label: str, scratch: Path) -> Path:
    """A copy of a text without the lines above its header."""
    target = scratch.with_suffix(".below.csv")
    with text.open("rb") as old, target.open("wb") as new:
        if not all(old.readline() for _ in range(skip_lines)):
            raise BadInput(
                f"{label}: fewer lines than skip_lines: {skip_lines} skips; write as many as stand"
                " above the header"
            )
        shutil.copyfileobj(old, new, _CHUNK)
    return target


def _with_final_newline(text: Path, buffer: record_count.Bytes, scratch: Path) -> Path:
    """A copy of a text, ended as its first line is."""
    target = scratch.with_suffix(".ended.csv")
    first = int(np.argmax(buffer == ord("\n")))
    returns = buffer[first - 1] == ord("\r") and buffer[-1] != ord("\r")
    with text.open("rb") as old, target.open("wb") as new:
        shutil.copyfileobj(old, new, _CHUNK)
        new.write(b"\r\n" if returns else b"\n")
    return target


def _refuse_other_delimiter(names: Sequence[str], label: str) -> None:
    delimiters = [delimiter for delimiter in ";\t|" if len(names) == 1 and delimiter in names[0]]
    if delimiters:
        written = delimiters[0].replace("\t", "\\t")
        raise BadInput(
            f"{label}: line 1 is one column that holds {delimiters[0]!r}; write delimiter:"
            f' "{written}" beside path in params.yaml'
        )


def _refuse_repeated(open_file: OpenFile, wanted: Sequence[str]) -> None:
    for name in wanted:
        positions = [i for i, column in enumerate(open_file.names, start=1) if column == name]
        if len(positions) > 1:
            raise BadInput(
                f"{open_file.label}: line 1 has the column {name!r} twice, at positions"
                f" {positions[0]} and {positions[1]}; rename one"
            )


def _parquet_names(path: Path) -> tuple[str, ...]:
    try:
        return tuple(pq.ParquetFile(path).schema_arrow.names)
    except (pa.ArrowInvalid, OSError):
        raise BadInput(f"{path}: no whole Parquet file; it may be cut, export it again") from None


def _to_utf8(path: Path, file: RawFile, label: str, scratch: Path) -> Path:
    """The text as UTF-8 without a byte order mark: the file itself, or a copy."""
    with path.open("rb") as handle:
        start = handle.read(1000)
    _refuse_utf16(start, label)
    if file.encoding == "utf-8" and not start.startswith(_BOM):
        _require_utf8(path, label)
        return path
    target = scratch.with_suffix(".utf8.csv")
    with path.open("rb") as old, target.open("wb") as new:
        old.seek(len(_BOM) if start.startswith(_BOM) else 0)
        while chunk := old.read(_CHUNK):
            new.write(chunk if start.startswith(_BOM) else chunk.decode("latin-1").encode("utf-8"))
    _require_utf8(target, label)
    return target


def _refuse_utf16(start: bytes, label: str) -> None:
    nul = max(start[::2].count(0), start[1::2].count(0))
    if start.startswith(_UTF16) or nul > len(start) / 5:
        raise BadInput(f"{label}: UTF-16 text; export it again as UTF-8")


def _require_utf8(path: Path, label: str) -> None:
    offset, lines = 0, 1
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK) + handle.readline():
            try:
                chunk.decode("utf-8")
            except UnicodeDecodeError as error:
                line = lines + chunk.count(b"\n", 0, error.start)
                raise BadInput(
                    f"{label}: line {line}, byte offset {offset + error.start} is not UTF-8;"
                    " export it again, or set encoding: latin-1 if that is what it is"
                ) from None
            offset, lines = offset + len(chunk), lines + chunk.count(b"\n")


def _cells_sql(file: RawFile, open_file: OpenFile, wanted: Sequence[str]) -> str:
    """SQL of the wanted columns of a file."""
    cells = [open_file.cells[open_file.names.index(column)] for column in wanted]
    return "".join(f", {_cell_sql(file, cell)} as v{i}" for i, cell in enumerate(cells))


def _cell_sql(file: RawFile, cell: str) -> str:
    """SQL of a cell, null where it holds what stands for no value."""
    if not file.nulls:
        return cell
    spellings = ", ".join(map(literal, file.nulls))
    return f"case when trim({cell}::varchar) not in ({spellings}) then {cell} end"


def _load_parquet(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    open_file: OpenFile,
    wanted: Sequence[str],
    i: int,
) -> None:
    rows = f"read_parquet({literal(str(open_file.text))}, file_row_number = true)"
    described = connection.sql(f"from {rows} limit 0")
    native = {
        identifier(name): str(kind)
        for name, kind in zip(described.columns, described.types, strict=True)
    }
    units = tuple(
        f"{cell}{_MICROSECONDS.get(native.get(cell, ''), '')}" for cell in open_file.cells
    )
    cells = _cells_sql(file, replace(open_file, cells=units), wanted)
    place = "line, defect" if open_file.is_made else "file_row_number + 1, null::varchar"
    line, defect = place.split(", ")
    run(
        connection,
        f"""create table raw_{i} as select {literal(open_file.label)} as file,
        {line} as line, {defect} as defect{cells} from {rows}""",
    )
    run(connection, f"create table unread_{i} as {_NOTHING_UNREAD}")


_NOTHING_UNREAD: Final = """select ''::varchar as file, 0::bigint as line, ''::varchar as "column",
    ''::varchar as rule, ''::varchar as raw where false"""


def _load_csv(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    open_file: OpenFile,
    wanted: Sequence[str],
    i: int,
) -> None:
    assert open_file.layout is not None  # noqa: S101
    columns = ", ".join(f"'{column}': 'VARCHAR'" for column in _text_columns(open_file))
    cells = f"{_breaks_sql(open_file)} as breaks{_cells_sql(file, open_file, wanted)}"
    try:
        run(
            connection,
            f"""create table rows_{i} as
            select row_number() over () as row, {cells}
            from read_csv({literal(str(open_file.text))}, columns = {{{columns}}},
                auto_detect = false, delim = {literal(open_file.delimiter)},
                quote = '"', escape = '"', header = true,
                strict_mode = true, null_padding = false, store_rejects = true, rejects_limit = 0,
                rejects_table = 'errors_{i}', rejects_scan = 'scans_{i}')""",
        )
    except duckdb.Error as error:
        raise BadInput(_unreadable(open_file, error)) from None
    unread = _make_unread(connection, open_file, i)
    _make_raw(connection, open_file, unread, i)


def _text_columns(open_file: OpenFile) -> list[str]:
    """The columns of a text itself, without those that it lacks."""
    return [f"c{j}" for j in range(sum(cell.startswith("c") for cell in open_file.cells))]


def _unreadable(open_file: OpenFile, error: duckdb.Error) -> str:
    content = open_file.text.read_bytes().replace(b"\r\n", b"\n ")
    lone = content.find(b"\r")
    if lone >= 0:
        line = content.count(b"\n", 0, lone) + 1
        return (
            f"{open_file.label}: line {line} has a carriage return outside quotes; quote or remove"
            " it"
        )
    return f"{open_file.label}: the reader gave up ({type(error).__name__}); export it again"


def _make_unread(
    connection: duckdb.DuckDBPyConnection, open_file: OpenFile, i: int
) -> record_count.Numbers:
    """Make `unread_N` of the lines that the reader rejects, and return their record numbers."""
    assert open_file.layout is not None  # noqa: S101
    errors = connection.sql(
        f"""select line_byte_position - 1 as start, first({_READER_RULES} order by byte_position)
            as rule, first(csv_line order by byte_position) as raw
        from errors_{i} group by all order by start"""
    ).to_arrow_table()
    numbers = open_file.layout.record_at(errors["start"].to_numpy())
    connection.register(
        "errors",
        pa.table(
            {
                "line": open_file.layout.lines[numbers],
                "rule": errors["rule"],
                "raw": errors["raw"],
            }
        ),
    )
    run(
        connection,
        f"""create table unread_{i} as select {literal(open_file.label)} as file, line,
            ''::varchar as "column", rule, trim(raw, e'\\r\\n') as raw
        from errors order by line""",
    )
    connection.unregister("errors")
    for table in ("errors", "scans"):
        run(connection, f"drop table {table}_{i}")
    return np.unique(numbers)


def _breaks_sql(open_file: OpenFile) -> str:
    """SQL of the number of newlines within a row; 0 in a file without any."""
    assert open_file.layout is not None  # noqa: S101
    if not open_file.layout.breaks.any():
        return "0"
    row = f"concat({', '.join(_text_columns(open_file))})"
    return f"length({row}) - length(replace({row}, chr(10), ''))"


def _row_mismatch(open_file: OpenFile) -> str:
    return (
        f"{open_file.label}: {open_file.rows:,} rows counted, but the reader does not find the same"
        " ones; look for stray quotes and export it again"
    )


def _make_raw(
    connection: duckdb.DuckDBPyConnection, open_file: OpenFile, unread: record_count.Numbers, i: int
) -> None:
    """Make `raw_N`: the read rows with their physical lines.

    BadInput when reader and count differ: not the same number of rows, or a rejected line where no
    record starts.
    """
    assert open_file.layout is not None  # noqa: S101
    ((read,),) = run(connection, f"select count(*) from rows_{i}")
    if read + len(unread) != open_file.rows or -1 in unread:
        raise BadInput(_row_mismatch(open_file))
    create_sql = f"create table raw_{i} as select {literal(open_file.label)} as file"
    is_plain = open_file.layout.plain and not len(unread)
    if is_plain and (open_file.overlong is None or not len(open_file.overlong)):
        create_sql += ", row + 1 as line, null::varchar as defect, * exclude (row, breaks)"
        run(connection, f"{create_sql} from rows_{i}")
    else:
        _make_raw_with_lines(connection, open_file, unread, create_sql, i)
    run(connection, f"drop table rows_{i}")


def _make_raw_with_lines(
    connection: duckdb.DuckDBPyConnection,
    open_file: OpenFile,
    unread: record_count.Numbers,
    create_sql: str,
    i: int,
) -> None:
    """Make `raw_N` by the records' numbers; the newlines within rows must agree as well."""
    assert open_file.layout is not None  # noqa: S101
    connection.register("records", _line_table(open_file, open_file.layout, unread))
    joined = f"from rows_{i} join records using (row)"
    ((n_moved,),) = run(
        connection, f"select count(*) {joined} where rows_{i}.breaks <> records.breaks"
    )
    if n_moved:
        raise BadInput(_row_mismatch(open_file))
    columns = f"records.* exclude (row, breaks), rows_{i}.* exclude (row, breaks)"
    run(connection, f"{create_sql}, {columns} {joined} order by row")
    connection.unregister("records")


def _line_table(
    open_file: OpenFile, layout: record_count.Records, unread: record_count.Numbers
) -> pa.Table:
    """A row a read record: row (from 1), line, breaks, and the defect of the whole record."""
    defects = np.full(len(layout), None, dtype=object)
    defects[open_file.overlong] = "ragged_row"
    defects[layout.nul] = "nul_byte"
    defects[layout.too_long] = "huge_cell"
    keep = np.ones(len(layout), bool)
    keep[0] = False
    keep[unread] = False
    lines = layout.lines[keep]
    return pa.table(
        {
            "row": np.arange(1, len(lines) + 1),
            "line": lines,
            "breaks": layout.breaks[keep],
            "defect": pa.array(defects[keep], pa.string()),
        }
    )
