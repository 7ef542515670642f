"""The list as a workbook: what staff need and fill in on one page's width, then the details.

The sheets: the list, with its headings in row 1; Read me; Since the last list, where there is one;
and two that are hidden. `_choices` holds the answers that the drop-downs offer. `_columns`
describes the first sheet for `retention outcomes`: in row 1 the names of its columns in order, in
A2 the list's id, in A3 the code of its language, in B3 the owner's slug, empty in the whole list.
"""

import datetime as dt
import io
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from retention.i18n.language import Language
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import Listing
from retention.worklist.to_xlsx.cells import cell_style, heading_style, sheet_name, styles, write
from retention.worklist.to_xlsx.layout import (
    ANSWER_WIDTHS,
    PRINTED_WIDTHS,
    WIDTHS,
    answer_choices,
    display_row,
    empty_columns,
    fitted_widths,
    heading,
    row_height,
)
from retention.worklist.to_xlsx.notes import changes_sheet, page_setup, read_me_sheet

COLUMNS: Final = "_columns"
"""The hidden sheet that describes the first one for `retention outcomes`."""

CHOICES: Final = "_choices"
"""The hidden sheet with the answers of the drop-downs."""

_HEADING_HEIGHT: Final = {"en": 80}  # points, five lines; other scripts stand taller
_TALL_HEADING: Final = 110
_MAX_MESSAGE: Final = 255  # characters, by the format's own limit


def content(listing: Listing, slug: str = "") -> bytes:
    """The whole workbook; the same list gives the same bytes. slug: of the owner of a part."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    _ = listing.language.gettext
    with xlsxwriter.Workbook(buffer, options) as book:
        created = dt.datetime.combine(listing.as_of, dt.time())
        book.set_properties({"title": _("Customers at risk"), "created": created})
        _list_sheet(book.add_worksheet(sheet_name(_("At risk"))), listing, styles(book, listing))
        read_me_sheet(book, listing)
        if listing.previous is not None:
            changes_sheet(book, listing, listing.previous)
        _choices(book.add_worksheet(CHOICES), listing)
        _columns(book.add_worksheet(COLUMNS), listing, slug)
    return buffer.getvalue()


def _list_sheet(sheet: Any, listing: Listing, formats: dict[str, Any]) -> None:
    language, column_widths = listing.language, fitted_widths(listing)
    rows = listing.rows.to_pylist()
    shown_rows = [display_row(row, language) for row in rows]
    _headings(sheet, listing, formats)
    for row_index, (row, cells) in enumerate(zip(rows, shown_rows, strict=True), start=1):
        for column, (name, value) in enumerate(cells.items()):
            write(sheet, row_index, column, value, formats[cell_style(name, row)])
        sheet.set_row(
            row_index,
            row_height(((text, column_widths[name]) for name, text in cells.items()), language),
        )
    hidden = empty_columns(shown_rows)
    for column, (name, width) in enumerate(column_widths.items()):
        sheet.set_column(column, column, width, None, {"hidden": name in hidden})
    _set_layout(sheet, listing)
    _add_validations(sheet, listing)


def _headings(sheet: Any, listing: Listing, formats: dict[str, Any]) -> None:
    """Row 1; above the columns to fill in it is one dark band, with a comment at its start."""
    language = listing.language
    for column, name in enumerate(WIDTHS):
        sheet.write_string(0, column, heading(name, language), formats[heading_style(name)])
    sheet.set_row(0, _HEADING_HEIGHT.get(language.code, _TALL_HEADING))
    sheet.write_comment(0, _column_index(next(iter(ANSWER_WIDTHS))), comment_of_answers(language))


def comment_of_answers(language: Language) -> str:
    """The comment at the first column to fill in."""
    _ = language.gettext
    return _("To fill in: the tinted columns. “{sheet}” says how.", sheet=_("Read me"))


def _column_index(name: str) -> int:
    """The position of a column, counted from 0."""
    return list(WIDTHS).index(name)


def _set_layout(sheet: Any, listing: Listing) -> None:
    """Frozen headings and names, the filter, and printing."""
    last = _last_row(listing)
    sheet.freeze_panes(1, _column_index("name") + 1)
    sheet.autofilter(0, 0, last, len(WIDTHS) - 1)
    sheet.print_area(0, 0, last, len(PRINTED_WIDTHS) - 1)
    sheet.repeat_rows(0)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(len(WIDTHS))}{last + 1}"})
    page_setup(sheet, listing, listing.language.gettext("To fill in: the tinted columns"))


def _last_row(listing: Listing) -> int:
    """The last row to fill in, counted from 0; at least the first below the headings."""
    rows: int = listing.rows.num_rows
    return max(rows, 1)


def _add_validations(sheet: Any, listing: Listing) -> None:
    """Validate the columns to fill in: a drop-down, a day, an amount; a note is free."""
    for name in ANSWER_WIDTHS:
        validation = _validation(name, listing)
        if validation:
            column = _column_index(name)
            title = heading(name, listing.language)[:32]
            sheet.data_validation(
                1, column, _last_row(listing), column, validation | {"error_title": title}
            )


def _validation(name: str, listing: Listing) -> dict[str, Any]:
    _, kind = listing.language.gettext, ANSWER_COLUMNS[name].kind
    if kind == "choice":
        letter = xl_col_to_name(_choice_columns().index(name))
        n_choices = len(answer_choices(name, listing))
        source = f"=_choices!${letter}$1:${letter}${n_choices}"
        message = _("Choose one of the answers offered, or leave it blank.")
        return {"validate": "list", "source": source, "error_message": _cut(message)}
    if kind in ("date", "coming_date"):
        day = listing.language.date(listing.as_of)
        message = _("Give a day, not before {date}.", date=day)
        limit = {"validate": "date", "criteria": ">=", "value": listing.as_of}
        return limit | {"error_message": _cut(message)}
    if kind == "money":
        message = _("Give what the offer cost: a number, not below 0.")
        limit = {"validate": "decimal", "criteria": ">=", "value": 0}
        return limit | {"error_message": _cut(message)}
    return {}


def _cut(message: str) -> str:
    return message[:_MAX_MESSAGE]


def _choice_columns() -> list[str]:
    return [name for name, answer in ANSWER_COLUMNS.items() if answer.kind == "choice"]


def _choices(sheet: Any, listing: Listing) -> None:
    """One column for each drop-down: a list within the validation holds 255 characters only."""
    for column, name in enumerate(_choice_columns()):
        for row_index, choice in enumerate(answer_choices(name, listing)):
            write(sheet, row_index, column, choice, None)
    sheet.hide()


def _columns(sheet: Any, listing: Listing, slug: str) -> None:
    for column, name in enumerate(WIDTHS):
        sheet.write_string(0, column, name)
    sheet.write_string(1, 0, listing.list_id)
    sheet.write_string(2, 0, listing.language.code)
    sheet.write_string(2, 1, slug)
    sheet.hide()
