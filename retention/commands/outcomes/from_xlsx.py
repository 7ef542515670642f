"""A returned worklist from a workbook: cells as staff left them, formulas not evaluated."""

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_from_string

from retention.commands.outcomes import worksheet
from retention.commands.outcomes.headings import (
    Block,
    BlockRows,
    blocks,
    is_heading_row,
    list_names,
    require_columns,
)
from retention.commands.outcomes.sheet import (
    LANGUAGES,
    RowNumber,
    Sheet,
    SheetBeside,
    fold_text,
    holds,
)
from retention.core.errors import BadInput
from retention.i18n.language import language
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.to_xlsx.workbook import CHOICES, COLUMNS, comment_of_answers

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
                with closing(
                    openpyxl.load_workbook(handle, read_only=True, rich_text=True)
                ) as book:
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
    list_id, slug = None, ""
    if COLUMNS in book.sheetnames:
        names, *others = [*worksheet.rows(book[COLUMNS])] or [[]]
        list_id = str(others[0][0]) if others and others[0] and others[0][0] else None
        slug = str(others[1][1] or "") if len(others) > 1 and len(others[1]) > 1 else ""
    sheets = [sheet for sheet in book.worksheets if sheet.title not in (COLUMNS, CHOICES)]
    by_title = {sheet.title: blocks(worksheet.rows(sheet)) for sheet in sheets}
    first = max(by_title, key=lambda title: _likeness(by_title[title][0], names))
    by_title[first][0] = replace(by_title[first][0], hidden_names=names)
    lines, doubts, own_cells, beside = [], [], [], []
    for sheet in sorted(sheets, key=lambda sheet: sheet.title != first):
        sheet_blocks = by_title[sheet.title]
        title = "" if sheet.title == first else sheet.title
        if sheet.title == first or all(map(_is_list, sheet_blocks)):
            for block in sheet_blocks:
                require_columns(block.positions)
            block_rows = BlockRows(title, sheet_blocks)
            rows = worksheet.rows_with_merged_answers(sheet, sheet_blocks)
            lines += [line for _, line in block_rows.read(rows)]
            own_cells += block_rows.own_cells
            doubts += [*block_rows.doubts, *_struck_doubts(sheet, title, sheet_blocks)]
        else:
            beside.append(_beside(sheet))
        doubts += [*_comment_doubts(sheet, title), *_drawing_doubts(sheet, title)]
    return Sheet(lines, list_id, slug, doubts, own_cells, beside)


def _likeness(block: Block, names: Sequence[object]) -> tuple[bool, int]:
    """How much the headings of a sheet are those of the list, in their places."""
    places = zip(block.headings, names, strict=False)
    n_in_place = sum(str(name) in list_names(title) for title, name in places)
    return is_heading_row(block.headings), n_in_place


def _is_list(block: Block) -> bool:
    try:
        require_columns(block.positions)
    except BadInput:
        return False
    return True


def _beside(sheet: Any) -> SheetBeside:
    cells = [
        (RowNumber(sheet.title, number), value)
        for number, row in enumerate(worksheet.rows(sheet), start=1)
        for value in row
        if holds(value)
    ]
    return SheetBeside(sheet.title, cells)


def _struck_doubts(sheet: Any, title: str, sheet_blocks: Sequence[Block]) -> Iterator[str]:
    first = min(block.heading_row for block in sheet_blocks)
    answers = {
        i for block in sheet_blocks for name, i in block.positions.items() if name in ANSWER_COLUMNS
    }
    struck = [
        (row, column)
        for row, column in worksheet.struck_cells(sheet)
        if row > first and column in answers
    ]
    for row, column in struck[:1]:
        yield (
            f"{RowNumber(title, row)}, column {get_column_letter(column + 1)}: struck through, and"
            f" read as it stands (cells: {len(struck):,}); clear what does not hold"
        )


def _comment_doubts(sheet: Any, title: str) -> Iterator[str]:
    for reference, text in worksheet.comments(sheet):
        column, row = coordinate_from_string(reference)
        if not any(own in fold_text(text) for own in _own_comments()):
            yield (
                f"{RowNumber(title, row)}, column {column}: the comment of the cell is not read;"
                " write it into the column Note"
            )


@cache
def _own_comments() -> frozenset[str]:
    """The comment that the workbook came with, in every language."""
    return frozenset(fold_text(comment_of_answers(language(code))) for code in LANGUAGES)


def _drawing_doubts(sheet: Any, title: str) -> Iterator[str]:
    if worksheet.has_drawing(sheet):
        where = f"sheet {title!r}" if title else "the list's sheet"
        yield f"{where}: a drawing or text box is not read; write it into the column Note"
