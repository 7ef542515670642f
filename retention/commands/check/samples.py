"""Copy the first rows of files and tables into a temporary folder, and load them."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retention.commands.check.findings import FindingGroup, count_of, nearest_text, similar_names
from retention.core.errors import BadInput, Refusal
from retention.core.params import Params, RawFile
from retention.sources import archives, joins, last_row, reader, record_count

ROWS: Final = 1000
"""How many rows of each file are read."""

MAX_FILES: Final = 20
"""How many files of a folder are looked into, the first and the last among them."""

MEMORY: Final = "1GB"

_MAX_LINES: Final = 20 * ROWS
_MAX_BYTES: Final = 1 << 24

File = TypeVar("File", bound=RawFile)


@dataclass
class Copies:
    """Copies of the first rows of each file behind a path."""

    folder: Path  # of the copies
    group: FindingGroup  # to which findings about the files are added
    is_whole: bool  # whether the first rows are all rows
    files: list[reader.OpenFile] = field(default_factory=list)  # the copies that can be read
    originals: dict[str, str] = field(default_factory=dict)  # path of the file, by that of its copy

    def with_original_names(self, text: object) -> str:
        """A message with the paths of the files in the place of those of their copies."""
        message = str(text)
        for copy, original in self.originals.items():
            message = message.replace(copy, original)
        return message

    def report_refusal(self, refusal: Refusal) -> None:
        """Add a refusal as an error."""
        self.group.error(self.with_original_names(refusal), refusal.code)

    @contextmanager
    def reporting_refusals(self) -> Iterator[None]:
        """A block that a refusal ends, which becomes an error."""
        try:
            yield
        except Refusal as refusal:
            self.report_refusal(refusal)


@dataclass(frozen=True)
class SampleColumn:
    """A column of the first rows."""

    name: str
    position: int  # in table `raw`
    native: str  # its SQL type there

    @property
    def text_sql(self) -> str:
        """SQL of its value as text."""
        return f"v{self.position}::varchar"

    @property
    def is_text(self) -> bool:
        return self.native == "VARCHAR"

    @property
    def filled_sql(self) -> str:
        """SQL of whether its value is not blank."""
        return f"trim(coalesce({self.text_sql}, '')) <> ''"


@dataclass
class Sample:
    """The first rows of one source, loaded into table `raw` with all columns as v0, v1, ..."""

    connection: duckdb.DuckDBPyConnection
    copies: Copies
    columns: dict[str, SampleColumn]  # by name
    # Columns whose wrong format is reported already, once for all their values.
    reported_formats: set[str] = field(default_factory=set)

    @property
    def group(self) -> FindingGroup:
        return self.copies.group

    @property
    def key(self) -> str:
        """The place of this file in params.yaml."""
        return self.group.title

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        return reader.run(self.connection, sql)

    def count(self, *conditions: str) -> list[int]:
        """The number of first rows that meet each condition."""
        counts_sql = ", ".join(f"count(*) filter ({condition})" for condition in conditions)
        (counts,) = self.run(f"select {counts_sql} from raw")
        return list(counts)

    def filled(self, column: SampleColumn) -> int:
        """The number of first rows with a value in a column."""
        return self.count(column.filled_sql)[0]

    def first_value(self, column: SampleColumn) -> str:
        """The first value that is not blank; blank when all are."""
        first = f"from raw where {column.filled_sql} order by line limit 1"
        return "".join(value for (value,) in self.run(f"select trim({column.text_sql}) {first}"))

    def rows(self, read: int) -> str:
        """The number of rows in words: 12 rows, first 1,000 rows."""
        return count_of(read, "row") if self.copies.is_whole else f"first {count_of(read, 'row')}"


def load_sample(
    connection: duckdb.DuckDBPyConnection, params: Params, file: RawFile, copies: Copies
) -> Sample:
    """Load the columns that all copies have, and the joined ones, into table `raw`."""
    key = copies.group.title
    names = joins.names(file, copies.files, key)
    joins.load(connection, file, copies.files, names, params.zone_of, key, first_of_repeated=True)
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    columns = {name: SampleColumn(name, i, native[f"v{i}"]) for i, name in enumerate(names)}
    return Sample(connection, copies, columns)


def at_path(file: File, path: Path) -> File:
    """A file of params.yaml at another path, with any number of rows."""
    return file.model_copy(update={"path": str(path), "rows_at_least": None})


# The files behind a path


def copy_samples(
    params: Params, file: RawFile, scratch: Path, group: FindingGroup
) -> Copies | None:
    """Copy the first rows of each file, and check it as `ingest` does; None without any."""
    if file.table:
        return _copy_table(file, scratch, group)
    if _is_unwritten_example(params, file.path):
        group.ok(f"{file.path}: not there yet; make repro writes it")
        return None
    try:
        paths = reader.paths(file.path)
    except BadInput as refusal:
        group.error(_missing_path(file.path) or refusal)
        return None
    copies = Copies(scratch / "head", group, is_whole=len(paths) <= MAX_FILES)
    copies.folder.mkdir(parents=True)
    for i, path in enumerate(_spread_over(paths)):
        _copy_file(copies, file, path, scratch / str(i))
    return copies if copies.files else None


def _copy_table(file: RawFile, scratch: Path, group: FindingGroup) -> Copies | None:
    copies = Copies(scratch / "head", group, is_whole=True)
    copies.folder.mkdir(parents=True)
    copy = copies.folder / "table.parquet"
    copies.originals[copy.as_posix()] = f"table {file.table}"
    with copies.reporting_refusals():
        copies.is_whole = _copy_first_table_rows(file, group.title, copy)
        copies.files += reader.open_files(at_path(file, copy), scratch)
    return copies if copies.files else None


def _copy_first_table_rows(file: RawFile, key: str, path: Path) -> bool:
    """Write the first rows of a database table to `path`; whether these are all.

    BadParams, BadInput: as the stage `extract`.
    """
    from retention.sources.database import opening

    with opening.opened(file, key) as database:
        table = database.find_table(file, key)
        batches = database.batches(table, key, None, max_rows=ROWS + 1)
        rows = pa.Table.from_batches(batches, table.arrow)
    pq.write_table(rows.slice(0, ROWS), path)
    return len(rows) <= ROWS


def _is_unwritten_example(params: Params, path: str) -> bool:
    """Whether the stage `example` has not written a file yet."""
    folder = Path(f"data/example/{params.example}")
    return bool(params.example) and Path(path).is_relative_to(folder) and not folder.exists()


def _spread_over(paths: list[Path]) -> list[Path]:
    if len(paths) <= MAX_FILES:
        return paths
    positions = np.linspace(0, len(paths) - 1, MAX_FILES).astype(int)
    return [paths[position] for position in positions]


def _missing_path(path: str) -> str:
    """The message about a path where nothing is; empty when something else is wrong with it."""
    target = Path(path)
    if target.exists():
        return ""
    folder = target.parent
    if not folder.is_dir():
        return f"{path}: no such file; there is no folder {folder.as_posix()}"
    siblings = sorted(entry.name for entry in folder.iterdir() if _may_be_raw(entry))
    close = similar_names(target.name, siblings)
    if close:
        fix = f"{nearest_text(close)}; write path: {(folder / close[0]).as_posix()}"
    else:
        fix = f"{folder.as_posix()} holds {', '.join(siblings[:5]) or 'no such files'}"
    return f"{path}: no such file; {fix}"


def _may_be_raw(path: Path) -> bool:
    return path.is_dir() or path.name.endswith(reader.ENDINGS)


# Copying the first rows


def _copy_file(copies: Copies, file: RawFile, path: Path, work: Path) -> None:
    """Copy one file; report one that cannot be read as an error."""
    copy = copies.folder / path.name
    copies.originals[copy.as_posix()] = path.as_posix()
    work.mkdir()
    try:
        is_whole = _copy_first_rows(path, copy, file, copies.group)
        copies.files += reader.open_files(at_path(file, copy), work)
    except Refusal as refusal:
        copies.report_refusal(refusal)
        copy.unlink(missing_ok=True)
        is_whole = False
    copies.is_whole &= is_whole


def _copy_first_rows(path: Path, copy: Path, file: RawFile, group: FindingGroup) -> bool:
    """Copy the header and the first rows; whether these are all."""
    if path.name.endswith(".parquet"):
        return _copy_parquet(path, copy)
    if archives.form(path) in (archives.WORKBOOK, ".json", archives.PARQUET):
        copy.write_bytes(path.read_bytes())
        return True
    if path.name.endswith(".zip"):
        return _copy_zip(path, copy)
    if path.name.endswith(".gz"):
        return _copy_gzip(path, copy)
    if archives.form(path) in archives.TEXTS:
        _check_last_line(path, file, group)
    with path.open("rb") as handle:
        content, is_whole = _first_lines(handle)
    copy.write_bytes(content)
    return is_whole


def _copy_zip(path: Path, copy: Path) -> bool:
    name = archives.member(path)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as packed:
            content, is_whole = _first_lines(packed)
    except (RuntimeError, OSError, zlib.error, zipfile.BadZipFile):
        raise BadInput(f"{path}: no whole zip archive, or one with a password; unpack it") from None
    with zipfile.ZipFile(copy, "w") as archive:
        archive.writestr(name, content)
    return is_whole


def _copy_gzip(path: Path, copy: Path) -> bool:
    try:
        with gzip.open(path) as packed:
            content, is_whole = _first_lines(cast("IO[bytes]", packed))
    except (EOFError, OSError, zlib.error):
        raise BadInput(f"{path}: no whole gzip archive; it may be cut, export it again") from None
    copy.write_bytes(gzip.compress(content, compresslevel=1))
    return is_whole


def _copy_parquet(path: Path, copy: Path) -> bool:
    try:
        is_whole = pq.ParquetFile(path)
        first = next(is_whole.iter_batches(ROWS), None)
    except (pa.ArrowInvalid, OSError):
        raise BadInput(f"{path}: no whole Parquet file; it may be cut, export it again") from None
    table = pa.Table.from_batches([first] if first else [], schema=is_whole.schema_arrow)
    pq.write_table(table, copy)
    return bool(is_whole.metadata.num_rows <= ROWS)


def _check_last_line(path: Path, file: RawFile, group: FindingGroup) -> None:
    """Report a text whose last line does not end, without reading much of what lies before."""
    if not path.stat().st_size:
        return
    delimiter = reader.delimiter_of(file, archives.form(path))
    with path.open("rb") as handle:
        above = sum(len(handle.readline()) for _ in range(file.skip_lines))
    buffer = np.asarray(np.memmap(path, np.uint8, mode="r"))[above:]
    if not last_row.is_unended(buffer):
        return
    if last_row.is_whole(buffer, delimiter):
        group.doubt(
            f"{path.as_posix()}: no newline at the end; the last row looks whole and counts;"
            " if rows may be missing, export it again, or declare rows_at_least"
        )
        return
    try:
        record_count.scan(buffer[-1:], delimiter, path.as_posix())
    except BadInput as refusal:
        group.error(refusal)


def _first_lines(handle: IO[bytes]) -> tuple[bytes, bool]:
    """The header and the first rows, not cut within a quoted cell, and whether nothing follows."""
    lines: list[bytes] = []
    size = quotes = 0
    while line := handle.readline(_MAX_BYTES):
        lines.append(line)
        size, quotes = size + len(line), quotes + line.count(b'"')
        enough = len(lines) > ROWS and quotes % 2 == 0
        if enough or size >= _MAX_BYTES or len(lines) > _MAX_LINES:
            break
    content = b"".join(lines)
    end = b"" if content.endswith(b"\n") or not content else b"\n"
    return content + end, not handle.read(1)
