"""A worked list from a workbook: the cells as staff left them, formulas never worked out."""

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

from retention.commands.outcomes.sheet import Line, Sheet, Unusable, line, places, require
from retention.core.errors import BadInput
from retention.worklist.answer_columns import HANDBACK

COLUMNS: Final = "_columns"
"""The hidden sheet: in row 1 the machine's names of the first sheet's columns, in A2 the list."""

_MOST_BYTES: Final = 1 << 28  # unpacked
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, SyntaxError, OSError, EOFError, NotImplementedError,
    KeyError, IndexError, ValueError, TypeError, AttributeError,
)  # fmt: skip
"""What openpyxl raises over a file that is no workbook, or no whole one."""


def read(path: Path) -> Sheet:
    """The rows of the sheet that was filled in; BadInput when the file is no workbook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that are not read
        try:
            with path.open("rb") as handle:
                _refuse_huge(handle)
                with closing(openpyxl.load_workbook(handle, read_only=True)) as book:
                    return _read(book)
        except _BROKEN:
            raise BadInput(
                "no whole workbook, or one with a password; save it again as XLSX or CSV"
            ) from None


def _refuse_huge(handle: BinaryIO) -> None:
    with zipfile.ZipFile(handle) as packed:
        if sum(one.file_size for one in packed.infolist()) > _MOST_BYTES:
            raise BadInput("too large for a list; send the list's own workbook")


def _read(book: Any) -> Sheet:
    names: list[object] = []
    list_id = None
    if COLUMNS in book.sheetnames:
        names, *others = [*_rows(book[COLUMNS])] or [[]]
        list_id = str(others[0][0]) if others and others[0] and others[0][0] else None
    rows = _rows(_chosen([one for one in book.worksheets if one.title != COLUMNS]))
    found = places(next(rows, []), names)
    require(found)
    return Sheet(list(_lines(rows, found)), list_id)


def _chosen(sheets: Sequence[Any]) -> Any:
    """The sheet with columns to fill in, else the first."""
    asked = (one for one in sheets if HANDBACK.keys() & places(next(_rows(one), [])))
    return next(asked, sheets[0])


def _lines(rows: Iterator[list[object]], found: dict[str, int]) -> Iterator[Line]:
    for number, row in enumerate(rows, start=2):
        if one := line(number, row, found):
            yield one


def _rows(sheet: Any) -> Iterator[list[object]]:
    sheet.reset_dimensions()
    for row in sheet.iter_rows():
        yield _values(row)


def _values(row: Sequence[Any]) -> list[object]:
    return [_value(cell.value, cell.data_type) for cell in row]


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
