"""A returned worklist from a workbook: cells as staff left them, formulas not evaluated."""

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import openpyxl
from openpyxl.utils.cell import coordinate_from_string

from retention.commands.outcomes import worksheet
from retention.commands.outcomes.sheet import (
    LANGUAGES,
    Line,
    OtherColumns,
    RowNumber,
    Sheet,
    column_positions,
    fold_text,
    holds,
    read_line,
    require_columns,
)
from retention.core.errors import BadInput
from retention.i18n.language import language
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.to_xlsx.cells import sheet_name

COLUMNS: Final = "_columns"
"""The hidden sheet: in row 1 the column names of the first sheet, in A2 the list's id."""

CHOICES: Final = "_choices"
"""The hidden sheet with the answers of the drop-downs."""

_BESIDE: Final = {"Read me": 2, "Since the last list": 6}
"""The other sheets that the workbook comes with, and how many columns they have."""

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
        names, *others = [*worksheet.rows(book[COLUMNS])] or [[]]
        list_id = str(others[0][0]) if others and others[0] and others[0][0] else None
    sheets = [sheet for sheet in book.worksheets if sheet.title not in (COLUMNS, CHOICES)]
    first = _sheet_to_read(sheets)
    columns = column_positions(next(worksheet.rows(first), []), names)
    require_columns(columns)
    lines, doubts = _read_list(first, "", columns, names)
    for sheet in sheets:
        if sheet is not first:
            more_lines, more_doubts = _read_beside(sheet)
            lines += more_lines
            doubts += more_doubts
    return Sheet(lines, list_id, doubts)


def _sheet_to_read(sheets: Sequence[Any]) -> Any:
    """The sheet with answer columns, else the first."""
    with_answers = (sheet for sheet in sheets if ANSWER_COLUMNS.keys() & _columns(sheet).keys())
    return next(with_answers, sheets[0])


def _columns(sheet: Any) -> dict[str, int]:
    return column_positions(next(worksheet.rows(sheet), []))


def _read_list(
    sheet: Any, title: str, columns: dict[str, int], names: Sequence[object] = ()
) -> tuple[list[Line], list[str]]:
    """The lines of a sheet with a list's headings, and the doubts about what else it holds."""
    answers = {name: i for name, i in columns.items() if name in ANSWER_COLUMNS}
    lines, rows = [], worksheet.rows_with_merged_answers(sheet, answers)
    others = OtherColumns(next(rows, []), names)
    for number, row in enumerate(rows, start=2):
        place = RowNumber(title, number)
        others.count(place, row)
        if row_line := read_line(place, row, columns):
            lines.append(row_line)
    return lines, [*others.doubts(), *_comment_doubts(sheet, title, first_row=2)]


def _read_beside(sheet: Any) -> tuple[list[Line], list[str]]:
    """The same of another sheet: a second list, one of the workbook, or one of staff."""
    try:
        columns = _columns(sheet)
        require_columns(columns)
    except BadInput:
        width = _written_widths().get(fold_text(sheet.title), 0)
        return [], [*_cell_doubts(sheet, width), *_comment_doubts(sheet, sheet.title)]
    return _read_list(sheet, sheet.title, columns)


@cache
def _written_widths() -> dict[str, int]:
    """Columns of each sheet beside the list, by the folded names that it has."""
    return {
        fold_text(sheet_name(language(code).gettext(title))): width
        for title, width in _BESIDE.items()
        for code in LANGUAGES
    }


def _cell_doubts(sheet: Any, width: int) -> Iterator[str]:
    """A doubt where there are cells to the right of the columns that the workbook came with."""
    numbers = [
        number
        for number, row in enumerate(worksheet.rows(sheet), start=1)
        for _ in filter(holds, row[width:])
    ]
    if numbers:
        yield (
            f"{RowNumber(sheet.title, numbers[0])}: not read from here on (filled cells:"
            f" {len(numbers):,}); answers belong into the list's own sheet, under its headings"
        )


def _comment_doubts(sheet: Any, title: str, first_row: int = 1) -> Iterator[str]:
    for reference in worksheet.comments(sheet):
        column, row = coordinate_from_string(reference)
        if row >= first_row:
            yield (
                f"{RowNumber(title, row)}, column {column}: the comment of the cell is not read;"
                " write it into the column Note"
            )
