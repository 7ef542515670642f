"""The list as a workbook: what staff need on one printed page's width, then the details."""

import datetime as dt
import io
import re
import textwrap
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from pipeline.listing import (
    CONTACT,
    DAYS,
    HEADINGS,
    MONEY,
    REASONS,
    Listing,
    day,
    how_to_read,
    minor_digits,
    money,
    symbol,
    totals,
)

PRINTED: Final = {
    "rank": 6, "customer_id": 12, "name": 23, "risk": 10, "churn_probability": 10,
    "value_at_stake": 13, "silent_since": 17, "reason_1": 27, "reason_2": 27, "reason_3": 27,
    "preferred_channel": 10, "phone": 17, "owner": 14,
}  # fmt: skip
DETAILS: Final = {
    "email": 28, "expected_value": 13, "value_low": 12, "value_high": 12,
    "last_purchase_on": 13, "days_since_purchase": 8, "usual_gap_days": 11,
}  # fmt: skip
WIDTHS: Final = PRINTED | DETAILS
"""Every column of the list, in the workbook's order, with its width in characters."""

WRAPPED: Final = ("silent_since", *REASONS)

_LONGEST: Final = 32_767  # UTF-16 units in one cell, by the format's own limit
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SHEET: Final = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
_LINE: Final = {"bottom": 4, "bottom_color": "#B8B0A2"}
_INK, _RED, _PAPER = "#1D1B18", "#8C1D18", "#F4EFE6"
_HEADER: Final[dict[str, Any]] = {
    "bold": True, "text_wrap": True, "valign": "vcenter", "bg_color": _PAPER,
    "font_color": _INK, "bottom": 1,
}  # fmt: skip
_ALIGNED: Final[dict[str, dict[str, Any]]] = {
    "header": {"align": "left"},
    "number header": {"align": "right"},
    "indented header": {"align": "left", "indent": 1},
}
_READ_ME_WIDTH: Final = 92
_LINE_HEIGHT: Final = 16  # points
_MOST_LINES: Final = 6


def shown(text: str) -> str:
    """Text as a cell can hold it.

    Line ends become LF, control characters U+FFFD, and what is longer than a cell ends in an
    ellipsis. Everything else stands exactly as given.
    """
    text = _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = text.encode("utf-16-le")
    if len(units) <= 2 * _LONGEST:
        return text
    return units[: 2 * (_LONGEST - 1)].decode("utf-16-le", errors="ignore") + "…"


def _formats(book: Any, currency: str) -> dict[str, Any]:
    """A format for every column, and one for the header."""
    digits = minor_digits(currency)
    amount = f'"{symbol(currency)}"#,##0' + ("." + "0" * digits if digits else "")
    of: dict[str, dict[str, Any]] = {name: {} for name in WIDTHS}
    of |= {name: {"num_format": amount} for name in MONEY}
    of |= {name: {"num_format": "0.0"} for name in DAYS}
    of |= {name: {"text_wrap": True} for name in WRAPPED}
    of["silent_since"] |= {"align": "left", "indent": 1}
    of["rank"] = {"align": "center"}
    of["churn_probability"] = {"num_format": "0%"}
    of["value_at_stake"] |= {"bold": True}
    of["last_purchase_on"] = {"num_format": "d mmm yyyy", "align": "left"}
    made = {name: book.add_format(_SHEET | _LINE | rule) for name, rule in of.items()}
    for name, align in _ALIGNED.items():
        made[name] = book.add_format(_SHEET | _HEADER | align)
    made["very high"] = book.add_format(_SHEET | _LINE | {"bold": True, "font_color": _RED})
    return made


def _write_rows(sheet: Any, listing: Listing, formats: dict[str, Any]) -> None:
    for at, name in enumerate(WIDTHS):
        sheet.write_string(0, at, HEADINGS[name], formats[_heading_of(name)])
    for line, row in enumerate(listing.rows.to_pylist(), start=1):
        for at, name in enumerate(WIDTHS):
            urgent = name == "risk" and row[name] == "very high"
            _write(sheet, line, at, row[name], formats["very high" if urgent else name])
        tallest = max(_lines(row[name], WIDTHS[name]) for name in WRAPPED)
        sheet.set_row(line, _LINE_HEIGHT * tallest + 4)


