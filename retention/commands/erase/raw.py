"""A customer's rows in the raw files, found by each source's own mapping and cut out.

All other bytes of a text file stay as they were: its lines are copied, not formatted again.
"""

import csv
import gzip
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final, cast
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retention.core import artefacts
from retention.core.params import Params, RawFile, Source
from retention.core.storage import atomic
from retention.sources import joins, parsing, reader, row_sql
from retention.sources.column_errors import rename_in_sql
from retention.sources.expressions import Compiler
from retention.sources.reader import OpenFile, run
from retention.sources.record_count import Numbers

EXAMPLES: Final = artefacts.DATA / "example"
RAW: Final = artefacts.DATA / "raw"


@dataclass(frozen=True)
class CustomerRows:
    """The rows of a customer in one file."""

    path: Path
    rows: Numbers  # record numbers, from 1 below the header
    lines: frozenset[int]  # their lines in a text file, from 1
    unread: tuple[int, ...] = ()  # lines that do not split into cells and have the id as a piece


def customer_rows(params: Params, customer_id: str) -> list[CustomerRows]:
    """The customer's rows in each file of params.yaml that has any; missing files have none.

    BadInput: a file that cannot be read, so that its customers are unknown.
    """
    mapped_files = [*_sources(params), *_partners(params), *_customers(params)]
    by_path: dict[Path, CustomerRows] = {}
    for file, expressions in mapped_files:
        if expressions and Path(file.path).exists():
            for rows in _rows_of_file(params, file, expressions, customer_id):
                by_path[rows.path] = _merge(by_path.get(rows.path), rows)
    return list(by_path.values())


def _sources(params: Params) -> Iterator[tuple[RawFile, dict[str, str]]]:
    for name, source in params.sources.items():
        yield (
            source,
            {
                f"sources.{name}.events[{i}].customer_id": event.customer_id
                for i, event in enumerate(source.events)
            },
        )


def _partners(params: Params) -> Iterator[tuple[RawFile, dict[str, str]]]:
    """The files from which sources take the customer of a row, and where the customer stands."""
    for name, source in params.sources.items():
        for other, join in source.join.items():
            yield (
                join,
                {
                    f"sources.{name}.join.{other}.columns.{column} ({i})": rename_in_sql(
                        event.customer_id, column, there
                    )
                    for i, event in enumerate(source.events)
                    for column, there in join.columns.items()
                    if re.search(rf"(?<!\w){re.escape(column)}(?!\w)", event.customer_id)
                },
            )


def _customers(params: Params) -> Iterator[tuple[RawFile, dict[str, str]]]:
    if params.customers is not None:
        column = params.customers.columns["customer_id"]
        yield params.customers, {"customers.columns.customer_id": column}


def _merge(rows: CustomerRows | None, other: CustomerRows) -> CustomerRows:
    """The rows of two sources that read the same file."""
    if rows is None:
        return other
    unread = tuple(sorted({*rows.unread, *other.unread}))
    numbers = np.union1d(rows.rows, other.rows)
    return CustomerRows(rows.path, numbers, rows.lines | other.lines, unread)


def _rows_of_file(
    params: Params, file: RawFile, expressions: Mapping[str, str], customer_id: str
) -> list[CustomerRows]:
    with TemporaryDirectory(prefix="raw-") as scratch, reader.connect(params.engine.memory) as con:
        files = reader.open_files(file, Path(scratch))
        names = joins.names(file, files, "sources")
        compiler = Compiler(con, names, files[0].label, file.types)
        reader.use_zone(con, params.zone_of(file))
        compiled = [compiler.compile(text, key).sql for key, text in expressions.items()]
        joins.load(con, file, files, compiler.wanted, params.zone_of, "sources")
        _create_typed_view(con, params, file, compiler.wanted)
        whose = " or ".join(f"try([({sql})::varchar])[1] = $id" for sql in compiled)
        matches = con.execute(
            f"select file, line from typed where {whose} order by all", {"id": customer_id}
        ).fetchall()
        unread = run(con, "select file, line, raw from unread order by all")
        found_rows = [_customer_rows(head, matches, unread, file, customer_id) for head in files]
        return [rows for rows in found_rows if len(rows.rows) or rows.unread]


