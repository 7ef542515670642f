"""One worksheet of a returned workbook: its rows, merged cells and comments."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.comments.comment_sheet import CommentSheet
from openpyxl.packaging.relationship import get_dependents, get_rels_path
from openpyxl.utils import range_boundaries
from openpyxl.utils.escape import unescape
from openpyxl.xml.constants import COMMENTS_NS, REL_NS
from openpyxl.xml.functions import fromstring

from retention.commands.outcomes.headings import Block
from retention.commands.outcomes.sheet import Unusable, holds
from retention.worklist.answer_columns import ANSWER_COLUMNS

_MERGED: Final = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]+\d+:[A-Z]+\d+)[\"']")
_CHUNK: Final = 1 << 20  # bytes
_OVERLAP: Final = 1 << 8  # longer than the entry of a merged range


@dataclass(frozen=True)
class MergedRange:
    """A range of merged cells: columns from 0, rows as a spreadsheet counts, both inclusive."""

    first_column: int
    first_row: int
    last_column: int
    last_row: int


def rows(sheet: Any) -> Iterator[list[object]]:
    """The values of each row; hidden and filtered rows are rows like any other."""
    sheet.reset_dimensions()
    for row in sheet.iter_rows():
        yield [_value(cell.value, cell.data_type) for cell in row]


def struck_cells(sheet: Any) -> Iterator[tuple[int, int]]:
    """The row, and the column from 0, of each filled cell that is struck through, even in part."""
    has_struck_font = any(font.strike for font in sheet.parent._fonts)
    if not has_struck_font and not any(map(_has_struck_part, sheet._shared_strings)):
        return
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), start=1):
        for column, cell in enumerate(row):
            if cell.value is not None and (_has_struck_part(cell.value) or cell.font.strike):
                yield number, column


def _has_struck_part(value: object) -> bool:
    parts = value if isinstance(value, CellRichText) else ()
    return any(isinstance(part, TextBlock) and part.font.strike for part in parts)


def _value(value: Any, kind: str) -> object:
    if isinstance(value, CellRichText):
        return unescape(str(value))
    if kind == "f":
        return Unusable("formula", str(value))
    if kind == "e":
        return Unusable("cell_error", str(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    if isinstance(value, str):
        return unescape(value)
    return str(value) if isinstance(value, dt.time | dt.timedelta) else value


def rows_with_merged_answers(sheet: Any, sheet_blocks: Sequence[Block]) -> Iterator[list[object]]:
    """The rows from 1; what stands in a merged answer cell holds in each row that it covers.

    The cell counts for the column in which it begins. A covered cell that still has a value of its
    own, which nobody sees, is Unusable. Rows that are otherwise blank stay so, and headings too.
    """
    by_first_row: dict[int, list[MergedRange]] = {}
    for merged in merged_ranges(sheet):
        by_first_row.setdefault(merged.first_row, []).append(merged)
    coming = list(sheet_blocks)[::-1]
    answers: set[int] = set()
    active: list[tuple[MergedRange, object]] = []
    for number, row in enumerate(rows(sheet), start=1):
        active = [(merged, value) for merged, value in active if merged.last_row >= number]
        if coming and coming[-1].heading_row == number:
            positions, active = coming.pop().positions, []
            answers = {i for name, i in positions.items() if name in ANSWER_COLUMNS}
        elif answers:
            for merged in by_first_row.get(number, ()):
                column = merged.first_column
                active.append((merged, row[column] if column < len(row) else None))
            if active and any(map(holds, row)):
                row += [None] * (max(answers) + 1 - len(row))
                for merged, value in active:
                    _fill(row, number, merged, value, answers)
        yield row


def _fill(
    row: list[object], number: int, merged: MergedRange, value: object, positions: set[int]
) -> None:
    """Set the covered answer cells of one row."""
    for column in positions.intersection(range(merged.first_column, merged.last_column + 1)):
        is_first = (number, column) == (merged.first_row, merged.first_column)
        if not is_first and holds(row[column]):
            row[column] = Unusable("merged_cells", str(row[column]))
        elif column == merged.first_column:
            row[column] = value


def merged_ranges(sheet: Any) -> set[MergedRange]:
    """The merged ranges; the sheet's XML is read in pieces."""
    merged, rest = set[MergedRange](), b""
    with sheet.parent._archive.open(sheet._worksheet_path) as source:
        while chunk := source.read(_CHUNK):
            text = rest + chunk
            for reference in _MERGED.findall(text):
                left, top, right, bottom = range_boundaries(reference.decode())
                merged.add(MergedRange(left - 1, top, right - 1, bottom))
            rest = text[-_OVERLAP:]
    return merged


def comments(sheet: Any) -> list[tuple[str, str]]:
    """The cells that have a comment, as `AB3`, and its text, in the order of the file."""
    archive, path = sheet.parent._archive, sheet._worksheet_path
    relations = get_rels_path(path)
    if relations not in archive.namelist():
        return []
    parts = get_dependents(archive, relations).find(COMMENTS_NS)
    trees = [CommentSheet.from_tree(fromstring(archive.read(part.target))) for part in parts]
    return [(place, comment.text or "") for tree in trees for place, comment in tree.comments]


def has_drawing(sheet: Any) -> bool:
    """Whether there is a text box, a picture or another drawing on the sheet."""
    archive, path = sheet.parent._archive, sheet._worksheet_path
    relations = get_rels_path(path)
    if relations not in archive.namelist():
        return False
    return any(get_dependents(archive, relations).find(f"{REL_NS}/drawing"))
