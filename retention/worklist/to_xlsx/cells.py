"""The cells of the workbook: what a cell can hold, how it is written and formatted."""

import datetime as dt
import re
from typing import Any, Final

from retention.i18n.language import Language, minor_digits
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import DAY_COLUMNS, MONEY_COLUMNS, Listing
from retention.worklist.to_xlsx.layout import DATES, WIDTHS

_MAX_CELL_LENGTH: Final = 32_767  # UTF-16 units in one cell, by the format's own limit
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FORBIDDEN_IN_NAME: Final = re.compile(r"[\[\]:*?/\\']")
_MAX_NAME_LENGTH: Final = 31

SHEET: Final[dict[str, Any]] = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
RED: Final = "#8C1D18"
_LINE: Final = {"bottom": 4, "bottom_color": "#B8B0A2"}
_INK, _PAPER, _TINT, _BAND = "#1D1B18", "#F4EFE6", "#E6F2EC", "#1F5C4A"
_TINTED: Final = {"bg_color": _TINT, "border": 1, "border_color": "#9DBFB0"}
_HEADER: Final = {
    "bold": True,
    "text_wrap": True,
    "valign": "vcenter",
    "bg_color": _PAPER,
    "font_color": _INK,
    "bottom": 1,
}
_BAND_HEADER: Final = _HEADER | {"bg_color": _BAND, "font_color": "#FFFFFF"}
_DATE: Final = {"num_format": "d mmm yyyy", "align": "center"}
_NUMERALS: Final = {"bn": "[$-5000845]"}
"""Prefixes of number formats: digits of Bengali (05) in the locale of Bangladesh (0845)."""

_LEFT_TO_RIGHT: Final = {"text_wrap": True, "reading_order": 1}
"""For texts that a right-to-left sheet would reverse: +44 20 would read 20 44+."""

_URGENT: Final = {"bold": True, "font_color": RED}


def cell_text(text: str) -> str:
    """Text as a cell can hold it.

    Line ends become LF, control characters U+FFFD, and what is longer than a cell ends in an
    ellipsis. Everything else is unchanged; so are the characters that set the direction of writing
    (U+202A..U+202E, U+2066..U+2069), which have no effect outside of their cell.
    """
    text = _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = text.encode("utf-16-le")
    if len(units) <= 2 * _MAX_CELL_LENGTH:
        return text
    return units[: 2 * (_MAX_CELL_LENGTH - 1)].decode("utf-16-le", errors="ignore") + "…"


def sheet_name(text: str) -> str:
    """A text as the name of a sheet, without the characters that the format forbids."""
    return _FORBIDDEN_IN_NAME.sub(" ", text)[:_MAX_NAME_LENGTH].strip()


def write(sheet: Any, row_index: int, column: int, value: Any, style: Any) -> None:
    """Write one cell by its type: text is never a formula, a link or a number."""
    if value is None or value == "":
        sheet.write_blank(row_index, column, None, style)
    elif isinstance(value, str):
        sheet.write_string(row_index, column, cell_text(value), style)
    elif isinstance(value, dt.date):
        sheet.write_datetime(row_index, column, value, style)
    else:
        sheet.write_number(row_index, column, value, style)


AFTER_NUMBERS: Final = ("reasons", "owner")
"""Columns of text to the right of a number: they are indented, or the two would touch."""


_GROUP: Final = 3  # digits


def money_format(listing: Listing, suffix: str = "", digits: int | None = None) -> str:
    """The number format of an amount, with the currency on the side where the language has it.

    digits: after the point; by default as many as the currency has.
    """
    language = listing.language
    digits = minor_digits(listing.currency) if digits is None else digits
    before, _, after = language.money(0, listing.currency, 0).partition(language.number(0))
    number = digits_of(language) + "#,##0" + ("." + "0" * digits if digits else "")
    quoted = [f'"{text}"' if text else "" for text in (before, after + suffix)]
    return number.join(quoted)


def digits_of(language: Language) -> str:
    """What makes a number format show the digits of the language, as its texts do."""
    return _NUMERALS.get(language.code, "")


def styles(book: Any, listing: Listing) -> dict[str, Any]:
    """A format for every column, for the headings, and for cells that are highlighted."""
    formats = {
        name: properties | (_TINTED if name in ANSWER_COLUMNS else _LINE)
        for name, properties in _column_formats(listing).items()
    }
    formats["very_high"] = formats["risk"] | _URGENT
    formats["to_approve"] = formats["budget"] | _URGENT | {"num_format": money_format(listing, "*")}
    start = "right" if listing.language.direction == "rtl" else "left"
    formats |= {
        "heading": _HEADER,
        "indented heading": _HEADER | {"align": start, "indent": 1},
        "number heading": _HEADER | {"align": "right"},
        "band": _BAND_HEADER,
    }
    language = listing.language
    return {name: new_format(book, language, properties) for name, properties in formats.items()}


def new_format(book: Any, language: Language, properties: dict[str, Any]) -> Any:
    """A format of a cell; in a language from right to left the text runs from there."""
    direction = {"reading_order": 2} if language.direction == "rtl" else {}
    return book.add_format(SHEET | direction | properties)


def _column_formats(listing: Listing) -> dict[str, dict[str, Any]]:
    digits = digits_of(listing.language)
    start = "right" if listing.language.direction == "rtl" else "left"
    money = {"num_format": money_format(listing), "align": "right"}
    formats: dict[str, dict[str, Any]] = {name: {"text_wrap": True} for name in WIDTHS}
    formats |= dict.fromkeys(MONEY_COLUMNS, money)
    formats["offer_cost"] = {"num_format": money_format(listing, digits=_answer_digits(listing))}
    formats |= {name: {"num_format": f"{digits}0.0", "align": "right"} for name in DAY_COLUMNS}
    formats |= dict.fromkeys(DATES, _DATE | {"num_format": f"{digits}d mmm yyyy"})
    formats |= dict.fromkeys(("customer_id", "phone", "email", "list_id"), _LEFT_TO_RIGHT)
    after_number = {"text_wrap": True, "align": start, "indent": 1}
    formats |= dict.fromkeys(AFTER_NUMBERS, after_number)
    formats["rank"] = {"align": "center", "num_format": f"{digits}0"}
    formats["churn_probability"] = {"num_format": f"{digits}0%", "align": "right"}
    formats["value_at_stake"] = money | {"bold": True}
    return formats


def _answer_digits(listing: Listing) -> int:
    """Digits after the point of an amount to fill in: never three.

    A CSV saved of the workbook holds what the cell shows, and 1.250 might be a thousand.
    """
    digits = minor_digits(listing.currency)
    return digits + 1 if digits == _GROUP else digits


def heading_style(name: str) -> str:
    """The format of a column's heading, a key of `styles`."""
    if name in ANSWER_COLUMNS:
        return "band"
    if name in AFTER_NUMBERS:
        return "indented heading"
    if name in (*MONEY_COLUMNS, *DAY_COLUMNS, "churn_probability"):
        return "number heading"
    return "heading"


def cell_style(name: str, row: dict[str, Any]) -> str:
    """The format of a cell, a key of `styles`. row: a row of the list, with its codes."""
    if name == "risk" and row["risk"] == "very_high":
        return "very_high"
    return "to_approve" if name == "budget" and row["approval"] else name
