"""The figures of a report as one long table: one row a figure."""

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

from retention.core.csv_injection import escape_formula

_DECIMALS: Final = 6
Row = dict[str, Any]


def row(columns: Sequence[str], values: Mapping[str, Any]) -> Row:
    """One row; a value that is missing or not finite is the empty cell."""
    return {name: _cell(values.get(name)) for name in columns}


def as_csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """The whole file, by RFC 4180."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DECIMALS) + 0.0 if isfinite(value) else None
    if isinstance(value, dt.date):
        return value.isoformat()
    return escape_formula(value) if isinstance(value, str) else value
