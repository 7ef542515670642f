"""A customer's rows in the raw files, found by each source's own mapping and cut out.

All other bytes of a text file stay as they were: its lines are copied, never written anew.
"""

import csv
import gzip
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
from retention.sources import parsing, reader
from retention.sources import row_sql as rows
from retention.sources.expressions import Compiler
from retention.sources.reader import OpenFile, run
from retention.sources.record_count import Numbers

EXAMPLES: Final = artefacts.DATA / "example"
RAW: Final = artefacts.DATA / "raw"


@dataclass(frozen=True)
class Part:
    """What one file says of a customer.

    rows: its records, counted from 1 below the header; lines: theirs in a text file, from 1;
    unread: lines that do not split into cells and have the id among their pieces.
    """

    path: Path
    rows: Numbers
    lines: frozenset[int]
    unread: tuple[int, ...] = ()


def parts(rules: Params, customer_id: str) -> list[Part]:
    """Every file of params.yaml that speaks of a customer; files that are not there do not.

    BadInput: a file that cannot be read, so that it would not be known whom it speaks of.
    """
    every = [*_sources(rules), *_customers(rules)]
    found: dict[Path, Part] = {}
    for file, expressions in every:
        if Path(file.path).exists():
            for one in _of(rules, file, expressions, customer_id):
                found[one.path] = _both(found.get(one.path), one)
    return list(found.values())


def _sources(rules: Params) -> Iterator[tuple[RawFile, dict[str, str]]]:
    for name, source in rules.sources.items():
        yield (
            source,
            {
                f"sources.{name}.events[{at}].customer_id": one.customer_id
                for at, one in enumerate(source.events)
            },
        )


def _customers(rules: Params) -> Iterator[tuple[RawFile, dict[str, str]]]:
    if rules.customers is not None:
        column = rules.customers.columns["customer_id"]
        yield rules.customers, {"customers.columns.customer_id": column}


def _both(one: Part | None, other: Part) -> Part:
    """Of two sources that read the same file."""
    if one is None:
        return other
    unread = tuple(sorted({*one.unread, *other.unread}))
    return Part(one.path, np.union1d(one.rows, other.rows), one.lines | other.lines, unread)


def _of(
    rules: Params, file: RawFile, expressions: Mapping[str, str], customer_id: str
) -> list[Part]:
    with TemporaryDirectory(prefix="raw-") as scratch, reader.connect(rules.engine.memory) as con:
        found = reader.open_files(file, Path(scratch))
        compiler = Compiler(con, reader.shared_columns(found), found[0].label)
        compiled = [compiler.compile(text, key).sql for key, text in expressions.items()]
        reader.load(con, file, found, compiler.wanted)
        _type(con, rules, file, compiler.wanted)
        whose = " or ".join(f"try([({sql})::varchar])[1] = $id" for sql in compiled)
        named = con.execute(
            f"select file, line from typed where {whose} order by all", {"id": customer_id}
        ).fetchall()
        unread = run(con, "select file, line, raw from unread order by all")
        made = [_part(head, named, unread, file, customer_id) for head in found]
        return [one for one in made if len(one.rows) or one.unread]


def _type(
    connection: duckdb.DuckDBPyConnection,
    rules: Params,
    file: RawFile,
    wanted: list[str],
) -> None:
    """View `typed`: the cells as the mappings of this file see them."""
    clock = parsing.Clock(rules.zone_of(file), file.dst)
    plan = rows.IngestPlan("", cast(Source, file), clock, ZoneInfo(rules.time_zone), None, wanted, (), ())
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    types = [native[f"v{at}"] for at in range(len(wanted))]
    run(connection, f"create view typed as {rows.typed_sql(plan, types)}")


def _part(
    head: OpenFile,
    named: Iterable[tuple[str, int]],
    unread: Iterable[tuple[str, int, str]],
    file: RawFile,
    customer_id: str,
) -> Part:
    mine = [(line, raw) for label, line, raw in unread if label == head.label]
    doubtful = [line for line, raw in mine if customer_id in _pieces(raw, file.delimiter)]
    told = np.array([line for label, line in named if label == head.label], int)
    if head.layout is None:
        return Part(Path(head.label), told, frozenset(), tuple(doubtful))
    records = np.searchsorted(head.layout.lines, told)
    last = told + head.layout.breaks[records]
    lines = [line for a, b in zip(told, last, strict=True) for line in range(int(a), int(b) + 1)]
    return Part(Path(head.label), records, frozenset(lines), tuple(doubtful))


def _pieces(raw: str | None, delimiter: str) -> list[str]:
    return [one for row in csv.reader([raw or ""], delimiter=delimiter) for one in row]


# Whose a file is


def ours(path: Path, root: Path) -> bool:
    """Whether a file lies in the project and was put there by the company, not by an example."""
    real = path.resolve()
    return real.is_relative_to(root.resolve()) and not path.is_relative_to(EXAMPLES)


def unnamed(rules: Params) -> list[Path]:
    """Files in data/raw that no key of params.yaml names: nobody can say whom they speak of."""
    named = [Path(one.path) for one in rules.raw_files().values() if one.path]
    found = sorted(path for path in RAW.rglob("*") if path.is_file())
    return [
        path
        for path in found
        if not path.name.startswith(".") and not any(path.is_relative_to(one) for one in named)
    ]


# Cutting


def cut(part: Part) -> None:
    """Write a file anew without the rows of `part`; what reads it sees it as before or as after."""
    with atomic.atomic_file(part.path) as temporary:
        if part.path.name.endswith(".parquet"):
            _cut_parquet(part, temporary)
        elif part.path.name.endswith(".gz"):
            with (
                gzip.open(part.path) as old,
                temporary.open("wb") as packed,
                gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as new,
            ):
                _copy(old, new, part.lines)
        else:
            with part.path.open("rb") as old, temporary.open("wb") as new:
                _copy(old, new, part.lines)
        shutil.copymode(part.path, temporary)


def _copy(
    old: IO[bytes] | gzip.GzipFile, new: IO[bytes] | gzip.GzipFile, less: frozenset[int]
) -> None:
    new.writelines(line for number, line in enumerate(old, start=1) if number not in less)


def _cut_parquet(part: Part, to: Path) -> None:
    """Row group by row group, in the file's own schema and compression."""
    with pq.ParquetFile(part.path) as old:
        first = old.metadata.row_group(0).column(0).compression if old.num_row_groups else "SNAPPY"
        with pq.ParquetWriter(to, old.schema_arrow, compression=first) as new:
            seen = 0
            for group in range(old.num_row_groups):
                table = old.read_row_group(group)
                numbers = np.arange(seen + 1, seen + len(table) + 1)
                new.write_table(table.filter(pa.array(~np.isin(numbers, part.rows))))
                seen += len(table)
