"""The first rows of files: copied into a folder that goes, and opened as a table."""

import gzip
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

from retention.commands.check import tables
from retention.commands.check.findings import Group, alike, many, nearest
from retention.core.errors import BadInput, Refusal
from retention.core.params import Params, RawFile
from retention.sources import reader, record_count

ROWS: Final = 1000
"""How many rows of each file are read."""

MOST_FILES: Final = 20
"""How many files of a folder are looked into, the first and the last among them."""

MEMORY: Final = "1GB"

_MOST_LINES: Final = 20 * ROWS
_MOST_BYTES: Final = 1 << 24

File = TypeVar("File", bound=RawFile)


@dataclass
class Copies:
    """The first rows of each file behind a path, as sound files in `folder`."""

    folder: Path
    group: Group
    whole: bool
    found: list[reader.Head] = field(default_factory=list)
    originals: dict[str, str] = field(default_factory=dict)

    def named(self, text: object) -> str:
        """A sentence with the true names of the files."""
        said = str(text)
        for copy, original in self.originals.items():
            said = said.replace(copy, original)
        return said

    def refused(self, refusal: Refusal) -> None:
        self.group.error(self.named(refusal), refusal.code)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """A refusal ends the block and becomes an error."""
        try:
            yield
        except Refusal as refusal:
            self.refused(refusal)


@dataclass(frozen=True)
class Column:
    """A column of the first rows: its name, its place in table `raw`, its SQL type there."""

    name: str
    place: int
    native: str

    @property
    def text(self) -> str:
        return f"v{self.place}::varchar"

    @property
    def is_text(self) -> bool:
        return self.native == "VARCHAR"

    @property
    def filled(self) -> str:
        return f"trim(coalesce({self.text}, '')) <> ''"


@dataclass
class Head:
    """The first rows of one source in DuckDB: table `raw` with all columns as v0, v1, ...

    `told` are the columns of which it was said that their format is wrong.
    """

    connection: duckdb.DuckDBPyConnection
    copies: Copies
    columns: dict[str, Column]
    told: set[str] = field(default_factory=set)

    @property
    def group(self) -> Group:
        return self.copies.group

    @property
    def key(self) -> str:
        """Where params.yaml speaks of this file."""
        return self.group.title

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        return reader.run(self.connection, sql)

    def count(self, *conditions: str) -> list[int]:
        """How many of the first rows meet each condition."""
        listed = ", ".join(f"count(*) filter ({one})" for one in conditions)
        (counts,) = self.run(f"select {listed} from raw")
        return list(counts)

    def filled(self, column: Column) -> int:
        return self.count(column.filled)[0]

    def first(self, column: Column) -> str:
        """The first value that is not blank; blank when all are."""
        query = f"select trim({column.text}) from raw where {column.filled} order by line limit 1"
        return "".join(value for (value,) in self.run(query))

    def rows(self, read: int) -> str:
        """What the number of rows read is called: 12 rows, first 1,000 rows."""
        return many(read, "row") if self.copies.whole else f"first {many(read, 'row')}"


def loaded(connection: duckdb.DuckDBPyConnection, file: RawFile, copies: Copies) -> Head:
    """Table `raw` of the columns that all the copies have."""
    names = reader.common(copies.found)
    reader.load(connection, file, copies.found, names)
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    columns = {name: Column(name, at, native[f"v{at}"]) for at, name in enumerate(names)}
    return Head(connection, copies, columns)


def moved(file: File, path: Path) -> File:
    """The first rows of a file of params.yaml, at another path."""
    return file.model_copy(update={"path": str(path), "rows_at_least": None})


# Finding the files


def copied(rules: Params, file: RawFile, scratch: Path, group: Group) -> Copies | None:
    """Copies of the first rows of each file, each looked at as ingest does; None without any."""
    if file.table:
        return _copied_table(file, scratch, group)
    if _not_yet(rules, file.path):
        group.ok(f"{file.path}: not there yet; make repro writes it")
        return None
    try:
        paths = reader.paths(file.path)
    except BadInput as refusal:
        group.error(_absent(Path(file.path), file.path) or refusal)
        return None
    copies = Copies(scratch / "head", group, whole=len(paths) <= MOST_FILES)
    copies.folder.mkdir(parents=True)
    for at, path in enumerate(_some_of(paths)):
        _add(copies, file, path, scratch / str(at))
    return copies if copies.found else None


