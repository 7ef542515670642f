"""A raw file read as text, so that no row is lost and no cell changed.

The records are counted in the bytes (`records`) and by DuckDB's reader; a file on which the two
differ is refused. Rows that do not split into the header's cells are rejects, with their line.
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

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retention.core.errors import BadInput, nearest
from retention.core.params import RawFile
from retention.sources import record_count

ENDINGS: Final = (".csv", ".csv.gz", ".parquet")
_CHUNK: Final = 1 << 24
_BOM: Final = codecs.BOM_UTF8
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_READER_RULES: Final = """case error_type when 'LINE SIZE OVER MAXIMUM' then 'huge_cell'
    when 'UNQUOTED VALUE' then 'stray_quote' else 'ragged_row' end"""


@dataclass(frozen=True)
class Head:
    """A file that was found whole: its header, and where its text stands as plain UTF-8."""

    label: str
    text: Path
    names: tuple[str, ...]
    layout: record_count.Records | None = None
    overlong: record_count.Numbers | None = None

    @property
    def rows(self) -> int:
        """Rows below the header; each becomes a row of the table, or a reject."""
        if self.layout is not None:
            return len(self.layout) - 1
        return int(pq.ParquetFile(self.text).metadata.num_rows)


@contextmanager
def opened(memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own with a folder to spill to, in UTC; both gone when the block ends."""
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
    """Run one statement to its end; its rows."""
    return list(connection.execute(sql).fetchall())


def name(text: str) -> str:
    """A quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted SQL string."""
    return "'" + text.replace("'", "''") + "'"


def paths(path: str) -> list[Path]:
    """The files that a params path stands for, sorted by name; BadInput when there are none."""
    place = Path(path)
    if place.is_dir():
        found = sorted(one for one in place.iterdir() if one.name.endswith(ENDINGS))
        if not found:
            raise BadInput(f"{path}: no {', '.join(ENDINGS)} file in this folder")
        return found
    if not place.is_file():
        beside = [one.name for one in place.parent.iterdir()] if place.parent.is_dir() else []
        raise BadInput(f"{path}: no such file{nearest(place.name, beside)}")
    if not place.name.endswith(ENDINGS):
        raise BadInput(f"{path}: not one of {', '.join(ENDINGS)}")
    return [place]


def heads(file: RawFile, scratch: Path) -> list[Head]:
    """Every file behind `file`, checked whole and its header read, before any is processed.

    Unpacked or recoded copies go to the folder `scratch`. BadInput: cut archive, wrong encoding,
    NUL-filled or UTF-16 text, unclosed quote, no final newline, duplicate header, no rows, fewer
    than rows_at_least.
    """
    found = [_head(path, file, scratch / str(at)) for at, path in enumerate(paths(file.path))]
    empty = next((head for head in found if not head.rows), None)
    if empty:
        raise BadInput(f"{empty.label}: 0 rows; the export is empty, make it again")
    _refuse_few(found, file)
    return found


def _refuse_few(found: Sequence[Head], file: RawFile) -> None:
    rows = sum(head.rows for head in found)
    if file.rows_at_least and rows < file.rows_at_least:
        raise BadInput(
            f"{file.path}: {rows:,} rows, fewer than the {file.rows_at_least:,} of rows_at_least;"
            " the export may be cut: export it again, or mend rows_at_least"
        )


def common(found: Sequence[Head]) -> tuple[str, ...]:
    """The named columns that every file has, in the first file's order."""
    others = [set(head.names) for head in found[1:]]
    return tuple(one for one in found[0].names if one and all(one in names for names in others))


def load(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    found: Sequence[Head],
    wanted: Sequence[str],
) -> None:
    """Make tables `raw` (file, line, defect, v0, v1, ...: one for each wanted column) and `unread`.

    A CSV's cells are text, its empty cells null; Parquet keeps its types. `unread` holds the rows
    that never became cells: file, line, column, rule, raw. Rows of the two add up to the files'.
    """
    for at, head in enumerate(found):
        read = _load_parquet if head.layout is None else _load_csv
        read(connection, file, head, wanted, at)
    for table in ("raw", "unread"):
        parts = " union all by name ".join(f"from {table}_{at}" for at in range(len(found)))
        run(connection, f"create view {table} as {parts}")


