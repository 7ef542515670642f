"""A returned worklist from a CSV, as the pipeline writes it or as a spreadsheet saves it."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from retention.commands.outcomes.headings import (
    Block,
    BlockRows,
    blocks,
    is_heading_row,
    n_headings,
    require_columns,
)
from retention.commands.outcomes.sheet import Line, Sheet
from retention.core.csv_injection import unescape_formula
from retention.core.errors import BadInput

_DELIMITERS: Final = ",;\t|"
_SEPARATOR: Final = re.compile(r"\Asep=.\r?\n")
_ANY_LENGTH: Final = 2**31 - 1


def read(path: Path) -> Sheet:
    """The rows of a CSV; BadInput for another file, or one that is not in UTF-8 or UTF-16."""
    text = _SEPARATOR.sub("", _text(path), count=1) if path.stat().st_size else ""
    previous = csv.field_size_limit(_ANY_LENGTH)
    try:
        rows = _rows(text, _delimiter(text))
        sheet_blocks = blocks(rows)
        for block in sheet_blocks:
            require_columns(block.positions)
        block_rows = BlockRows("", sheet_blocks)
        lines = [_line(block, line, rows) for block, line in block_rows.read(map(_cells, rows))]
        return Sheet(lines, doubts=block_rows.doubts, own_cells=block_rows.own_cells)
    finally:
        csv.field_size_limit(previous)


def _text(path: Path) -> str:
    content = path.read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        if b"\0" in content[:2]:  # UTF-16 without its mark
            raise BadInput("not UTF-8; save it again as CSV UTF-8, or as a workbook")
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("not UTF-8; save it again as CSV UTF-8, or as a workbook") from None


def _delimiter(text: str) -> str:
    """The delimiter by which a row has the most of a list's headings; a title may stand above."""
    first, *_ = text.splitlines() or [""]
    return max(_DELIMITERS, key=lambda each: (_most_headings(text, each), first.count(each)))


def _most_headings(text: str, delimiter: str) -> int:
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return next((n_headings(row) for row in rows if is_heading_row(row)), 0)
    except csv.Error:
        return 0


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            rows.append(row)  # noqa: PERF402  (to know the row at fault)
    except csv.Error as error:
        raise BadInput(f"row {len(rows) + 1}: {error}; save the file again") from None
    return rows


def _cells(row: Sequence[str]) -> list[str]:
    return [unescape_formula(cell) for cell in row]


def _line(block: Block, line: Line, rows: Sequence[Sequence[str]]) -> Line:
    row, n_columns = rows[line.number.row - 1], len(block.headings)
    is_ragged = len(row) < n_columns or any(row[n_columns:])
    return replace(line, defect="ragged_row") if is_ragged else line
