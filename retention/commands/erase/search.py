"""Whether a file holds a customer id: as a cell of a table or database, or as a text in JSON.

Text without structure is not searched: a short id is part of many words.
"""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retention.core.csv_injection import unescape_formula

_PARQUET, _SQLITE = b"PAR1", b"SQLi"
_TEXTS: Final = (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary)
_LONGEST: Final = 2**31 - 1


def files_with(folder: Path, customer_id: str) -> list[Path]:
    """The files of a folder and below, or the one file, that hold the id; no link is followed."""
    if folder.is_symlink() or not folder.exists():
        return []
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    files = [path for path in paths if path.is_file() and not path.is_symlink()]
    return [path for path in files if contains(path, customer_id)]


def contains(path: Path, customer_id: str) -> bool:
    """Whether a Parquet, SQLite, JSON or CSV file holds the id, by content, whatever its name."""
    with path.open("rb") as handle:
        start = handle.read(4)
    if start == _PARQUET:
        return _in_parquet(path, customer_id)
    if start == _SQLITE:
        return _in_sqlite(path, customer_id)
    content = path.read_bytes()
    if not any(form.encode() in content for form in _written_forms(customer_id)):
        return False
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return _in_json(text, customer_id) or _in_csv(text, customer_id)


def _written_forms(customer_id: str) -> Iterator[str]:
    """The id as it stands in files: as it is, with quotes doubled in CSV, with JSON's escapes."""
    yield customer_id
    yield customer_id.replace('"', '""')
    for ensure_ascii in (True, False):
        yield json.dumps(customer_id, ensure_ascii=ensure_ascii)[1:-1]


def _in_parquet(path: Path, customer_id: str) -> bool:
    with pq.ParquetFile(path) as file:
        names = [
            field.name for field in file.schema_arrow if any(is_(field.type) for is_ in _TEXTS)
        ]
        return any(
            pc.any(pc.equal(column.cast(pa.string()), customer_id)).as_py()
            for batch in file.iter_batches(columns=names)
            for column in batch.columns
        )


def _in_sqlite(path: Path, customer_id: str) -> bool:
    """Only among texts: numbers and blobs are no ids. A damaged file is searched as bytes."""
    try:
        return _in_tables(path, customer_id)
    except sqlite3.DatabaseError:
        return customer_id.encode() in path.read_bytes()


def _in_tables(path: Path, customer_id: str) -> bool:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        return any(
            database.execute(
                f"select 1 from {_quoted(table)} where typeof({_quoted(column)}) = 'text'"
                f" and {_quoted(column)} = ? limit 1",
                [customer_id],
            ).fetchall()
            for (table,) in tables
            for (_, column, *_) in database.execute(f"pragma table_info({_quoted(table)})")
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _in_json(text: str, customer_id: str) -> bool:
    lines = [text] if text[:1] in "[{" else []
    for line in lines or text.splitlines():
        try:
            if any(value == customer_id for value in _texts(json.loads(line))):
                return True
        except ValueError:
            return False
    return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _in_csv(text: str, customer_id: str) -> bool:
    previous_limit = csv.field_size_limit(_LONGEST)
    try:
        rows = csv.reader(io.StringIO(text, newline=""))
        return any(unescape_formula(cell) == customer_id for row in rows for cell in row)
    except csv.Error:
        return False
    finally:
        csv.field_size_limit(previous_limit)
