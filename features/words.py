"""How a feature's number is said to staff: formats for the templates in `words`.

`{days_since_purchase:days}` gives "26 days", `{orders_change_30d:fewer}` "4 fewer than",
`{spend_30d:money}` "$112", `{discount_30d:percent}` "45 %", `{orders_30d:n}` "3",
`{contacts_expected:about}` "1.6", and of a share of weeks `{active_weeks_56d:of 8}` "2 of the last
8 weeks".
"""

import math
from collections.abc import Mapping, Sequence
from string import Formatter

_SMALL = 10  # below it `about` tells a decimal
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
        if 0 < self.value < 1:
            return _plural(60 * self.value, "minute")
        return _plural(self.value, "hour")

    def times(self) -> str:
        return _plural(self.value, "time")

    def contacts(self) -> str:
        return _plural(self.value, "contact")

    def orders(self) -> str:
        return _plural(self.value, "purchase")

    def fewer(self) -> str:
        count = abs(round(self.value))
        return f"{count:,} {'fewer' if self.value < 0 else 'more'} than" if count else "as many as"

    def about(self) -> str:
        small = abs(self.value) < _SMALL and round(self.value, 1) != round(self.value)
        return f"{self.value:.1f}" if small else self.n()

    def percent(self) -> str:
        tiny = 0.0005 <= self.value < 0.005
        return f"{100 * self.value:.1f} %" if tiny else f"{round(100 * self.value)} %"

    def yes(self) -> str:
        return "yes" if self.value else "no"

    def points(self) -> str:
        count = abs(round(100 * self.value))
        word = "lower" if self.value < 0 else "higher"
        return f"{_plural(count, 'point')} {word} than" if count else "as high as"

    def money(self) -> str:
        digits = 0 if round(self.value) or not round(self.value, 2) else 2
        sign = "-" if round(self.value, digits) < 0 else ""
        symbol = _SIGNS.get(self.currency, self.currency + " ")
        return f"{sign}{symbol}{abs(self.value):,.{digits}f}"

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
    "contacts": _Said.contacts,
    "about": _Said.about,
    "orders": _Said.orders,
    "fewer": _Said.fewer,
    "percent": _Said.percent,
    "points": _Said.points,
    "yes": _Said.yes,
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
