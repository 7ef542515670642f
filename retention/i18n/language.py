"""The languages of what staff read: texts from gettext catalogues, numbers and dates by Babel."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, cached_property
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, get_currency_precision, get_currency_symbol

TRANSLATED: Final = ("ur", "bn")
"""The languages besides English, in which the sources are written."""

_ISOLATE, _OWN_ISOLATE, _END = "\u2068", "\u2067", "\u2069"
"""Isolates by the first strong letter, and from right to left, and their end (Unicode, annex 9)."""
_CATALOGUES: Final = Path(__file__).with_name("locale")
_SYMBOLS: Final = {
    "AUD": "A$",
    "BDT": "৳",
    "BRL": "R$",
    "CAD": "C$",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "NGN": "₦",
    "NZD": "NZ$",
    "TRY": "₺",
    "UAH": "₴",
    "USD": "$",
    "VND": "₫",
}
"""In English; the symbols of other languages come from Babel."""

_DIGITS: Final = {"beng": str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")}


def gettext_noop(message: str) -> str:
    """The message itself, marked for extraction: it is translated where it is used."""
    return message


@dataclass(frozen=True)
class Language:
    """Texts, numbers, money and dates in one language; created by `language`."""

    code: str
    _translations: NullTranslations = field(repr=False, compare=False)

    @property
    def direction(self) -> str:
        """ltr or rtl."""
        return self._locale.text_direction

    def gettext(self, message: str, /, **values: object) -> str:
        """The message in this language, or else in English, with values for its `{names}`.

        Integers are written by `number`; every other value is a text.
        """
        text = (
            self._translations.gettext(message) if message else ""
        )  # "" is the catalogue's header
        return text.format(**self._written(values)) if values else text

    def ngettext(self, singular: str, plural: str, n: int, /, **values: object) -> str:
        """The form of a message for n, which it contains as `{n}`."""
        text = self._translations.ngettext(singular, plural, n)
        return text.format(**self._written({"n": n, **values}))

    def _written(self, values: dict[str, object]) -> dict[str, object]:
        return {name: self._value(value) for name, value in values.items()}

    def _value(self, value: object) -> object:
        """In a text from right to left a value keeps its own direction: £5 is not 5£.

        A value that holds isolates is a text of ours: it runs from right to left, even where it
        has no letter of its own to say so.
        """
        if isinstance(value, int):
            return self.number(value)
        return self.isolated(value) if isinstance(value, str) else value

    def isolated(self, text: str) -> str:
        """A text that keeps its own direction within one of this language."""
        if self.direction == "rtl" and text:
            return f"{_OWN_ISOLATE if _END in text else _ISOLATE}{text}{_END}"
        return text

    def name_of(self, code: str) -> str:
        """The name of a language in this one; an unknown code stays as it is."""
        try:
            return Locale.parse(code.replace("-", "_")).get_display_name(self._locale) or code
        except (ValueError, UnknownLocaleError):
            return code

    def number(self, x: float, digits: int = 0) -> str:
        """1,234.5 with `digits` after the point, halves away from zero, a true minus."""
        return self._signed(_rounded(x, digits), digits)

    def percent(self, fraction: float, digits: int = 0) -> str:
        """7% for 0.07."""
        return f"{self._signed(_rounded(fraction, digits + 2).scaleb(2), digits)}%"

    def money(self, amount: float, currency: str, digits: int | None = None) -> str:
        """£1,234.50, with `digits` after the point, or as many as the currency has."""
        digits = minor_digits(currency) if digits is None else digits
        rounded = _rounded(amount, digits)
        number, symbol = self._signed(abs(rounded), digits), self.symbol(currency)
        sign = self._minus if rounded < 0 else ""
        if self._locale.currency_formats["standard"].pattern.startswith("¤"):
            return f"{sign}{symbol}{_gap(symbol[-1])}{number}"
        return f"{sign}{number}{_gap(symbol[0])}{symbol}"

    def symbol(self, currency: str) -> str:
        """£, or the code where no symbol is common."""
        if self.code == "en":
            return _SYMBOLS.get(currency, currency)
        return get_currency_symbol(currency, self._locale)

    def date(self, day: dt.date, *, weekday: bool = False, short: bool = False) -> str:
        """22 November 2026, 22 Nov 2026 or Sunday 22 November 2026; other languages by Babel."""
        form = "full" if weekday else "medium" if short else "long"
        if self.code == "en":
            form = f"{'EEEE ' if weekday else ''}d {'MMM' if short else 'MMMM'} y"
        return self._digits(format_date(day, form, self._locale))

    def join(self, texts: Sequence[str]) -> str:
        """a, b and c."""
        british = self.code == "en"  # no comma before `and`
        return format_list(texts, locale="en_GB" if british else self._locale)

    @cached_property
    def _locale(self) -> Locale:
        return Locale.parse(self.code)

    @property
    def _minus(self) -> str:
        """A true minus, with the mark that keeps it left of its number in any direction."""
        sign: str = self._locale.number_symbols["latn"]["minusSign"]
        return sign.replace("-", "\u2212")

    def _signed(self, rounded: Decimal, digits: int) -> str:
        whole = self._locale.decimal_formats[None].pattern.partition(".")[0]
        form = f"{whole}.{'0' * digits}" if digits else whole
        sign = self._minus if rounded < 0 else ""
        return sign + self._digits(format_decimal(abs(rounded), form, self._locale))

    def _digits(self, text: str) -> str:
        return text.translate(_DIGITS.get(self._locale.default_numbering_system, {}))


def _rounded(x: float, digits: int) -> Decimal:
    """Halves away from zero: 0.125 is 0.13; never a negative zero."""
    return Decimal(str(x)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) + 0


def _gap(beside: str) -> str:
    """A no-break space between an amount and letters."""
    return "\u00a0" if beside.isalpha() else ""


def minor_digits(currency: str) -> int:
    """Digits after the point of a currency."""
    return get_currency_precision(currency)


def path(code: str) -> Path:
    """The catalogue of one of TRANSLATED."""
    return _CATALOGUES / f"{code}.po"


def catalogue(code: str) -> Catalog:
    """The messages of one of TRANSLATED with their translations."""
    with path(code).open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


@cache
def language(code: str) -> Language:
    """English, or one of TRANSLATED; ValueError for any other."""
    if code == "en":
        return Language(code, NullTranslations())
    if code not in TRANSLATED:
        raise ValueError(f"no language {code!r}; there are {', '.join(('en', *TRANSLATED))}")
    compiled = BytesIO()
    write_mo(compiled, catalogue(code))
    compiled.seek(0)
    return Language(code, GNUTranslations(compiled))


ENGLISH: Final = language("en")
