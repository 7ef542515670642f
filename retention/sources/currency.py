"""Amounts in several currencies: SQL that converts them into the company's, or finds no rate."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from babel.numbers import get_currency_precision

from retention.sources.reader import literal

_NAMES: Final = ("currency", "currency_code", "ccy")
"""Lower-case names of a column that states the currency of a row."""

Rates = Mapping[str, float]
"""Units of the company's currency per unit of each currency, its own included."""


def currency_column(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The file's column that states the currency; None when a mapping reads it already."""
    return next((name for name in names if name.lower() in _NAMES and name not in wanted), None)


def code_sql(text: str, own: str) -> str:
    """SQL of a currency code as `Rates` writes it; a blank one is the company's own.

    Shops write the currency of an order on its first line only.
    """
    return f"coalesce(nullif(upper(trim(({text})::varchar)), ''), {literal(own)})"


def converted_sql(money: str, currency: str, rates: Rates) -> str:
    """SQL of an amount in the company's currency, to four places; null where there is no rate.

    Also null where the product is too large. A rate keeps all its digits: currencies of small units
    have rates as 0.0000312345678, and amounts to match. The engine multiplies two decimals of 18
    digits within 18; within 38 no amount is too large.
    """
    amount = f"({money})::decimal(38, 4)"
    cases = " ".join(
        f"when {literal(code)} then try_cast({amount} * {_rate_sql(rate)} as decimal(18, 4))"
        for code, rate in rates.items()
    )
    return f"case {currency} {cases} end"


def from_cents_sql(money: str, currency: str | None, rates: Rates, own: str) -> str:
    """SQL of an amount that is written in the smallest unit of its currency, as 1999 for 19.99.

    A yen has no smaller unit, and 1,000 fils are a dinar. currency: SQL of the code; None: `own`.
    """

    def whole(code: str) -> str:
        unit = _rate_sql(10.0 ** -get_currency_precision(code))
        return f"try_cast(({money})::decimal(38, 4) * {unit} as decimal(18, 4))"

    if currency is None:
        return whole(own)
    cases = " ".join(f"when {literal(code)} then {whole(code)}" for code in rates)
    return f"case {currency} {cases} end"


def _rate_sql(rate: float) -> str:
    """A rate as an exact decimal with all the digits that params.yaml states."""
    text = f"{Decimal(repr(rate)):f}"
    n_decimals = len(text.partition(".")[2])
    return f"{text}::decimal({max(18, n_decimals)}, {n_decimals})"


def unknown_sql(currency: str, rates: Rates) -> str:
    """SQL of whether a currency has no rate."""
    return f"{currency} not in ({', '.join(map(literal, rates))})"
