"""A returned worklist from a CSV, as the pipeline writes it or as a spreadsheet saves it."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from retention.commands.outcomes.sheet import (
    Line,
    OtherColumns,
    RowNumber,
    Sheet,
    column_positions,
    read_line,
    require_columns,
)
from retention.core.csv_injection import unescape_formula
from retention.core.errors import BadInput

_DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(r"\Asep=.\r?\n")
_ANY_LENGTH = 2**31 - 1


def read(path: Path) -> Sheet:
    """The rows of a CSV; BadInput for another file, or one that is not in UTF-8 or UTF-16."""
    text = _SEPARATOR.sub("", _text(path), count=1) if path.stat().st_size else ""
    previous = csv.field_size_limit(_ANY_LENGTH)
    try:
        doubts: list[str] = []
        return Sheet(list(_lines(text, doubts)), doubts=doubts)
    finally:
        csv.field_size_limit(previous)


def _text(path: Path) -> str:
    content = path.read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("not UTF-8; save it again as CSV UTF-8, or as a workbook") from None


def _lines(text: str, doubts: list[str]) -> Iterator[Line]:
    """The rows; at their end the doubts about columns that are not read."""
    first, *_ = text.splitlines() or [""]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        headings = next(rows, [])
        columns = column_positions(headings)
        require_columns(columns)
        others = OtherColumns(headings)
        for number, row in enumerate(rows, start=2):
            place = RowNumber("", number)
            others.count(place, row[: len(headings)])  # a row with more is rejected
            row_line = read_line(place, [unescape_formula(cell) for cell in row], columns)
            if row_line:
                wrong = len(row) < len(headings) or any(row[len(headings) :])
                yield replace(row_line, defect="ragged_row") if wrong else row_line
        doubts += others.doubts()
    except csv.Error as error:
        raise BadInput(f"row {number + 1}: {error}; save the file again") from None