def _head(path: Path, file: RawFile, scratch: Path) -> Head:
    label = path.as_posix()
    if path.name.endswith(".parquet"):
        return Head(label, path, _unique(_parquet_names(path), label))
    text = _recoded(_unpacked(path, scratch), file, label, scratch)
    if not text.stat().st_size:
        raise BadInput(f"{label}: 0 rows; the file is empty, export it again")
    buffer = np.asarray(np.memmap(text, np.uint8, mode="r"))
    found = record_count.scan(buffer, file.delimiter, label)
    header = buffer[: int(found.ends[0])].tobytes().decode("utf-8")
    (names,) = csv.reader([header.rstrip("\r\n")], delimiter=file.delimiter)
    _refuse_other_delimiter(names, label)
    overlong = record_count.overlong(buffer, found, file.delimiter, len(names))
    return Head(label, text, _unique(names, label), found, overlong)


def _refuse_other_delimiter(names: Sequence[str], label: str) -> None:
    held = [one for one in ";\t|" if len(names) == 1 and one in names[0]]
    if held:
        written = held[0].replace("\t", "\\t")
        raise BadInput(
            f'{label}: line 1 is one column that holds {held[0]!r}; write delimiter: "{written}"'
            " beside path in params.yaml"
        )


def _unique(names: Sequence[str], label: str) -> tuple[str, ...]:
    for at, one in enumerate(names):
        if one and one in names[:at]:
            raise BadInput(
                f"{label}: line 1 has the column {one!r} twice, at positions"
                f" {names.index(one) + 1} and {at + 1}; rename one"
            )
    return tuple(names)


def _parquet_names(path: Path) -> list[str]:
    try:
        return list(pq.ParquetFile(path).schema_arrow.names)
    except (pa.ArrowInvalid, OSError):
        raise BadInput(f"{path}: no whole Parquet file; it may be cut, export it again") from None


def _unpacked(path: Path, scratch: Path) -> Path:
    if not path.name.endswith(".gz"):
        return path
    target = scratch.with_suffix(".csv")
    try:
        with gzip.open(path) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, _CHUNK)
    except (EOFError, OSError, zlib.error):
        raise BadInput(f"{path}: no whole gzip archive; it may be cut, export it again") from None
    return target


def _recoded(path: Path, file: RawFile, label: str, scratch: Path) -> Path:
    """The text as UTF-8 without a byte order mark: the file itself, or a copy."""
    with path.open("rb") as handle:
        start = handle.read(1000)
    _refuse_utf16(start, label)
    if file.encoding == "utf-8" and not start.startswith(_BOM):
        _check_utf8(path, label)
        return path
    target = scratch.with_suffix(".utf8.csv")
    with path.open("rb") as old, target.open("wb") as new:
        old.seek(len(_BOM) if start.startswith(_BOM) else 0)
        while chunk := old.read(_CHUNK):
            new.write(chunk if start.startswith(_BOM) else chunk.decode("latin-1").encode("utf-8"))
    _check_utf8(target, label)
    return target


def _refuse_utf16(start: bytes, label: str) -> None:
    nul = max(start[::2].count(0), start[1::2].count(0))
    if start.startswith(_UTF16) or nul > len(start) / 5:
        raise BadInput(f"{label}: UTF-16 text; export it again as UTF-8")


def _check_utf8(path: Path, label: str) -> None:
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


def _picked(head: Head, wanted: Sequence[str]) -> str:
    places = [head.names.index(one) for one in wanted]
    return "".join(f", c{place} as v{at}" for at, place in enumerate(places))


def _load_parquet(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,  # noqa: ARG001
    head: Head,
    wanted: Sequence[str],
    at: int,
) -> None:
    cells = "".join(f", {name(one)} as v{place}" for place, one in enumerate(wanted))
    run(
        connection,
        f"""create table raw_{at} as select {literal(head.label)} as file,
        file_row_number + 1 as line, null::varchar as defect{cells}
        from read_parquet({literal(str(head.text))}, file_row_number = true)""",
    )
    run(connection, f"create table unread_{at} as {_NOTHING_UNREAD}")


_NOTHING_UNREAD: Final = """select ''::varchar as file, 0::bigint as line, ''::varchar as "column",
    ''::varchar as rule, ''::varchar as raw where false"""


def _load_csv(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    head: Head,
    wanted: Sequence[str],
    at: int,
) -> None:
    assert head.layout is not None  # noqa: S101
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(head.names)))
    try:
        run(
            connection,
            f"""create table rows_{at} as
            select row_number() over () as row, {_breaks(head)} as breaks{_picked(head, wanted)}
            from read_csv({literal(str(head.text))}, columns = {{{columns}}}, auto_detect = false,
                delim = {literal(file.delimiter)}, quote = '"', escape = '"', header = true,
                strict_mode = true, null_padding = false, store_rejects = true, rejects_limit = 0,
                rejects_table = 'errors_{at}', rejects_scan = 'scans_{at}')""",
        )
    except duckdb.Error as error:
        raise BadInput(_unreadable(head, error)) from None
    unread = _unread(connection, head, at)
    _number(connection, head, unread, at)


