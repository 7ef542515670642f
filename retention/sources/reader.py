"""Read raw files as text, so that no row is lost and no cell changed.

The records are counted in the bytes (`record_count`) and by DuckDB's reader; a file on which the
two differ is refused. Rows that do not split into the header's cells are rejects, with their line.
"""

import codecs
import csv
import gzip
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retention.core.errors import BadInput, suggestion
from retention.core.params import RawFile
from retention.sources import last_row, record_count

ENDINGS: Final = (".csv", ".csv.gz", ".parquet")
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
    names: tuple[str, ...]  # of its columns
    layout: record_count.Records | None = None  # None for Parquet
    overlong: record_count.Numbers | None = None  # records with too many cells; None for Parquet
    unended: bool = False  # without a newline at its end, behind a last row that is whole

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
        return files
    if not target.is_file():
        folder = target.parent
        siblings = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        raise BadInput(f"{path}: no such file{suggestion(target.name, siblings)}")
    if not target.name.endswith(ENDINGS):
        raise BadInput(f"{path}: not one of {', '.join(ENDINGS)}")
    return [target]


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
    for i, open_file in enumerate(files):
        read = _load_parquet if open_file.layout is None else _load_csv
        read(connection, file, open_file, wanted, i)
    for table in ("raw", "unread"):
        parts = " union all by name ".join(f"from {table}_{i}" for i in range(len(files)))
        run(connection, f"create view {table} as {parts}")


def plain_scan_sql(file: RawFile, path: Path) -> str:
    """SQL of a raw file's rows as text, for a first look: bad rows are passed over."""
    if path.name.endswith(".parquet"):
        return f"read_parquet({literal(str(path))})"
    return (
        f"read_csv({literal(str(path))}, delim = {literal(file.delimiter)}, quote = '\"',"
        " escape = '\"', header = true, all_varchar = true, ignore_errors = true,"
        f" encoding = {literal(file.encoding)})"
    )


def _open_file(path: Path, file: RawFile, scratch: Path) -> OpenFile:
    label = path.as_posix()
    if path.name.endswith(".parquet"):
        return OpenFile(label, path, tuple(_parquet_names(path)))
    text = _to_utf8(_unpack(path, scratch), file, label, scratch)
    if not text.stat().st_size:
        raise BadInput(f"{label}: 0 rows; the file is empty, export it again")
    buffer = np.asarray(np.memmap(text, np.uint8, mode="r"))
    unended = last_row.is_unended(buffer) and last_row.is_whole(buffer, file.delimiter)
    if unended:
        text = _with_final_newline(text, buffer, scratch)
        buffer = np.asarray(np.memmap(text, np.uint8, mode="r"))
    layout = record_count.scan(buffer, file.delimiter, label)
    header = buffer[: int(layout.ends[0])].tobytes().decode("utf-8")
    (names,) = csv.reader([header.rstrip("\r\n")], delimiter=file.delimiter)
    _refuse_other_delimiter(names, label)
    overlong = record_count.overlong(buffer, layout, file.delimiter, len(names))
    return OpenFile(label, text, tuple(names), layout, overlong, unended)


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


def _parquet_names(path: Path) -> list[str]:
    try:
        return list(pq.ParquetFile(path).schema_arrow.names)
    except (pa.ArrowInvalid, OSError):
        raise BadInput(f"{path}: no whole Parquet file; it may be cut, export it again") from None


def _unpack(path: Path, scratch: Path) -> Path:
    if not path.name.endswith(".gz"):
        return path
    target = scratch.with_suffix(".csv")
    try:
        with gzip.open(path) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, _CHUNK)
    except (EOFError, OSError, zlib.error):
        raise BadInput(f"{path}: no whole gzip archive; it may be cut, export it again") from None
    return target


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


def _cells_sql(open_file: OpenFile, wanted: Sequence[str]) -> str:
    """SQL of the wanted columns of a CSV, which is read with the columns c0, c1, ..."""
    positions = [open_file.names.index(column) for column in wanted]
    return "".join(f", c{position} as v{i}" for i, position in enumerate(positions))


def _load_parquet(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,  # noqa: ARG001
    open_file: OpenFile,
    wanted: Sequence[str],
    i: int,
) -> None:
    rows = f"read_parquet({literal(str(open_file.text))}, file_row_number = true)"
    described = connection.sql(f"from {rows} limit 0")
    native = dict(zip(described.columns, map(str, described.types), strict=True))
    cells = "".join(
        f", {identifier(column)}{_MICROSECONDS.get(native[column], '')} as v{j}"
        for j, column in enumerate(wanted)
    )
    run(
        connection,
        f"""create table raw_{i} as select {literal(open_file.label)} as file,
        file_row_number + 1 as line, null::varchar as defect{cells} from {rows}""",
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
    columns = ", ".join(f"'c{j}': 'VARCHAR'" for j in range(len(open_file.names)))
    cells = f"{_breaks_sql(open_file)} as breaks{_cells_sql(open_file, wanted)}"
    try:
        run(
            connection,
            f"""create table rows_{i} as
            select row_number() over () as row, {cells}
            from read_csv({literal(str(open_file.text))}, columns = {{{columns}}},
                auto_detect = false, delim = {literal(file.delimiter)}, quote = '"', escape = '"',
                header = true,
                strict_mode = true, null_padding = false, store_rejects = true, rejects_limit = 0,
                rejects_table = 'errors_{i}', rejects_scan = 'scans_{i}')""",
        )
    except duckdb.Error as error:
        raise BadInput(_unreadable(open_file, error)) from None
    unread = _make_unread(connection, open_file, i)
    _make_raw(connection, open_file, unread, i)


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
    return np.unique(numbers)


def _breaks_sql(open_file: OpenFile) -> str:
    """SQL of the number of newlines within a row; 0 in a file without any."""
    assert open_file.layout is not None  # noqa: S101
    if not open_file.layout.breaks.any():
        return "0"
    row = f"concat({', '.join(f'c{j}' for j in range(len(open_file.names)))})"
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
