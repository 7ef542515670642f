"""Whether a file holds a customer id: a cell of a table, a value or a name in JSON.

Text without a structure is not looked into: a short id is part of many a word.
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


def holding(folder: Path, customer_id: str) -> list[Path]:
    """The files of a folder and below, or the one file, that hold the id; no link is followed."""
    if folder.is_symlink() or not folder.exists():
        return []
    every = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    found = [path for path in every if path.is_file() and not path.is_symlink()]
    return [path for path in found if holds(path, customer_id)]


def holds(path: Path, customer_id: str) -> bool:
    """Parquet is known by its first bytes, as caches name files by their hash; JSON and CSV too."""
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
    """JSON may write other letters than those of ASCII, and quotes, in another way."""
    return json.dumps(customer_id)[1:-1].encode() in content


def _in_parquet(path: Path, customer_id: str) -> bool:
    with pq.ParquetFile(path) as file:
        names = [one.name for one in file.schema_arrow if any(is_(one.type) for is_ in _TEXTS)]
        return any(
            pc.any(pc.equal(column.cast(pa.string()), customer_id)).as_py()
            for batch in file.iter_batches(columns=names)
            for column in batch.columns
        )


def _in_json(text: str, customer_id: str) -> bool:
    lines = [text] if text[:1] in "[{" else []
    for one in lines or text.splitlines():
        try:
            if any(value == customer_id for value in _texts(json.loads(one))):
                return True
        except ValueError:
            return False
    return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def _in_csv(text: str, customer_id: str) -> bool:
    longest = csv.field_size_limit(_LONGEST)
    try:
        rows = csv.reader(io.StringIO(text, newline=""))
        return any(unescape_formula(cell) == customer_id for row in rows for cell in row)
    except csv.Error:
        return False
    finally:
        csv.field_size_limit(longest)
