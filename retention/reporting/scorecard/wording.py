"""The wording of the scorecard: numbers, intervals, stretches of days, periods."""

from typing import Final

from retention.i18n.language import ENGLISH, minor_digits
from retention.scorecard.report_data import Figure, Period, Unit

NO_DATA: Final = "no data"
_MAX_LENGTH: Final = 80  # characters of a name shown; the CSV has the whole
_LARGE: Final = 1_000.0  # from here pennies only distract
_DECIMALS: Final[dict[Unit, int]] = {
    "share": 1,
    "hours": 1,
    "days": 1,
    "count": 0,
    "per purchase": 2,
    "per 100 customers": 1,
}


def number(value: float | None, unit: Unit, currency: str, largest: float = 0.0) -> str:
    """93.4%, 3.2, 1,204 or £12.30: a value as people read it, without the unit's words.

    An amount has as many digits as one of size `largest` would have.
    """
    if value is None:
        return NO_DATA
    if unit == "money":
        large = max(abs(value), abs(largest)) >= _LARGE
        return ENGLISH.money(value, currency, 0 if large else minor_digits(currency))
    scaled = 100 * value if unit == "share" else value
    return plain(scaled, _DECIMALS[unit]) + ("%" if unit == "share" else "")


def plain(value: float, digits: int) -> str:
    """1,234.5 with a true minus sign and never a negative zero."""
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "\u2212")


def signed(value: float) -> str:
    """+4, 0, or a true minus and 4: a difference."""
    return ("+" if round(value) > 0 else "") + plain(value, 0)


def interval(figure: Figure, unit: Unit, currency: str) -> str:
    """'91.0% to 95.2%', or nothing where the interval is unknown."""
    if figure.value is None or figure.low is None or figure.high is None:
        return ""
    largest = max(abs(figure.low), abs(figure.high))
    low, high = (number(end, unit, currency, largest) for end in (figure.low, figure.high))
    return f"{low} to {high}"


def period(days: Period) -> str:
    """'1 Jul 2026 to 30 Sep 2026'."""
    return f"{ENGLISH.date(days.start, short=True)} to {ENGLISH.date(days.end, short=True)}"


def stretch(from_day: int, to_day: int | None) -> str:
    """'day 30 to 90', or 'from day 365'."""
    return f"from day {from_day}" if to_day is None else f"day {from_day} to {to_day}"


def months(value: float) -> str:
    """'7 months', '1 month', '7.5 months'."""
    words = plain(value, 0 if value == round(value) else 1)
    return f"{words} {'month' if words == '1' else 'months'}"


def cut(text: str, max_length: int = _MAX_LENGTH) -> str:
    """A text short enough to read in a row."""
    return text if len(text) <= max_length else text[: max_length - 1] + "…"
