"""The list as CSV: UTF-8 without byte-order mark, RFC 4180, formulas escaped, phones to dial."""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv

from retention.core import artefacts
from retention.core.csv_injection import escape_formula, escape_phone, unescape_formula
from retention.core.errors import BadInput
from retention.i18n.language import minor_digits
from retention.worklist.model import DAY_COLUMNS, MONEY_COLUMNS, Listing

COHORT: Final = "cohort.csv"
"""The file that says of every customer of the cohort what the list decided."""

_MAX_CELL_LENGTH: Final = 2**31 - 1


def _cell(name: str, value: Any, money_digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if name in MONEY_COLUMNS:
        return f"{value:.{money_digits}f}"
    if name in DAY_COLUMNS:
        return f"{value:.1f}"
    if name == "churn_probability":
        return f"{value:.4f}"
    if name == "phone":
        return escape_phone(value)
    return escape_formula(value) if isinstance(value, str) else str(value)


def content(listing: Listing) -> bytes:
    """The whole file; the header holds the names of artefacts.AT_RISK. Null is the empty cell."""
    return _csv_bytes(
        listing.rows.select(artefacts.AT_RISK.schema.names), minor_digits(listing.currency)
    )


def dropped_content(listing: Listing) -> bytes:
    """The customers who are no longer listed; the header holds the names of DROPPED."""
    return _csv_bytes(listing.dropped.select(artefacts.DROPPED.schema.names), 0)


def cohort_content(lanes: pa.Table) -> bytes:
    """What was said of every customer of the cohort: LANES, without names."""
    ids = pa.array([escape_formula(value) for value in lanes["customer_id"].to_pylist()])
    text = pa.BufferOutputStream()
    pa.csv.write_csv(lanes.set_column(0, "customer_id", ids.cast(pa.string())), text)
    return bytes(text.getvalue().to_pybytes())


def read_cohort(path: Path) -> pa.Table:
    """LANES, as `cohort_content` wrote it."""
    types = {column.name: column.type for column in artefacts.LANES.columns}
    table = pa.csv.read_csv(
        path,
        convert_options=pa.csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True
        ),
    )
    ids = [unescape_formula(value) for value in table["customer_id"].to_pylist()]
    return table.set_column(0, "customer_id", pa.array(ids, pa.string()))


def _csv_bytes(table: pa.Table, money_digits: int) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow([_cell(name, value, money_digits) for name, value in row.items()])
    return text.getvalue().encode("utf-8")


def _parse_flag(cell: str) -> bool:
    if cell not in ("true", "false"):
        raise ValueError(f"{cell[:20]!r} is neither true nor false")
    return cell == "true"


def _parse_risk(cell: str) -> str:
    """The code of a risk; early lists have `very high` for `very_high`."""
    return unescape_formula(cell).replace(" ", "_")


_PARSERS: Final[dict[pa.DataType, Callable[[str], Any]]] = {
    pa.string(): unescape_formula,
    pa.int32(): int,
    pa.float64(): float,
    pa.date32(): dt.date.fromisoformat,
    pa.bool_(): _parse_flag,
}
_COLUMN_PARSERS: Final = {
    column.name: _PARSERS[column.type] for column in artefacts.AT_RISK.columns
} | {"risk": _parse_risk}
_REQUIRED: Final = frozenset({"customer_id", "rank", "churn_probability"})


def _parse_line(header: list[str], line: list[str]) -> dict[str, Any]:
    if len(line) != len(header):
        raise ValueError(f"{len(line)} cells, not {len(header)}")
    cells = dict(zip(header, line, strict=True))
    return {
        name: parse(cells[name]) if cells.get(name) else None
        for name, parse in _COLUMN_PARSERS.items()
    }


def read(path: Path) -> pa.Table:
    """The rows that `content` wrote, with the schema ROWS; a column that is not there is null.

    An empty text comes back as null. Raises BadInput if it is no such file.
    """
    previous = csv.field_size_limit(_MAX_CELL_LENGTH)
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return _read_rows(csv.reader(handle, strict=True), path)
    finally:
        csv.field_size_limit(previous)


def _read_rows(lines: Iterator[list[str]], path: Path) -> pa.Table:
    rows: list[dict[str, Any]] = []
    try:
        header = next(lines, [])
        if not _REQUIRED.issubset(header):
            raise BadInput(f"{path}: row 1: not the columns of an at-risk list")
        for line in lines:
            rows.append(_parse_line(header, line))  # noqa: PERF401  (to know the row at fault)
    except (csv.Error, ValueError) as error:
        raise BadInput(f"{path}: record {len(rows) + 2}: {error}; take the list again") from None
    return pa.Table.from_pylist(rows, schema=artefacts.AT_RISK.schema)
