"""Strict readers of one cell of a returned worklist: a choice, a day, or text."""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final

from babel.dates import get_month_names

from retention.commands.outcomes.sheet import LANGUAGES, Unusable, fold_text

MAX_NOTE_LENGTH: Final = 2_000  # characters
MAX_NAME_LENGTH: Final = 100
MAX_DAYS_AHEAD: Final = 366
_DAY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")
_DAY_WITH_MONTH_NAME: Final = re.compile(r"(\d{1,2})[ -](\D+?)[ -](\d{4})")
_FULL_STOPS: Final = ".!\u06d4\u0964 "  # also of Urdu and Bengali
_OVERRIDES: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


class CellError(Exception):
    """A cell that is not accepted: the rule, what to do about it, and the cell's column."""

    def __init__(self, rule: str, remedy: str, column: str = "") -> None:
        super().__init__(rule)
        self.rule, self.remedy, self.column = rule, remedy, column


def text(value: object, *, lines: bool = False) -> str | None:
    """A cell as text, None where blank. A whole number is written without decimals."""
    if isinstance(value, Unusable):
        raise CellError(value.rule, "type the value itself")
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    cell_text = str(value).replace("\r\n", "\n")
    allowed = "\n\t" if lines else ""
    if any(
        unicodedata.category(character) in ("Cc", "Cs") and character not in allowed
        for character in cell_text
    ):
        raise CellError("control_character", "type the cell anew")
    return cell_text


def choice(value: object, choices: Mapping[str, str]) -> str | None:
    """The message that a cell means, of `choices` (folded text: message); None where blank.

    Line breaks and full stops around a typed answer do not matter.
    """
    cell_text = text(value.strip() if isinstance(value, str) else value)
    if cell_text is None:
        return None
    folded = fold_text(cell_text)
    meant = folded if folded in choices else folded.rstrip(_FULL_STOPS)
    if isinstance(value, bool) or meant not in choices:
        offered = dict.fromkeys(choices.values())
        raise CellError("not_a_choice", f"choose one of: {', '.join(offered)}")
    return choices[meant]


def day(value: object, first: dt.date, last: dt.date) -> dt.date | None:
    """The day of a cell, in range: a spreadsheet's date, or text as 2026-11-22 or 22 Nov 2026."""
    written = value.date() if isinstance(value, dt.datetime) else value
    date = written if isinstance(written, dt.date) else _day(text(written))
    if date and date < first:
        raise CellError("before_list", f"the list is of {first}; correct the day")
    if date and date > last:
        raise CellError("in_future", f"later than {last}, when it was entered; correct the day")
    return date


def coming_day(value: object, first: dt.date, today: dt.date) -> dt.date | None:
    """The day of a cell on which something is to be done, at most MAX_DAYS_AHEAD away."""
    last = today + dt.timedelta(days=MAX_DAYS_AHEAD)
    try:
        return day(value, first, last)
    except CellError as error:
        if error.rule != "in_future":
            raise
        raise CellError("too_far_ahead", f"later than {last}; correct the day") from None


def name(value: object) -> str | None:
    """The name of a person, of at most MAX_NAME_LENGTH characters."""
    cell_text = " ".join((text(value) or "").split())
    if len(cell_text) > MAX_NAME_LENGTH:
        raise CellError("too_long", f"shorten it to {MAX_NAME_LENGTH} characters")
    return cell_text or None


def _day(written: str | None) -> dt.date | None:
    if written is None:
        return None
    plain = plain_digits(written)
    match, named = _DAY.fullmatch(plain), _DAY_WITH_MONTH_NAME.fullmatch(plain)
    try:
        if named:
            return dt.date(int(named[3]), _months().get(fold_text(named[2]), 0), int(named[1]))
        return dt.date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise CellError(
            "not_a_date", "write it as 2026-11-22: 03/04 may be March or April"
        ) from None


@cache
def _months() -> dict[str, int]:
    """Month by its folded name, in every language: a workbook shows days with them."""
    return {
        fold_text(name): month
        for code in LANGUAGES
        for width in ("wide", "abbreviated")
        for month, name in get_month_names(width, locale=code).items()
    }


def note(value: object) -> str | None:
    """Free text without marks that override its direction; at most MAX_NOTE_LENGTH characters."""
    cell_text = _OVERRIDES.sub("", text(value, lines=True) or "").strip()
    if len(cell_text) > MAX_NOTE_LENGTH:
        raise CellError("too_long", f"shorten it to {MAX_NOTE_LENGTH:,} characters")
    return cell_text or None


def plain_digits(written: str) -> str:
    """The text with the digits of every script as 0 to 9 and each space as a plain one."""
    visible = (character for character in written if unicodedata.category(character) != "Cf")
    plain = [
        " " if character.isspace() else str(unicodedata.decimal(character, character))
        for character in visible
    ]
    return "".join(plain).strip()
