"""The list as a workbook: what staff need and fill in on one page's width, then the details.

The sheets: the list, with its headings in line 1; Read me; Since the last list, where there is one;
and two that are hidden. `_choices` holds the answers that the drop-downs offer. `_columns` tells
the machine what the first sheet is: in line 1 the names of its columns in order, in A2 the list's
id, in A3 the code of its language, in B3 the owner's slug, empty where the list is everybody's.
"""

import datetime as dt
import io
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from retention.worklist.answer_columns import HANDBACK
from retention.worklist.model import Listing
from retention.worklist.to_xlsx.cells import heading_style, sheet_name, style_of, styles, write
from retention.worklist.to_xlsx.layout import (
    FILL_IN,
    PRINTED,
    WIDTHS,
    choices,
    displayed,
    empty,
    heading,
    height,
    widths,
)
from retention.worklist.to_xlsx.notes import page, read_me, since_the_last

_HEADING_HEIGHT: Final = 80  # points, five lines
_MOST_OF_A_MESSAGE: Final = 255  # characters, by the format's own limit


def content(listing: Listing, slug: str = "") -> bytes:
    """The whole workbook; the same list is the same bytes. slug: of whom it is the part, if any."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    _ = listing.language.gettext
    with xlsxwriter.Workbook(buffer, options) as book:
        created = dt.datetime.combine(listing.as_of, dt.time())
        book.set_properties({"title": _("Customers at risk"), "created": created})
        _the_list(book.add_worksheet(sheet_name(_("At risk"))), listing, styles(book, listing))
        read_me(book, listing)
        if listing.previous is not None:
            since_the_last(book, listing, listing.previous)
        _choices(book.add_worksheet("_choices"), listing)
        _columns(book.add_worksheet("_columns"), listing, slug)
    return buffer.getvalue()


def _the_list(sheet: Any, listing: Listing, formats: dict[str, Any]) -> None:
    told, wide = listing.language, widths(listing)
    rows = listing.rows.to_pylist()
    told_rows = [displayed(row, told) for row in rows]
    _headings(sheet, listing, formats)
    for line, (row, cells) in enumerate(zip(rows, told_rows, strict=True), start=1):
        for at, (name, value) in enumerate(cells.items()):
            write(sheet, line, at, value, formats[style_of(name, row)])
        sheet.set_row(line, height(((text, wide[name]) for name, text in cells.items()), told))
    hidden = empty(told_rows)
    for at, (name, width) in enumerate(wide.items()):
        sheet.set_column(at, at, width, None, {"hidden": name in hidden})
    _lay_out(sheet, listing)
    _ask(sheet, listing)


def _headings(sheet: Any, listing: Listing, formats: dict[str, Any]) -> None:
    """Line 1; those of what is to be filled in are one dark band, with a note where it begins."""
    told, _ = listing.language, listing.language.gettext
    for at, name in enumerate(WIDTHS):
        sheet.write_string(0, at, heading(name, told), formats[heading_style(name)])
    sheet.set_row(0, _HEADING_HEIGHT)
    said = _("To fill in: the tinted columns. “{sheet}” says how.", sheet=_("Read me"))
    sheet.write_comment(0, _place(next(iter(FILL_IN))), said)


def _place(name: str) -> int:
    """Where a column stands, counted from 0."""
    return list(WIDTHS).index(name)


def _lay_out(sheet: Any, listing: Listing) -> None:
    """The frozen headings and names, the filter, and the printed page."""
    last = _last(listing)
    sheet.freeze_panes(1, _place("name") + 1)
    sheet.autofilter(0, 0, last, len(WIDTHS) - 1)
    sheet.print_area(0, 0, last, len(PRINTED) - 1)
    sheet.repeat_rows(0)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(len(WIDTHS))}{last + 1}"})
    page(sheet, listing, listing.language.gettext("To fill in: the tinted columns"))


def _last(listing: Listing) -> int:
    """The last line to be filled in, counted from 0; the first below the headings at least."""
    rows: int = listing.rows.num_rows
    return max(rows, 1)


def _ask(sheet: Any, listing: Listing) -> None:
    """What may be filled in: a drop-down, a day, an amount; a note is free."""
    for name in FILL_IN:
        rule = _rule(name, listing)
        if rule:
            at = _place(name)
            title = heading(name, listing.language)[:32]
            sheet.data_validation(1, at, _last(listing), at, rule | {"error_title": title})


def _rule(name: str, listing: Listing) -> dict[str, Any]:
    _, kind = listing.language.gettext, HANDBACK[name].kind
    if kind == "choice":
        at = xl_col_to_name(_offering().index(name))
        source = f"=_choices!${at}$1:${at}${len(choices(name, listing))}"
        message = _("Choose one of the answers offered, or leave it blank.")
        return {"validate": "list", "source": source, "error_message": _cut(message)}
    if kind == "date":
        day = listing.language.date(listing.as_of)
        message = _("Give the day of the contact, not before {date}.", date=day)
        limit = {"validate": "date", "criteria": ">=", "value": listing.as_of}
        return limit | {"error_message": _cut(message)}
    if kind == "money":
        message = _("Give what the offer cost: a number, not below 0.")
        limit = {"validate": "decimal", "criteria": ">=", "value": 0}
        return limit | {"error_message": _cut(message)}
    return {}


def _cut(message: str) -> str:
    return message[:_MOST_OF_A_MESSAGE]


def _offering() -> list[str]:
    return [name for name, answer in HANDBACK.items() if answer.kind == "choice"]


def _choices(sheet: Any, listing: Listing) -> None:
    """A column for each drop-down: a list in the rule itself may hold 255 characters only."""
    for at, name in enumerate(_offering()):
        for line, choice in enumerate(choices(name, listing)):
            write(sheet, line, at, choice, None)
    sheet.hide()


def _columns(sheet: Any, listing: Listing, slug: str) -> None:
    for at, name in enumerate(WIDTHS):
        sheet.write_string(0, at, name)
    sheet.write_string(1, 0, listing.list_id)
    sheet.write_string(2, 0, listing.language.code)
    sheet.write_string(2, 1, slug)
    sheet.hide()
