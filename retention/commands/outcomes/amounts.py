"""The reader of an amount of money in a returned worklist.

A workbook holds a number; the CSV saved of it holds what the cell showed: the currency's symbol or
code before or after the number, in the digits and separators of the spreadsheet's own language.
"""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Final

from babel import Locale, localedata
from babel.core import get_global
from babel.numbers import list_currencies

from retention.commands.outcomes.cells import CellError, plain_digits, text
from retention.commands.outcomes.sheet import LANGUAGES, fold_text
from retention.i18n.language import language, minor_digits

_NUMBER: Final = re.compile(r"-?\d{1,13}(\.\d+)?")
_PARTS: Final = re.compile(r"([^0-9]*)([0-9](?:.*[0-9])?)([^0-9]*)", re.DOTALL)
_MINUS: Final = re.compile("[-\u2212\u2013\ufe63\uff0d]")
_POINT, _COMMA, _SPACE, _APOSTROPHE = ".", ",", " ", "'"
_ARABIC_POINT, _ARABIC_COMMA = "\u066b", "\u066c"  # decimal and thousands, never the other
_ONLY_THOUSANDS: Final = (_SPACE, _APOSTROPHE, _ARABIC_COMMA)
_LAKH_SEPARATORS: Final = (_COMMA, _ARABIC_COMMA)
_GROUP: Final = 3  # digits
_FOUR_DECIMALS: Final = Decimal("0.0001")
_COMMON_MARKS: Final = {"INR": ("Rs",), "CHF": ("Fr",)}
"""What people write and Babel does not have."""


def money(value: object, currency: str) -> Decimal | None:
    """The amount of a cell, to four decimals: a number, or text as 1250.00, 1250,00, CHF 1'250.00.

    In text three digits after the only point or comma may be thousands: they are refused, unless
    the currency has no smaller unit. CellError also for the mark of another currency.
    """
    cell_text = text(value)
    if cell_text is None:
        return None
    written = _number_of(cell_text, currency) if isinstance(value, str) else cell_text
    if isinstance(value, bool | dt.date) or not _NUMBER.fullmatch(written):
        raise _not_a_number()
    amount = Decimal(written).quantize(_FOUR_DECIMALS, ROUND_HALF_UP)
    if amount < 0:
        raise CellError("negative", "write what the offer cost, 0 or more")
    return abs(amount)


def _not_a_number() -> CellError:
    return CellError("not_a_number", "write a plain number, as 1250.00")


def _number_of(cell_text: str, currency: str) -> str:
    """The number in a text, with a point and no other separator."""
    parts = _PARTS.fullmatch(plain_digits(cell_text))
    if not parts:
        raise _not_a_number()
    before, number, after = parts.groups()
    is_bracketed = "(" in before and ")" in after
    if is_bracketed:
        before, after = before.replace("(", "", 1), after.replace(")", "", 1)
    is_negative = is_bracketed or bool(_MINUS.search(before + after))
    # A point that touches the number might be its decimal point: only a known mark may end so.
    is_apart = before != before.rstrip()
    _check_mark(_MINUS.sub("", before).strip(), currency, may_have_point=is_apart)
    _check_mark(_MINUS.sub("", after).strip(), currency, may_have_point=True)
    return ("-" if is_negative else "") + _ungrouped(number, minor_digits(currency))


def _check_mark(mark: str, currency: str, *, may_have_point: bool) -> None:
    """CellError for a mark beside the number that is not one of the currency."""
    if not mark:
        return
    names = {_folded(mark)}
    if may_have_point and mark[0].isalpha():
        names.add(_folded(mark.rstrip(".")))
    if names & _marks(currency):
        return
    if names & _marks_of_all():
        raise CellError("other_currency", f"write the amount in {currency}")
    raise _not_a_number()


def _folded(mark: str) -> str:
    return fold_text(mark).replace(" ", "")


@cache
def _marks(currency: str) -> frozenset[str]:
    """The code and the symbols of a currency: of the list's languages and of where it is used."""
    symbols = {currency, *_COMMON_MARKS.get(currency, ())}
    symbols |= {language(code).symbol(currency) for code in LANGUAGES}
    spoken = get_global("territory_languages")
    for territory, currencies in get_global("territory_currencies").items():
        if any(code == currency for code, *_ in currencies):
            names = [f"{code}_{territory}" for code in spoken.get(territory, {})]
            locales = [Locale.parse(name) for name in names if localedata.exists(name)]
            symbols |= {locale.currency_symbols.get(currency, currency) for locale in locales}
    return frozenset(map(_folded, symbols))


@cache
def _marks_of_all() -> frozenset[str]:
    """The codes and symbols of every currency in the list's languages."""
    symbols = {language(code).symbol(name) for code in LANGUAGES for name in list_currencies()}
    return frozenset(map(_folded, symbols | list_currencies()))


def _ungrouped(number: str, digits: int) -> str:
    """A number with a point and no other separator. digits: of the currency, after the point."""
    groups = re.split("[^0-9]", number)
    separators = [
        character.replace("\u2019", _APOSTROPHE) for character in re.findall("[^0-9]", number)
    ]
    if not separators:
        return number
    *others, last = separators
    if len({*others}) > 1 or _ARABIC_POINT in others or "" in groups:
        raise _not_a_number()
    if last in _ONLY_THOUSANDS or last in others or _is_thousand(groups, separators, digits):
        _check_groups(groups, separators)
        return "".join(groups)
    if last not in (_POINT, _COMMA, _ARABIC_POINT):
        raise _not_a_number()
    if not others and last == _COMMA and len(groups[1]) > _GROUP and digits < _GROUP:
        raise _not_a_number()
    _check_groups(groups[:-1], others)
    return f"{''.join(groups[:-1])}.{groups[-1]}"


def _is_thousand(groups: Sequence[str], separators: Sequence[str], digits: int) -> bool:
    """Whether 1,250 is a thousand; CellError where it might be, or might not."""
    whole, *fraction = groups
    if separators[1:] or separators[0] == _ARABIC_POINT or len(fraction[0]) != _GROUP:
        return False
    if whole == "0" or len(whole) > _GROUP:
        return False  # thousands do not begin like this
    if digits:
        raise CellError(
            "ambiguous_number", "a thousand, or a fraction? write it without thousands, as 1250.00"
        )
    return True


def _check_groups(groups: Sequence[str], separators: Sequence[str]) -> None:
    """CellError unless thousands are separated as 1,234,567 or 12,34,567."""
    first, *rest = map(len, groups)
    if not rest:
        return
    lakhs = {2} if separators[0] in _LAKH_SEPARATORS and first < _GROUP else {_GROUP}
    sizes = {*rest[:-1]}
    is_grouped = first <= _GROUP and rest[-1] == _GROUP and (sizes <= {_GROUP} or sizes == lakhs)
    if not is_grouped or groups[0].startswith("0"):
        raise _not_a_number()
