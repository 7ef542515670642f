"""The at-risk list as people read it: its columns, its words, and all that every format shares."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

_TEXT, _NUMBER = pa.string(), pa.float64()

COLUMNS: Final[dict[str, tuple[pa.DataType, str]]] = {
    "rank": (pa.int32(), "Rank"),
    "customer_id": (_TEXT, "Customer"),
    "name": (_TEXT, "Name"),
    "risk": (_TEXT, "Risk"),
    "churn_probability": (_NUMBER, "Chance of leaving"),
    "value_at_stake": (_NUMBER, "Value at stake"),
    "expected_value": (_NUMBER, "Expected value"),
    "value_low": (_NUMBER, "Value, low"),
    "value_high": (_NUMBER, "Value, high"),
    "last_purchase_on": (pa.date32(), "Last purchase"),
    "days_since_purchase": (_NUMBER, "Days since"),
    "usual_gap_days": (_NUMBER, "Usual gap (days)"),
    "silent_since": (_TEXT, "Silent for"),
    "reason_1": (_TEXT, "First reason"),
    "reason_2": (_TEXT, "Second reason"),
    "reason_3": (_TEXT, "Third reason"),
    "preferred_channel": (_TEXT, "Prefers"),
    "owner": (_TEXT, "Owner"),
    "email": (_TEXT, "E-mail"),
    "phone": (_TEXT, "Phone"),
}
"""Every column of the list in order: its type, and its heading where people read it."""

ROWS: Final = pa.schema([(name, kind) for name, (kind, _) in COLUMNS.items()])
"""One row a listed customer, key customer_id. Money in the account currency, chances 0..1."""

HEADINGS: Final = {name: heading for name, (_, heading) in COLUMNS.items()}
MONEY: Final = ("value_at_stake", "expected_value", "value_low", "value_high")
DAYS: Final = ("days_since_purchase", "usual_gap_days")
REASONS: Final = ("reason_1", "reason_2", "reason_3")
CONTACT: Final = ("name", "preferred_channel", "owner", "email", "phone")

RISKS: Final = ((0.60, "very high"), (0.30, "high"), (0.15, "raised"), (0.0, "low"))
"""The risk word is that of the first chance of leaving which is reached."""

OUTCOMES: Final = {
    "listed": "on this list",
    "opted_out": "asked not to be contacted",
    "held_out": "held out at random, for comparison",
    "no_loss": "nothing to lose by their leaving",
    "below_capacity": "below what staff can handle",
}
"""What became of every watched customer; the counts of these add up to `watched`."""

_SYMBOLS: Final = {
    "AUD": "A$", "BRL": "R$", "CAD": "C$", "CNY": "CN¥", "EUR": "€", "GBP": "£", "ILS": "₪",
    "INR": "₹", "JPY": "¥", "KRW": "₩", "NGN": "₦", "NZD": "NZ$", "TRY": "₺", "UAH": "₴",
    "USD": "$", "VND": "₫",
}  # fmt: skip
_WHOLE_UNITS: Final = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"})


@dataclass(frozen=True)
class Listing:
    """One list, ready to be written in any format.

    `rows` has the schema ROWS, in rank order; `counts` has `watched` and the keys of OUTCOMES.
    `leaving` completes "customers who ..."; `definition` says what counts as having left;
    `notes` are plain sentences that the reader must see first.
    """

    rows: pa.Table
    company: str
    currency: str
    as_of: dt.date
    counts: dict[str, int]
    model: str
    definition: str
    leaving: str
    value_days: int
    notes: tuple[str, ...] = ()

    @property
    def at_stake(self) -> float:
        """What the listed customers' leaving would cost in expectation, in the currency."""
        values = self.rows["value_at_stake"].to_pylist()
        return cents(math.fsum(values), self.currency)

    def summary(self) -> dict[str, Any]:
        """All but the rows, as summary.json keeps it; `from_summary` is its inverse."""
        return {
            "as_of": self.as_of.isoformat(),
            "columns": list(COLUMNS),
            "company": self.company,
            "counts": self.counts,
            "currency": self.currency,
            "definition": self.definition,
            "leaving": self.leaving,
            "model": self.model,
            "notes": list(self.notes),
            "value_at_stake": self.at_stake,
            "value_days": self.value_days,
        }

    @classmethod
    def from_summary(cls, summary: dict[str, Any], rows: pa.Table) -> "Listing":
        """The list again, from its summary.json (or a manifest, which holds the same keys)."""
        return cls(
            rows=rows,
            company=summary["company"],
            currency=summary["currency"],
            as_of=dt.date.fromisoformat(summary["as_of"]),
            counts=dict(summary["counts"]),
            model=summary["model"],
            definition=summary["definition"],
            leaving=summary["leaving"],
            value_days=summary["value_days"],
            notes=tuple(summary["notes"]),
        )