def _copied_table(file: RawFile, scratch: Path, group: Group) -> Copies | None:
    copies = Copies(scratch / "head", group, whole=True)
    copies.folder.mkdir(parents=True)
    copy = copies.folder / "table.parquet"
    copies.originals[copy.as_posix()] = f"table {file.table}"
    with copies.telling():
        copies.whole = tables.first_rows(file, group.title, copy, ROWS)
        copies.found += reader.heads(moved(file, copy), scratch)
    return copies if copies.found else None


def _not_yet(rules: Params, path: str) -> bool:
    """Whether the stage `example` has yet to write a file."""
    folder = Path(f"data/example/{rules.example}")
    return bool(rules.example) and Path(path).is_relative_to(folder) and not folder.exists()


def _some_of(paths: list[Path]) -> list[Path]:
    if len(paths) <= MOST_FILES:
        return paths
    places = np.linspace(0, len(paths) - 1, MOST_FILES).astype(int)
    return [paths[place] for place in places]


def _absent(place: Path, path: str) -> str:
    """What to say of a path where nothing is; nothing when something else is wrong with it."""
    if place.exists():
        return ""
    folder = place.parent
    if not folder.is_dir():
        return f"{path}: no such file; there is no folder {folder.as_posix()}"
    beside = sorted(one.name for one in folder.iterdir() if _may_be_raw(one))
    close = alike(place.name, beside)
    if close:
        fix = f"{nearest(close)}; write path: {(folder / close[0]).as_posix()}"
    else:
        fix = f"{folder.as_posix()} holds {', '.join(beside[:5]) or 'no such files'}"
    return f"{path}: no such file; {fix}"


def _may_be_raw(path: Path) -> bool:
    return path.is_dir() or path.name.endswith(reader.ENDINGS)


# Copying the first rows


def _add(copies: Copies, file: RawFile, path: Path, work: Path) -> None:
    """Copy one file; one that is not sound becomes an error."""
    copy = copies.folder / path.name
    copies.originals[copy.as_posix()] = path.as_posix()
    work.mkdir()
    try:
        whole = _copy(path, copy, copies.group)
        copies.found += reader.heads(moved(file, copy), work)
    except Refusal as refusal:
        copies.refused(refusal)
        copy.unlink(missing_ok=True)
        whole = False
    copies.whole &= whole


def _copy(path: Path, copy: Path, group: Group) -> bool:
    """Copy the header and the first rows; whether that is all there is."""
    if path.name.endswith(".parquet"):
        return _copy_parquet(path, copy)
    if path.name.endswith(".gz"):
        return _copy_gzip(path, copy)
    _look_at_end(path, group)
    with path.open("rb") as handle:
        content, whole = _first_lines(handle)
    copy.write_bytes(content)
    return whole


def _copy_gzip(path: Path, copy: Path) -> bool:
    try:
        with gzip.open(path) as packed:
            content, whole = _first_lines(cast("IO[bytes]", packed))
    except (EOFError, OSError, zlib.error):
        raise BadInput(f"{path}: no whole gzip archive; it may be cut, export it again") from None
    copy.write_bytes(gzip.compress(content, compresslevel=1))
    return whole


def _copy_parquet(path: Path, copy: Path) -> bool:
    try:
        whole = pq.ParquetFile(path)
        first = next(whole.iter_batches(ROWS), None)
    except (pa.ArrowInvalid, OSError):
        raise BadInput(f"{path}: no whole Parquet file; it may be cut, export it again") from None
    table = pa.Table.from_batches([first] if first else [], schema=whole.schema_arrow)
    pq.write_table(table, copy)
    return bool(whole.metadata.num_rows <= ROWS)


def _look_at_end(path: Path, group: Group) -> None:
    """An error for a text whose last line does not end, without reading what lies before."""
    with path.open("rb") as handle:
        size = handle.seek(0, 2)
        handle.seek(max(0, size - 1))
        last = np.frombuffer(handle.read(1), np.uint8)
    if size and last[0] != ord("\n"):
        try:
            record_count.scan(last, ",", path.as_posix())
        except BadInput as refusal:
            group.error(refusal)


def _first_lines(handle: IO[bytes]) -> tuple[bytes, bool]:
    """The header and the first rows, not cut within a quoted cell; whether nothing follows."""
    lines: list[bytes] = []
    size = quotes = 0
    while line := handle.readline(_MOST_BYTES):
        lines.append(line)
        size, quotes = size + len(line), quotes + line.count(b'"')
        enough = len(lines) > ROWS and quotes % 2 == 0
        if enough or size >= _MOST_BYTES or len(lines) > _MOST_LINES:
            break
    content = b"".join(lines)
    end = b"" if content.endswith(b"\n") or not content else b"\n"
    return content + end, not handle.read(1)