def _heading_of(name: str) -> str:
    if name in (*MONEY, *DAYS, "churn_probability"):
        return "number header"
    return "indented header" if name == "silent_since" else "header"


def _lines(text: str | None, width: int) -> int:
    """How many lines a wrapped text takes; a guess on the safe side, up to a tenth of a page."""
    wrapped = textwrap.wrap(text or "", width)
    return min(max(len(wrapped), 1), _MOST_LINES)


def _write(sheet: Any, line: int, at: int, value: Any, style: Any) -> None:
    """One cell by its type: text is never a formula, a link or a number."""
    if value is None:
        sheet.write_blank(line, at, None, style)
    elif isinstance(value, str):
        sheet.write_string(line, at, shown(value), style)
    elif isinstance(value, dt.date):
        sheet.write_datetime(line, at, value, style)
    else:
        sheet.write_number(line, at, value, style)


def _lay_out(sheet: Any, listing: Listing) -> None:
    """Widths, the frozen header, the filter, and the page; columns without any data are hidden."""
    empty = {name for name in CONTACT if listing.rows[name].null_count == listing.rows.num_rows}
    for at, (name, width) in enumerate(WIDTHS.items()):
        sheet.set_column(at, at, width, None, {"hidden": name in empty})
    last = max(listing.rows.num_rows, 1)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, 3)
    sheet.autofilter(0, 0, last, len(WIDTHS) - 1)
    sheet.print_area(0, 0, last, len(PRINTED) - 1)
    sheet.repeat_rows(0)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(len(WIDTHS))}{last + 1}"})
    _page(sheet, listing)


def _page(sheet: Any, listing: Listing) -> None:
    title = f"{listing.company}: customers at risk, {day(listing.as_of)}".replace("&", "&&")
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    sheet.set_header(f"&L{title[:200]}")
    sheet.set_footer("&LConfidential&RPage &P of &N")


def _read_me(book: Any, listing: Listing) -> None:
    """The second sheet: what the list is, what was left out, what each word means."""
    sheet = book.add_worksheet("Read me")
    title = book.add_format({"font_name": "Calibri", "font_size": 16, "bold": True})
    term = book.add_format(_SHEET | {"bold": True, "text_wrap": True})
    text = book.add_format(_SHEET | {"text_wrap": True})
    note = book.add_format(_SHEET | {"text_wrap": True, "bold": True, "font_color": _RED})
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, _READ_ME_WIDTH)
    sheet.write_string(0, 0, shown(f"{listing.company}: customers at risk"), title)
    lines = [("Please note", one, note) for one in listing.notes]
    lines += [
        ("The list", _first_sentence(listing), text),
        ("Who is on it", _accounts(listing), text),
        *((name, words, text) for name, words in how_to_read(listing)),
        (
            "This workbook",
            "The columns to the right of the printed page hold details. Columns without any data "
            "are hidden. It holds names and contact details: keep it where it belongs.",
            text,
        ),
    ]
    for line, (name, words, style) in enumerate(lines, start=2):
        sheet.write_string(line, 0, name, term)
        sheet.write_string(line, 1, shown(words), style)
        sheet.set_row(line, _LINE_HEIGHT * _lines(words, _READ_ME_WIDTH) + 4)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)


def _first_sentence(listing: Listing) -> str:
    stake, number = money(listing.at_stake, listing.currency), listing.rows.num_rows
    return (
        f"{day(listing.as_of, weekday=True)}: {number:,} customer{'' if number == 1 else 's'}, "
        f"{stake} at stake in the next {listing.value_days} days."
    )


def _accounts(listing: Listing) -> str:
    parts = "; ".join(f"{count:,} {words}" for count, words in totals(listing))
    return f"{listing.counts['watched']:,} customers are watched: {parts}."


def content(listing: Listing) -> bytes:
    """The whole workbook; the same list is the same bytes."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        created = dt.datetime.combine(listing.as_of, dt.time())
        book.set_properties({"title": "Customers at risk", "created": created})
        sheet = book.add_worksheet("At risk")
        _write_rows(sheet, listing, _formats(book, listing.currency))
        _lay_out(sheet, listing)
        _read_me(book, listing)
    return buffer.getvalue()
