"""What a returned worklist says outside of the columns to fill in: told, where it is new.

A workbook comes with texts of its own. The published list says which these were: what differs from
it was written by staff, and nobody would see it.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import openpyxl

from retention.commands.outcomes import worksheet
from retention.commands.outcomes.sheet import (
    Line,
    OwnCell,
    PublishedList,
    RowNumber,
    Sheet,
    SheetBeside,
    fold_text,
    holds,
)
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.to_xlsx.workbook import COLUMNS

_WORKBOOK: Final = "at_risk.xlsx"


Rows = Mapping[str, Mapping[str, object]]
"""Cells that are not blank, by customer id and column name."""


@dataclass(frozen=True)
class PublishedCells:
    """What the published workbook holds."""

    rows: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # customer: column: cell
    texts: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # folded, by folded sheet name


def doubts(sheet: Sheet, published_list: PublishedList) -> Iterator[str]:
    """One sentence for each column or sheet with something that the list did not come with."""
    published = _read(published_list.folder, sheet.slug)
    yield from _doubts_about_strangers(sheet.lines, published_list)
    yield from _own_column_doubts(sheet.own_cells, published.rows, published_list)
    for beside in sheet.beside:
        yield from _beside_doubts(beside, published.texts.get(fold_text(beside.title), frozenset()))


def _doubts_about_strangers(lines: Sequence[Line], published_list: PublishedList) -> Iterator[str]:
    """A doubt where rows are of nobody on the list, and have no answer that could be rejected."""
    numbers = [
        line.number
        for line in lines
        if str(line.cells.get("customer_id")) not in published_list.customers
        and all(line.cells.get(column) is None for column in ANSWER_COLUMNS)
    ]
    if numbers:
        yield (
            f"{numbers[0]}: of no customer of the list, without an answer, not read (rows:"
            f" {len(numbers):,}); answers belong into the customer's own row"
        )


def _own_column_doubts(
    cells: Sequence[OwnCell],
    rows: Mapping[str, Mapping[str, object]],
    published_list: PublishedList,
) -> Iterator[str]:
    changed: dict[str, list[RowNumber]] = defaultdict(list)
    for cell in cells:
        if cell.customer_id in rows:
            written = [rows[cell.customer_id].get(name) for name in cell.names]
            in_csv = [published_list.customers[cell.customer_id].get(name) for name in cell.names]
            if not any(_is_same(cell.value, value) for value in (*written, *in_csv)):
                changed[cell.column].append(cell.number)
    for column, numbers in changed.items():
        yield (
            f"{numbers[0]}, {column}: not as the list has it, and not read (cells:"
            f" {len(numbers):,}); write it into the column Note"
        )


def _is_same(returned: object, published: object) -> bool:
    """Whether a cell holds what was published, in its type or in the form that a CSV shows."""
    if isinstance(published, str):
        return fold_text(_text(returned)) == fold_text(published)
    if published is None:
        return False
    if isinstance(returned, str):
        return any(character.isdecimal() for character in returned)
    if isinstance(returned, float | int) and isinstance(published, float | int):
        return math.isclose(returned, published, rel_tol=1e-9)
    return isinstance(published, dt.date) and type(returned) in (dt.date, int, float)


def _text(value: object) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole and isinstance(value, float) else str(value)


def _beside_doubts(beside: SheetBeside, published: frozenset[str]) -> Iterator[str]:
    numbers = [number for number, value in beside.cells if fold_text(_text(value)) not in published]
    if numbers:
        yield (
            f"{numbers[0]}: not read from here on (filled cells: {len(numbers):,}); answers belong"
            " into the list's own sheet, under its headings"
        )


# The published workbook


def _read(folder: Path, slug: str) -> PublishedCells:
    """The rows of the whole list, and the texts of the workbook that the owner was sent."""
    whole, part = folder / _WORKBOOK, folder / f"at_risk-{slug}.xlsx"
    sent = part if slug and part.parent == folder and part.is_file() else whole
    if not whole.is_file():
        return PublishedCells()
    return PublishedCells(_rows(whole), _texts(sent))


def _rows(path: Path) -> dict[str, dict[str, object]]:
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        names = [str(name) for name in next(worksheet.rows(book[COLUMNS]))]
        _, *rows = worksheet.rows(book.worksheets[0])
        cells = [dict(zip(names, row, strict=False)) for row in rows]
    return {
        str(row["customer_id"]): {name: value for name, value in row.items() if holds(value)}
        for row in cells
    }


def _texts(path: Path) -> dict[str, frozenset[str]]:
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        return {
            fold_text(sheet.title): frozenset(
                fold_text(_text(value))
                for row in worksheet.rows(sheet)
                for value in row
                if holds(value)
            )
            for sheet in book.worksheets
        }
