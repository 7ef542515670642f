"""What was read from a table, kept as Parquet that ingest reads like any other file.

Read whole, a table is one file that the next reading replaces. Read by the time its rows became
known, it is a part a reading: parts are added and never changed, so that a row which the company
overwrites later stays as it was known before.
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
from retention.sources.database import stream, tables
from retention.sources.database.connection import Connection
from retention.sources.database.tables import Table
from retention.sources.reader import literal, name

WHOLE: Final = "whole.parquet"
_NOTE: Final = b"retention"
_NEVER: Final = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
"""Up to when a table was read whose rows have no time at all."""


def replace(
    connection: Connection, table: Table, folder: Path, order: Sequence[str], key: str
) -> int:
    """Copy the whole table in place of the copy before; its rows. BadInput: none."""
    batches = stream.batches(connection, tables.query(table, order), table.arrow, key)
    with atomic.replacing(folder / WHOLE) as temporary:
        rows = _write(temporary, table.arrow, batches)
        if not rows:
            raise BadInput(f"{key}: table {table.label} has 0 rows; the copy before is kept")
    for one in _parts(folder):
        atomic.remove(one)
    return rows


def add(
    connection: Connection, table: Table, folder: Path, source: Source, zone: ZoneInfo, key: str
) -> int:
    """Copy the rows that are new since the parts before as a part more; their number.

    Rows of the overlap that an earlier part has already are left out. BadInput: the first reading
    finds none, or the parts are of another table or of other types.
    """
    news = _News(table, str(source.incremental), source, key)
    before = [_Part(path) for path in _parts(folder)]
    news.refuse_strange(before)
    reached = max((one.until for one in before), default=None)
    since = None if reached is None else reached - news.overlap
    overlapping = [one for one in before if since is not None and one.until >= since]
    wanted = None if since is None else (news.column, since)
    batches = stream.batches(connection, tables.query(table, news.order, wanted), table.arrow, key)
    with TemporaryDirectory(prefix="table-") as scratch:
        read, part = Path(scratch) / "read.parquet", Path(scratch) / "part.parquet"
        if not _write(read, table.arrow, batches) and not before:
            raise BadInput(f"{key}: table {table.label} has 0 rows")
        until = news.latest(read, _now(connection, zone), reached)
        rows = news.keep(read, overlapping, part, until)
        if rows:
            with atomic.replacing(folder / _next(before)) as temporary:
                shutil.copyfile(part, temporary)
    if (folder / WHOLE).exists():
        atomic.remove(folder / WHOLE)
    return rows


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def _next(before: Sequence["_Part"]) -> str:
    last = max((int(one.path.stem.removeprefix("part-")) for one in before), default=0)
    return f"part-{last + 1:06d}.parquet"


def _now(connection: Connection, zone: ZoneInfo) -> dt.datetime:
    """The server's time on the clock of `zone`."""
    ((now,),) = connection.execute("select now()").fetchall()
    assert isinstance(now, dt.datetime)  # noqa: S101
    return now.astimezone(zone)


def _write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


class _Part:
    """A part that was kept: the columns of its file, and up to when it reaches."""

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
class _News:
    """The rows of a table since a time."""

    table: Table
    column: str
    source: Source
    key: str

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
        """How far back rows are read again, as the column counts."""
        share = self.source.incremental_overlap / dt.timedelta(days=1)
        return int(-(-share * tables.day_length(self.kind) // 1))

    @property
    def order(self) -> list[str]:
        keys = [one for one in self.source.key if one != self.column]
        return [self.column, *keys]

    def refuse_strange(self, before: Sequence[_Part]) -> None:
        """BadInput for parts of another table, and for columns that changed their type."""
        for one in before:
            if one.table != (self.table.label, self.column):
                raise BadInput(
                    f"{one.path}: read from table {one.table[0]!r} by {one.table[1]!r}, not from"
                    f" {self.table.label!r} by {self.column!r}; move the folder away to begin anew"
                )
            for field in one.schema:
                self._refuse_other_type(one, field)

    def _refuse_other_type(self, one: _Part, field: pa.Field) -> None:
        now = self.table.arrow
        if field.name in now.names and now.field(field.name).type != field.type:
            raise BadInput(
                f"{one.path}: column {field.name!r} was {field.type} and is"
                f" {now.field(field.name).type} now; move the folder away to begin anew"
            )

    def latest(self, read: Path, now: dt.datetime, reached: int | None) -> int:
        """Up to when the table was read: its newest time, but never the future's."""
        counts = tables.counted(self.kind)
        limit = tables.count(self.kind, now)
        newest = tables.count(self.kind, _NEVER) if reached is None else reached
        for batch in pq.ParquetFile(read).iter_batches(columns=[self.column]):
            column = batch.column(0).view(counts).drop_null().to_numpy()
            past = column[column <= limit]
            newest = max(newest, int(past.max(initial=newest)))
        return newest

    def keep(self, read: Path, before: Sequence[_Part], part: Path, until: int) -> int:
        """Write the rows of `read` that no part before has; how many."""
        note = {"table": self.table.label, "incremental": self.column, "until": until}
        schema = self.table.arrow.with_metadata({_NOTE: json.dumps(note, sort_keys=True).encode()})
        order = ", ".join(name(one) for one in self.order)
        with reader.opened("1GB") as connection:
            found = connection.sql(f"from ({self._new(read, before)}) order by {order}")
            batches = found.to_arrow_reader(100_000)
            return _write(part, schema, (one.cast(schema) for one in batches))

    def _new(self, read: Path, before: Sequence[_Part]) -> str:
        """SQL of the rows of `read` without those of the parts before."""
        rows = f"select * from read_parquet({literal(str(read))})"
        for one in before:
            listed = ", ".join(
                name(column) if column in one.schema.names else f"null as {name(column)}"
                for column in self.table.columns
            )
            rows += f" except select {listed} from read_parquet({literal(str(one.path))})"
        return rows
