"""What one cell of a worked list says, strictly: a choice, a day, money, text, or an id."""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Final

from babel.dates import get_month_names

from retention.commands.outcomes.sheet import LANGUAGES, Unusable, folded

NOTE: Final = 2_000  # characters
_DAY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")
_NAMED: Final = re.compile(r"(\d{1,2})[ -](\D+?)[ -](\d{4})")
_NUMBER: Final = re.compile(r"-?\d{1,13}(\.\d+)?")
_WRITTEN: Final = re.compile(r"-?\d{1,13}([.,]\d{1,2}|\.\d{4,})?")
_GROUPED: Final = re.compile(r"-?\d{1,3}((,\d{2,3})+\.|(\.\d{2,3})+,)\d{1,2}")
_CURRENCY: Final = re.compile(r"^[A-Za-z]{1,3}\.?\s|\s[A-Za-z]{1,3}\.?$")
_FOURTH: Final = Decimal("0.0001")
_OVERRIDES: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Wrong(Exception):  # noqa: N818  (it is the row that is wrong)
    """Why a cell is not taken: the rule, what to do about it, and in which column it stands."""

    def __init__(self, rule: str, todo: str, column: str = "") -> None:
        super().__init__(rule)
        self.rule, self.todo, self.column = rule, todo, column


def text(value: object, *, lines: bool = False) -> str | None:
    """A cell as text, None where blank. A whole number is written without decimals."""
    if isinstance(value, Unusable):
        raise Wrong(value.rule, "type the value itself")
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    found = str(value).replace("\r\n", "\n")
    allowed = "\n\t" if lines else ""
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in allowed for one in found):
        raise Wrong("control_character", "type the cell anew")
    return found


def choice(value: object, choices: Mapping[str, str]) -> str | None:
    """The message that a cell means, of those that `choices` (folded: message) offers."""
    found = text(value)
    if found is None:
        return None
    if isinstance(value, bool) or folded(found) not in choices:
        offered = dict.fromkeys(choices.values())
        raise Wrong("not_a_choice", f"choose one of: {', '.join(offered)}")
    return choices[folded(found)]


def day(value: object, first: dt.date, last: dt.date) -> dt.date | None:
    """The day of a cell: a spreadsheet's date, or text as 2026-11-22 or 22 Nov 2026; in range."""
    found = value if isinstance(value, dt.date) else _day(text(value))
    if found and found < first:
        raise Wrong("before_list", f"the list is of {first}; correct the day")
    if found and found > last:
        raise Wrong("in_future", f"later than {last}, when it was entered; correct the day")
    return found


def _day(written: str | None) -> dt.date | None:
    if written is None:
        return None
    plain = _digits(written)
    match, named = _DAY.fullmatch(plain), _NAMED.fullmatch(plain)
    try:
        if named:
            return dt.date(int(named[3]), _months().get(folded(named[2]), 0), int(named[1]))
        return dt.date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise Wrong("not_a_date", "write it as 2026-11-22: 03/04 may be March or April") from None


@cache
def _months() -> dict[str, int]:
    """The names of the months in every language, folded: a workbook shows days with them."""
    return {
        folded(name): month
        for code in LANGUAGES
        for width in ("wide", "abbreviated")
        for month, name in get_month_names(width, locale=code).items()
    }


def money(value: object) -> Decimal | None:
    """The amount of a cell, to four decimals: a number, or text as 1250.00, 1250,00, $1,250.00.

    In text three figures after the only point or comma may be thousands, so they are refused.
    """
    found = text(value)
    if found is None:
        return None
    written = _ungrouped(_digits(found)) if isinstance(value, str) else found
    form = _WRITTEN if isinstance(value, str) else _NUMBER
    if isinstance(value, bool | dt.date) or not form.fullmatch(written):
        raise Wrong("not_a_number", "write a plain number, as 1250.00")
    amount = Decimal(written.replace(",", ".")).quantize(_FOURTH, ROUND_HALF_UP)
    if amount < 0:
        raise Wrong("negative", "write what the offer cost, 0 or more")
    return abs(amount)


def _ungrouped(written: str) -> str:
    """An amount without its currency, and without the separators of thousands."""
    bare = "".join(one for one in written if unicodedata.category(one) != "Sc")
    bare = _CURRENCY.sub("", bare).strip()
    if not _GROUPED.fullmatch(bare):
        return bare
    return re.sub("[,.](?=.*[,.])", "", bare)


def note(value: object) -> str | None:
    """Free text, without what turns its direction round; at most NOTE characters."""
    found = _OVERRIDES.sub("", text(value, lines=True) or "").strip()
    if len(found) > NOTE:
        raise Wrong("too_long", f"shorten it to {NOTE:,} characters")
    return found or None


def _digits(written: str) -> str:
    """The same with the digits of every script as 0 to 9."""
    shown = [str(unicodedata.decimal(one, one)) for one in written if folded(one) or one == " "]
    return "".join(shown).strip()
