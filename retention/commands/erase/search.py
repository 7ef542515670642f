"""Whether a file holds a customer id: as a cell of a table, or as a value or name in JSON.

Text without structure is not searched: a short id is part of many words.
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retention.core.csv_injection import unescape_formula

_PARQUET: Final = b"PAR1"
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
    """Whether a Parquet, JSON or CSV file holds the id, by its content, whatever its name."""
    with path.open("rb") as handle:
        start = handle.read(4)
    if start == _PARQUET:
        return _in_parquet(path, customer_id)
    content = path.read_bytes()
    if customer_id.encode() not in content and not _escaped(customer_id, content):
        return False
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return _in_json(text, customer_id) or _in_csv(text, customer_id)


def _escaped(customer_id: str, content: bytes) -> bool:
    """Whether the id occurs as JSON escapes it: letters beyond ASCII, and quotes."""
    return json.dumps(customer_id)[1:-1].encode() in content


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
