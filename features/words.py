"""How a feature's number is said to staff: formats for the templates in `words`.

`{days_since_purchase:days}` gives "26 days", `{orders_change_30d:fewer}` "4 fewer than",
`{spend_30d:money}` "$112", `{discount_30d:percent}` "45 %", `{orders_30d:n}` "3", and of a share
of weeks `{active_weeks_56d:of 8}` "2 of the last 8 weeks".
"""

import math
from collections.abc import Mapping, Sequence
from string import Formatter

_SIGNS = {"USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "INR": "₹", "BDT": "৳"}


class _Said:
    def __init__(self, value: float, currency: str) -> None:
        self.value, self.currency = value, currency

    def __format__(self, spec: str) -> str:
        if spec.startswith("of "):
            weeks = int(spec.removeprefix("of "))
            return f"{round(self.value * weeks)} of the last {weeks} weeks"
        return _FORMATS[spec](self)

    def n(self) -> str:
        return f"{_whole(self.value):,}"

    def days(self) -> str:
        return _plural(self.value, "day")

    def hours(self) -> str:
        return _plural(self.value, "hour")

    def times(self) -> str:
        return _plural(self.value, "time")

    def orders(self) -> str:
        return _plural(self.value, "purchase")

    def fewer(self) -> str:
        count = abs(round(self.value))
        return f"{count:,} {'fewer' if self.value < 0 else 'more'} than" if count else "as many as"

    def percent(self) -> str:
        return f"{round(100 * self.value)} %"

    def points(self) -> str:
        count = abs(round(100 * self.value))
        return f"{_plural(count, 'point')} {'lower' if self.value < 0 else 'higher'}"

    def money(self) -> str:
        sign = "-" if round(self.value) < 0 else ""
        return f"{sign}{_SIGNS.get(self.currency, self.currency + ' ')}{abs(self.value):,.0f}"

    def less(self) -> str:
        if not round(self.value):
            return "as much as"
        word = "less" if self.value < 0 else "more"
        return f"{_Said(abs(self.value), self.currency).money()} {word} than"


_FORMATS = {
    "n": _Said.n,
    "days": _Said.days,
    "hours": _Said.hours,
    "times": _Said.times,
    "orders": _Said.orders,
    "fewer": _Said.fewer,
    "percent": _Said.percent,
    "points": _Said.points,
    "money": _Said.money,
    "less": _Said.less,
}


def _whole(value: float) -> int:
    """Rounded, halves up, as the list rounds them."""
    return math.floor(value + 0.5)


def _plural(value: float, noun: str) -> str:
    whole = _whole(value)
    return f"{whole:,} {noun}{'' if whole == 1 else 's'}"


def say(templates: Sequence[str], row: Mapping[str, float | None], currency: str) -> str | None:
    """The first template of which a customer's numbers are all known, with them; None if none.

    `row` maps feature names to values.
    """
    known = {
        name: _Said(value, currency)
        for name, value in row.items()
        if isinstance(value, (int, float)) and math.isfinite(value)
    }
    for template in templates:
        if all(name in known for _, name, _, _ in Formatter().parse(template) if name):
            return template.format_map(known)
    return None