def risk_word(probability: float) -> str:
    """The word for a chance of leaving, by RISKS."""
    return next(word for least, word in RISKS if probability >= least)


def minor_digits(currency: str) -> int:
    """Digits after the point in amounts of a currency."""
    return 0 if currency in _WHOLE_UNITS else 2


def cents(amount: float, currency: str) -> float:
    """An amount rounded to the currency's smallest unit; never a negative zero."""
    return round(amount, minor_digits(currency)) + 0.0


def symbol(currency: str) -> str:
    """What stands before an amount: £, or the code and a no-break space where none is common."""
    return _SYMBOLS.get(currency, f"{currency}\u00a0")


def money(amount: float, currency: str, digits: int | None = None) -> str:
    """£1,234.50, with a true minus sign; `digits` after the point, or as the currency has."""
    digits = minor_digits(currency) if digits is None else digits
    rounded = round(amount, digits) + 0.0
    sign = "\u2212" if rounded < 0 else ""
    return f"{sign}{symbol(currency)}{abs(rounded):,.{digits}f}"


def whole(number: float) -> int:
    """The nearest whole number, halves upwards: 2.5 days are read as 3."""
    return math.floor(number + 0.5)


def day(date: dt.date, *, weekday: bool = False, short: bool = False) -> str:
    """22 November 2026, or 22 Nov 2026, in English whatever the machine's locale."""
    month = _MONTHS[date.month - 1]
    text = f"{date.day} {month[:3] if short else month} {date.year}"
    return f"{_WEEKDAYS[date.weekday()]} {text}" if weekday else text


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip


def how_to_read(listing: Listing) -> list[tuple[str, str]]:
    """(term, explanation) pairs in plain words, the same for the page and the workbook."""
    return [
        ("Risk", _risk_words(listing)),
        ("Leaving", listing.definition),
        (
            "Value at stake",
            "What the company would lose, on average, by this customer's leaving: the chance of "
            "leaving times the difference between keeping and losing the customer over the next "
            f"{listing.value_days} days.",
        ),
        (
            "Expected value",
            f"What this customer should bring in the next {listing.value_days} days, the chance "
            "of leaving counted in. Eight times in ten the true figure lies between low and high.",
        ),
        (
            "Order",
            "Most value at stake first; where that is equal, the higher chance of leaving, then "
            "the customer number.",
        ),
        (
            "Held out",
            "A few customers, drawn at random, are left alone on purpose: the comparison shows "
            "what the calls are worth.",
        ),
        ("Model", f"{listing.model}, as of the start of {day(listing.as_of)}."),
    ]


def _risk_words(listing: Listing) -> str:
    words = ", ".join(f"{word} from {least:.0%}" for least, word in RISKS[:-1])
    scale = f"The words: {words}, {RISKS[-1][1]} below."
    if not listing.rows.num_rows:
        return f"How many of 100 such customers {listing.leaving}. {scale}"
    first = listing.rows["churn_probability"][0].as_py()
    return (
        f"Of 100 customers like the first on this list, about {whole(100 * first)} "
        f"{listing.leaving}. {scale}"
    )


def totals(listing: Listing) -> list[tuple[int, str]]:
    """(count, words) of all that became of the watched customers; the counts add up."""
    return [(listing.counts[name], words) for name, words in OUTCOMES.items()]
