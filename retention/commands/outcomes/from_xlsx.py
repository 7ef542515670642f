"""A returned worklist from a workbook: cells as staff left them, formulas not evaluated."""

import datetime as dt
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final

import openpyxl
from openpyxl.utils.escape import unescape

from retention.commands.outcomes.sheet import (
    Line,
    Sheet,
    Unusable,
    column_positions,
    read_line,
    require_columns,
)
from retention.core.errors import BadInput
from retention.worklist.answer_columns import ANSWER_COLUMNS

COLUMNS: Final = "_columns"
"""The hidden sheet: in row 1 the column names of the first sheet, in A2 the list's id."""

_MAX_BYTES: Final = 1 << 28  # unpacked
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    SyntaxError,
    OSError,
    EOFError,
    NotImplementedError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
)
"""What openpyxl raises for a file that is no workbook, or a damaged one."""


def read(path: Path) -> Sheet:
    """The rows of the sheet that was filled in; BadInput when the file is no workbook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that are not read
        try:
            with path.open("rb") as handle:
                _refuse_huge(handle)
                with closing(openpyxl.load_workbook(handle, read_only=True)) as book:
                    return _read(book)
        except _UNREADABLE:
            raise BadInput(
                "no whole workbook, or one with a password; save it again as XLSX or CSV"
            ) from None


def _refuse_huge(handle: BinaryIO) -> None:
    with zipfile.ZipFile(handle) as packed:
        if sum(member.file_size for member in packed.infolist()) > _MAX_BYTES:
            raise BadInput("too large for a list; send the list's own workbook")


def _read(book: Any) -> Sheet:
    names: list[object] = []
    list_id = None
    if COLUMNS in book.sheetnames:
        names, *others = [*_rows(book[COLUMNS])] or [[]]
        list_id = str(others[0][0]) if others and others[0] and others[0][0] else None
    rows = _rows(_sheet_to_read([sheet for sheet in book.worksheets if sheet.title != COLUMNS]))
    columns = column_positions(next(rows, []), names)
    require_columns(columns)
    return Sheet(list(_lines(rows, columns)), list_id)


def _sheet_to_read(sheets: Sequence[Any]) -> Any:
    """The sheet with answer columns, else the first."""
    with_answers = (
        sheet
        for sheet in sheets
        if ANSWER_COLUMNS.keys() & column_positions(next(_rows(sheet), []))
    )
    return next(with_answers, sheets[0])


def _lines(rows: Iterator[list[object]], columns: dict[str, int]) -> Iterator[Line]:
    for number, row in enumerate(rows, start=2):
        if row_line := read_line(number, row, columns):
            yield row_line


def _rows(sheet: Any) -> Iterator[list[object]]:
    sheet.reset_dimensions()
    for row in sheet.iter_rows():
        yield [_value(cell.value, cell.data_type) for cell in row]


def _value(value: Any, kind: str) -> object:
    if kind == "f":
        return Unusable("formula", str(value))
    if kind == "e":
        return Unusable("cell_error", str(value))
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, str):
        return unescape(value)
    return str(value) if isinstance(value, dt.time | dt.timedelta) else value
