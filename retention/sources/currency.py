"""Money in several currencies, as SQL: turned into the company's by a table, or a reject."""

from collections.abc import Mapping, Sequence
from typing import Final

from retention.sources.reader import literal

_NAMES: Final = ("currency", "currency_code", "ccy")
"""What a column that says a row's currency is called, in small letters."""

Rates = Mapping[str, float]
"""What one unit of each currency is worth in the company's own, which is among them."""


def currency_column(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The file's column that says the currency, unless a mapping reads it and so takes care."""
    return next((name for name in names if name.lower() in _NAMES and name not in wanted), None)


def code_sql(text: str) -> str:
    return f"upper(trim(({text})::varchar))"


def converted_sql(money: str, currency: str, rates: Rates) -> str:
    """Money in the company's currency, to four places; null where there is no rate."""
    cases = " ".join(
        f"when {literal(currency_)} then {_rate(rate)}" for currency_, rate in rates.items()
    )
    return f"try_cast({money} * case {currency} {cases} end as decimal(18, 4))"


def _rate(rate: float) -> str:
    return f"{rate:.10f}::decimal(18, 10)"


def unknown_sql(currency: str, rates: Rates) -> str:
    """Whether a currency is blank, or one without a rate."""
    return f"({currency} is null or {currency} not in ({', '.join(map(literal, rates))}))"