def _create_typed_view(
    connection: duckdb.DuckDBPyConnection,
    params: Params,
    file: RawFile,
    wanted: list[str],
) -> None:
    """View `typed`: the cells as the mappings of this file see them."""
    clock = parsing.Clock(params.zone_of(file), file.dst)
    zone = ZoneInfo(params.time_zone)
    plan = row_sql.IngestPlan("", cast(Source, file), clock, zone, None, wanted, (), ())
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    types = [native[f"v{i}"] for i in range(len(wanted))]
    run(connection, f"create view typed as {row_sql.typed_sql(plan, types)}")


def _customer_rows(
    file_head: OpenFile,
    matches: Iterable[tuple[str, int]],
    unread: Iterable[tuple[str, int, str]],
    file: RawFile,
    customer_id: str,
) -> CustomerRows:
    unread_lines = [
        line
        for label, line, raw in unread
        if label == file_head.label and customer_id in _pieces(raw, file.delimiter)
    ]
    positions = np.array([line for label, line in matches if label == file_head.label], int)
    if file_head.layout is None:
        lines = frozenset(positions.tolist()) if file_head.is_made else frozenset[int]()
        return CustomerRows(Path(file_head.label), positions, lines, tuple(unread_lines))
    # A record with line breaks in its cells has several lines: all of them go.
    records = np.searchsorted(file_head.layout.lines, positions)
    last = positions + file_head.layout.breaks[records]
    spans = zip(positions.tolist(), last.tolist(), strict=True)
    spanned = [line for start, end in spans for line in range(int(start), int(end) + 1)]
    return CustomerRows(Path(file_head.label), records, frozenset(spanned), tuple(unread_lines))


def _pieces(raw: str | None, delimiter: str) -> list[str]:
    return [piece for row in csv.reader([raw or ""], delimiter=delimiter) for piece in row]


# Which files are the company's own


def is_own_file(path: Path, root: Path) -> bool:
    """Whether a file is the company's, lies in the project and has rows that can be cut out."""
    real = path.resolve()
    can_be_cut = not path.name.endswith((".zip", ".xlsx", ".json", ".json.gz"))
    return can_be_cut and real.is_relative_to(root.resolve()) and not is_of_example(path)


def is_of_example(path: Path) -> bool:
    """Whether a file is one that the stage `example` wrote."""
    return path.is_relative_to(EXAMPLES)


def unnamed_files(params: Params) -> list[Path]:
    """Files in data/raw that no key of params.yaml names, whose customers are unknown."""
    named_paths = [Path(file.path) for file in params.raw_files().values() if file.path]
    files = sorted(path for path in RAW.rglob("*") if path.is_file())
    return [
        path
        for path in files
        if not path.name.startswith(".")
        and not any(path.is_relative_to(named) for named in named_paths)
    ]


# Cutting


def cut_rows(customer_rows: CustomerRows) -> None:
    """Replace a file in one step by one without these rows."""
    with atomic.atomic_file(customer_rows.path) as temporary:
        if customer_rows.path.name.endswith(".parquet"):
            _cut_parquet(customer_rows, temporary)
        elif customer_rows.path.name.endswith(".gz"):
            with (
                gzip.open(customer_rows.path) as old,
                temporary.open("wb") as packed,
                gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as new,
            ):
                _copy(old, new, customer_rows.lines)
        else:
            with customer_rows.path.open("rb") as old, temporary.open("wb") as new:
                _copy(old, new, customer_rows.lines)
        shutil.copymode(customer_rows.path, temporary)


def _copy(
    old: IO[bytes] | gzip.GzipFile, new: IO[bytes] | gzip.GzipFile, dropped: frozenset[int]
) -> None:
    new.writelines(line for number, line in enumerate(old, start=1) if number not in dropped)


def _cut_parquet(part: CustomerRows, target: Path) -> None:
    """Copy row group by row group, in the file's own schema and compression."""
    with pq.ParquetFile(part.path) as old:
        first = old.metadata.row_group(0).column(0).compression if old.num_row_groups else "SNAPPY"
        with pq.ParquetWriter(target, old.schema_arrow, compression=first) as new:
            n_read = 0
            for group in range(old.num_row_groups):
                table = old.read_row_group(group)
                numbers = np.arange(n_read + 1, n_read + len(table) + 1)
                new.write_table(table.filter(pa.array(~np.isin(numbers, part.rows))))
                n_read += len(table)
