"""Amounts in several currencies: SQL that converts them into the company's, or finds no rate."""

from collections.abc import Mapping, Sequence
from typing import Final

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

    Also null where the product is too large. The engine multiplies two decimals of 18 digits within
    18, which ten places of the rate leave room for 10,000; within 38 no amount is too large.
    """
    cases = " ".join(
        f"when {literal(code)} then {rate:.10f}::decimal(18, 10)" for code, rate in rates.items()
    )
    return f"try_cast(({money})::decimal(38, 4) * case {currency} {cases} end as decimal(18, 4))"


def unknown_sql(currency: str, rates: Rates) -> str:
    """SQL of whether a currency has no rate."""
    return f"{currency} not in ({', '.join(map(literal, rates))})"
