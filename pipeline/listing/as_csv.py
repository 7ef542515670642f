"""The list as CSV: UTF-8 without a byte-order mark, RFC 4180, and no cell a spreadsheet would run.

A text cell that a spreadsheet may take for a formula gets one apostrophe in front, which makes it
text: `=1+1` is written `'=1+1`. So that nothing is lost, a cell that already has apostrophes
before such a beginning gets one more. `unguarded` takes exactly that one away again.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from pipeline.errors import BadInput
from pipeline.listing import COLUMNS, DAYS, MONEY, ROWS, Listing, minor_digits

_STARTS: Final = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # and their full-width forms
_RISKY: Final = re.compile(f"'*{_STARTS}")
_GUARDED: Final = re.compile(f"'+{_STARTS}")
_ANY_LENGTH: Final = 2**31 - 1


def guarded(text: str) -> str:
    """The cell as written: an apostrophe in front where a spreadsheet would see a formula."""
    return f"'{text}" if _RISKY.match(text) else text


def unguarded(cell: str) -> str:
    """The inverse of `guarded`, for every text."""
    return cell[1:] if _GUARDED.match(cell) else cell


def _cell(name: str, value: Any, money_digits: int) -> str:
    if value is None:
        return ""
    if name in MONEY:
        return f"{value:.{money_digits}f}"
    if name in DAYS:
        return f"{value:.1f}"
    if name == "churn_probability":
        return f"{value:.4f}"
    return guarded(value) if isinstance(value, str) else str(value)


def content(listing: Listing) -> bytes:
    """The whole file; the header holds the names of COLUMNS. Null is the empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    digits = minor_digits(listing.currency)
    for row in listing.rows.to_pylist():
        writer.writerow([_cell(name, value, digits) for name, value in row.items()])
    return text.getvalue().encode("utf-8")


_PARSERS: Final[dict[pa.DataType, Callable[[str], Any]]] = {
    pa.string(): unguarded,
    pa.int32(): int,
    pa.float64(): float,
    pa.date32(): dt.date.fromisoformat,
}


def _parsed(header: list[str], line: list[str]) -> dict[str, Any]:
    if len(line) != len(header):
        raise ValueError(f"{len(line)} cells, not {len(header)}")
    cells = dict(zip(header, line, strict=True))
    return {
        name: _PARSERS[kind](cells[name]) if cells[name] else None
        for name, (kind, _) in COLUMNS.items()
    }


def read(path: Path) -> pa.Table:
    """The rows that `content` wrote, with the schema ROWS; BadInput when it is no such file."""
    previous = csv.field_size_limit(_ANY_LENGTH)
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return _rows(csv.reader(handle, strict=True), path)
    finally:
        csv.field_size_limit(previous)


def _rows(lines: Iterator[list[str]], path: Path) -> pa.Table:
    header = next(lines, [])
    if header != list(COLUMNS):
        raise BadInput(f"{path}: row 1: not the columns of an at-risk list")
    rows: list[dict[str, Any]] = []
    try:
        for line in lines:
            rows.append(_parsed(header, line))  # noqa: PERF401  (to know the row at fault)
    except (csv.Error, ValueError) as error:
        raise BadInput(f"{path}: record {len(rows) + 2}: {error}; take the list again") from None
    return pa.Table.from_pylist(rows, schema=ROWS)
