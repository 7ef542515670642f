"""The cells of the list's workbook: what a cell can hold, how it is written, how it looks."""

import datetime as dt
import re
from typing import Any, Final

from retention.i18n.language import minor_digits
from retention.worklist.answer_columns import HANDBACK
from retention.worklist.model import DAYS, MONEY, Listing
from retention.worklist.to_xlsx.layout import DATES, WIDTHS

_LONGEST: Final = 32_767  # UTF-16 units in one cell, by the format's own limit
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NOT_IN_A_NAME: Final = re.compile(r"[\[\]:*?/\\']")
_LONGEST_NAME: Final = 31

SHEET: Final[dict[str, Any]] = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
RED: Final = "#8C1D18"
_LINE: Final = {"bottom": 4, "bottom_color": "#B8B0A2"}
_INK, _PAPER, _TINT, _BAND = "#1D1B18", "#F4EFE6", "#E6F2EC", "#1F5C4A"
_TINTED: Final = {"bg_color": _TINT, "border": 1, "border_color": "#9DBFB0"}
_HEADER: Final = {
    "bold": True, "text_wrap": True, "valign": "vcenter", "bg_color": _PAPER,
    "font_color": _INK, "bottom": 1,
}  # fmt: skip
_BAND_HEADER: Final = _HEADER | {"bg_color": _BAND, "font_color": "#FFFFFF"}
_DATE: Final = {"num_format": "d mmm yyyy", "align": "center"}
_LEFT_TO_RIGHT: Final = {"text_wrap": True, "reading_order": 1}
"""For what a leftward sheet would turn round: +44 20 is no 20 44+."""

_URGENT: Final = {"bold": True, "font_color": RED}


def shown(text: str) -> str:
    """Text as a cell can hold it.

    Line ends become LF, control characters U+FFFD, and what is longer than a cell ends in an
    ellipsis. Everything else stands exactly as given; so do the characters that turn the direction
    of writing (U+202A..U+202E, U+2066..U+2069), which reach no further than their own cell.
    """
    text = _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = text.encode("utf-16-le")
    if len(units) <= 2 * _LONGEST:
        return text
    return units[: 2 * (_LONGEST - 1)].decode("utf-16-le", errors="ignore") + "…"


def sheet_name(text: str) -> str:
    """A text as the name of a sheet, without what the format forbids there."""
    return _NOT_IN_A_NAME.sub(" ", text)[:_LONGEST_NAME].strip()


def write(sheet: Any, line: int, at: int, value: Any, style: Any) -> None:
    """One cell by its type: text is never a formula, a link or a number."""
    if value is None or value == "":
        sheet.write_blank(line, at, None, style)
    elif isinstance(value, str):
        sheet.write_string(line, at, shown(value), style)
    elif isinstance(value, dt.date):
        sheet.write_datetime(line, at, value, style)
    else:
        sheet.write_number(line, at, value, style)


AFTER_NUMBERS: Final = ("reasons", "owner")
"""Texts right of a number, which would run into it."""


def amount(listing: Listing, mark: str = "") -> str:
    """The number format of an amount: the sign on the side where the language writes it."""
    told, digits = listing.language, minor_digits(listing.currency)
    before, _, after = told.money(0, listing.currency, 0).partition(told.number(0))
    number = "#,##0" + ("." + "0" * digits if digits else "")
    quoted = [f'"{text}"' if text else "" for text in (before, after + mark)]
    return number.join(quoted)


def styles(book: Any, listing: Listing) -> dict[str, Any]:
    """A format for every column, for the headings, and for the cells that stand out."""
    of = {name: rule | (_TINTED if name in HANDBACK else _LINE) for name, rule in _rules(listing)}
    of["very_high"] = of["risk"] | _URGENT
    of["to_approve"] = of["budget"] | _URGENT | {"num_format": amount(listing, "*")}
    of |= {
        "heading": _HEADER,
        "indented heading": _HEADER | {"indent": 1},
        "number heading": _HEADER | {"align": "right"},
        "band": _BAND_HEADER,
    }
    return {name: book.add_format(SHEET | rule) for name, rule in of.items()}


def _rules(listing: Listing) -> list[tuple[str, dict[str, Any]]]:
    money = {"num_format": amount(listing)}
    of: dict[str, dict[str, Any]] = {name: {"text_wrap": True} for name in WIDTHS}
    of |= dict.fromkeys((*MONEY, "offer_cost"), money)
    of |= {name: {"num_format": "0.0"} for name in DAYS}
    of |= dict.fromkeys(DATES, _DATE)
    of |= dict.fromkeys(("customer_id", "phone", "email", "list_id"), _LEFT_TO_RIGHT)
    of |= {name: {"text_wrap": True, "indent": 1} for name in AFTER_NUMBERS}
    of["rank"] = {"align": "center"}
    of["churn_probability"] = {"num_format": "0%"}
    of["value_at_stake"] = money | {"bold": True}
    return list(of.items())


def heading_style(name: str) -> str:
    """The format of a column's heading, a key of `styles`."""
    if name in HANDBACK:
        return "band"
    if name in AFTER_NUMBERS:
        return "indented heading"
    return "number heading" if name in (*MONEY, *DAYS, "churn_probability") else "heading"


def style_of(name: str, row: dict[str, Any]) -> str:
    """The format of a cell, a key of `styles`; row: as the list has it, with its codes."""
    if name == "risk" and row["risk"] == "very_high":
        return "very_high"
    return "to_approve" if name == "budget" and row["approval"] else name