def _unreadable(head: Head, error: duckdb.Error) -> str:
    content = head.text.read_bytes().replace(b"\r\n", b"\n ")
    lone = content.find(b"\r")
    if lone >= 0:
        line = content.count(b"\n", 0, lone) + 1
        return f"{head.label}: line {line} has a carriage return outside quotes; quote or remove it"
    return f"{head.label}: the reader gave up ({type(error).__name__}); export it again"


def _unread(connection: duckdb.DuckDBPyConnection, head: Head, at: int) -> record_count.Numbers:
    """Make `unread_N` of what the reader rejected; the rejected records' numbers."""
    assert head.layout is not None  # noqa: S101
    errors = connection.sql(
        f"""select line_byte_position - 1 as start, first({_READER_RULES} order by byte_position)
            as rule, first(csv_line order by byte_position) as raw
        from errors_{at} group by all order by start"""
    ).to_arrow_table()
    numbers = head.layout.at(errors["start"].to_numpy())
    connection.register(
        "errors",
        pa.table(
            {
                "line": head.layout.lines[numbers],
                "rule": errors["rule"],
                "raw": errors["raw"],
            }
        ),
    )
    run(
        connection,
        f"""create table unread_{at} as select {literal(head.label)} as file, line,
            ''::varchar as "column", rule, trim(raw, e'\\r\\n') as raw
        from errors order by line""",
    )
    connection.unregister("errors")
    return np.unique(numbers)


def _breaks(head: Head) -> str:
    """SQL of the newlines within a row, in a file that has any."""
    assert head.layout is not None  # noqa: S101
    if not head.layout.breaks.any():
        return "0"
    row = f"concat({', '.join(f'c{place}' for place in range(len(head.names)))})"
    return f"length({row}) - length(replace({row}, chr(10), ''))"


def _unaccounted(head: Head) -> str:
    return (
        f"{head.label}: {head.rows:,} rows counted, but the reader does not find the same ones;"
        " look for stray quotes and export it again"
    )


def _number(
    connection: duckdb.DuckDBPyConnection, head: Head, unread: record_count.Numbers, at: int
) -> None:
    """Make `raw_N`: the read rows with their physical lines. BadInput when a row is missing."""
    assert head.layout is not None  # noqa: S101
    ((read,),) = run(connection, f"select count(*) from rows_{at}")
    if read + len(unread) != head.rows or -1 in unread:
        raise BadInput(_unaccounted(head))
    made = f"create table raw_{at} as select {literal(head.label)} as file"
    if head.layout.plain and not len(unread) and not _some(head.overlong):
        made += ", row + 1 as line, null::varchar as defect, * exclude (row, breaks)"
        run(connection, f"{made} from rows_{at}")
    else:
        _number_each(connection, head, unread, made, at)
    run(connection, f"drop table rows_{at}")


def _number_each(
    connection: duckdb.DuckDBPyConnection,
    head: Head,
    unread: record_count.Numbers,
    made: str,
    at: int,
) -> None:
    assert head.layout is not None  # noqa: S101
    connection.register("places", _places(head, head.layout, unread))
    both = f"from rows_{at} join places using (row)"
    ((moved,),) = run(connection, f"select count(*) {both} where rows_{at}.breaks <> places.breaks")
    if moved:
        raise BadInput(_unaccounted(head))
    picked = f"places.* exclude (row, breaks), rows_{at}.* exclude (row, breaks)"
    run(connection, f"{made}, {picked} {both} order by row")
    connection.unregister("places")


def _some(numbers: record_count.Numbers | None) -> bool:
    return numbers is not None and len(numbers) > 0


def _places(head: Head, found: record_count.Records, unread: record_count.Numbers) -> pa.Table:
    """row (1-based among the read ones), its line, and what is wrong with the whole record."""
    defects = np.full(len(found), None, dtype=object)
    defects[head.overlong] = "ragged_row"
    defects[found.nul] = "nul_byte"
    defects[found.too_long] = "huge_cell"
    keep = np.ones(len(found), bool)
    keep[0] = False
    keep[unread] = False
    lines = found.lines[keep]
    return pa.table(
        {
            "row": np.arange(1, len(lines) + 1),
            "line": lines,
            "breaks": found.breaks[keep],
            "defect": pa.array(defects[keep], pa.string()),
        }
    )
