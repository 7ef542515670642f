"""Copy tables to Parquet, which ingest reads like any other file.

A table that is read whole is one file, which the next reading replaces. A table that is read by the
time its rows became known is one part a reading: parts are added and never changed, so that a row
which the company overwrites later stays as it was known before.
"""

import datetime as dt
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from retention.core.errors import BadInput, BadParams
from retention.core.params import Source
from retention.core.storage import atomic
from retention.sources import reader
from retention.sources.database import tables
from retention.sources.database.opening import Database
from retention.sources.database.tables import DatabaseTable
from retention.sources.reader import identifier, literal

WHOLE: Final = "whole.parquet"
_NOTE: Final = b"retention"
_NEVER: Final = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
"""The time up to which a table is read whose rows have no time at all."""


def replace_copy(
    database: Database, table: DatabaseTable, folder: Path, order: Sequence[str], key: str
) -> int:
    """Copy the whole table in place of the copy before; its rows. BadInput: none."""
    batches = database.batches(table, key, order)
    with atomic.atomic_file(folder / WHOLE) as temporary:
        rows = _write(temporary, table.arrow, batches)
        if not rows:
            raise BadInput(f"{key}: table {table.label} has 0 rows; the copy before is kept")
    for path in _parts(folder):
        atomic.remove(path)
    return rows


def add_part(
    database: Database,
    table: DatabaseTable,
    folder: Path,
    source: Source,
    zone: ZoneInfo,
    key: str,
) -> int:
    """Copy the rows that are new since the parts before as a part more; their number.

    Rows of the overlap that an earlier part has already are left out. BadInput: the first reading
    finds none, or the parts are of another table or of other types.
    """
    news = _NewRows(table, str(source.incremental), source, key)
    earlier = [_CopiedPart(path) for path in _parts(folder)]
    news.refuse_foreign_parts(earlier)
    reached = max((part.until for part in earlier), default=None)
    since = None if reached is None else reached - news.overlap
    overlapping = [part for part in earlier if since is not None and part.until >= since]
    wanted = None if since is None else (news.column, since)
    batches = database.batches(table, key, news.order, wanted)
    with TemporaryDirectory(prefix="table-") as scratch:
        read, part = Path(scratch) / "read.parquet", Path(scratch) / "part.parquet"
        if not _write(read, table.arrow, batches) and not earlier:
            raise BadInput(f"{key}: table {table.label} has 0 rows")
        until = news.newest_time(read, database.now().astimezone(zone), reached)
        rows = news.write_new(read, overlapping, part, until)
        if rows:
            with atomic.atomic_file(folder / _next_name(earlier)) as temporary:
                shutil.copyfile(part, temporary)
    if (folder / WHOLE).exists():
        atomic.remove(folder / WHOLE)
    return rows


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def _next_name(earlier: Sequence["_CopiedPart"]) -> str:
    last = max((int(part.path.stem.removeprefix("part-")) for part in earlier), default=0)
    return f"part-{last + 1:06d}.parquet"


def _write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


class _CopiedPart:
    """A part of an earlier reading: its columns, and the time up to which it reaches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            schema = pq.read_schema(path)
            note: dict[str, Any] = json.loads((schema.metadata or {})[_NOTE])
            int(path.stem.removeprefix("part-"))
        except (pa.ArrowInvalid, OSError, KeyError, ValueError):
            raise BadInput(
                f"{path}: no part of a table as it was written; restore it, or move its folder away"
                " to read the table from its beginning"
            ) from None
        self.schema = schema.remove_metadata()
        self.table: tuple[str, str] = (note["table"], note["incremental"])
        self.until: int = note["until"]


@dataclass(frozen=True)
class _NewRows:
    """The rows of a table that became known since the last reading."""

    table: DatabaseTable
    column: str  # that tells when a row became known
    source: Source
    key: str  # of the source in params.yaml

    def __post_init__(self) -> None:
        self.table.require([self.column], f"{self.key}.incremental")
        if not tables.is_time(self.table, self.column):
            raise BadParams(
                f"{self.key}.incremental: column {self.column!r} of table {self.table.label} is"
                f" {self.table.columns[self.column]}; name the column of when a row became known, a"
                " timestamp or a date"
            )

    @property
    def kind(self) -> pa.DataType:
        return self.table.arrow.field(self.column).type

    @property
    def overlap(self) -> int:
        """How far back rows are read again, in the units of the column."""
        overlap_days = self.source.incremental_overlap / dt.timedelta(days=1)
        return int(-(-overlap_days * tables.day_length(self.kind) // 1))

    @property
    def order(self) -> list[str]:
        keys = [column for column in self.source.key if column != self.column]
        return [self.column, *keys]

    def refuse_foreign_parts(self, earlier: Sequence[_CopiedPart]) -> None:
        """BadInput for parts of another table and for columns whose type changed."""
        for part in earlier:
            if part.table != (self.table.label, self.column):
                raise BadInput(
                    f"{part.path}: read from table {part.table[0]!r} by {part.table[1]!r}, not from"
                    f" {self.table.label!r} by {self.column!r}; move the folder away to begin anew"
                )
            for field in part.schema:
                self._refuse_changed_type(part, field)

    def _refuse_changed_type(self, part: _CopiedPart, field: pa.Field) -> None:
        current = self.table.arrow
        if field.name in current.names and current.field(field.name).type != field.type:
            raise BadInput(
                f"{part.path}: column {field.name!r} was {field.type} and is"
                f" {current.field(field.name).type} now; move the folder away to begin anew"
            )

    def newest_time(self, read: Path, current: dt.datetime, reached: int | None) -> int:
        """The time up to which the table is read: its newest time, but never one in the future."""
        counts = tables.count_type(self.kind)
        limit = tables.to_count(self.kind, current)
        newest = tables.to_count(self.kind, _NEVER) if reached is None else reached
        for batch in pq.ParquetFile(read).iter_batches(columns=[self.column]):
            column = batch.column(0).view(counts).drop_null().to_numpy()
            past = column[column <= limit]
            newest = max(newest, int(past.max(initial=newest)))
        return newest

    def write_new(self, read: Path, earlier: Sequence[_CopiedPart], part: Path, until: int) -> int:
        """Write the rows of `read` that no earlier part has; their number."""
        note = {"table": self.table.label, "incremental": self.column, "until": until}
        schema = self.table.arrow.with_metadata({_NOTE: json.dumps(note, sort_keys=True).encode()})
        order = ", ".join(identifier(part) for part in self.order)
        with reader.connect("1GB") as connection:
            rows = connection.sql(f"from ({self._new_rows_sql(read, earlier)}) order by {order}")
            batches = rows.to_arrow_reader(100_000)
            return _write(part, schema, (batch.cast(schema) for batch in batches))

    def _new_rows_sql(self, read: Path, earlier: Sequence[_CopiedPart]) -> str:
        """SQL of the rows of `read` without those of the earlier parts."""
        rows = f"select * from read_parquet({literal(str(read))})"
        for part in earlier:
            columns = ", ".join(
                identifier(column)
                if column in part.schema.names
                else f"null as {identifier(column)}"
                for column in self.table.columns
            )
            rows += f" except select {columns} from read_parquet({literal(str(part.path))})"
        return rows
