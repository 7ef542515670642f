"""The sentences that staff read: formats for the numbers in the templates of `words`.

A template names a feature and a format: `{days_since_purchase:days}` gives "26 days",
`{orders_change_30d:fewer}` "4 fewer than", `{spend_30d:money}` "$112", `{discount_30d:percent}`
"45 %", `{orders_30d:n}` "3", `{contacts_expected:about}` "1.6", and `{active_weeks_56d:of 8}`, of a
share of weeks, "2 of the last 8 weeks". A new format is a method of `_Number` and a line of
`_FORMATS`. In other languages both templates and formats come from the catalogue.
"""

import math
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Final

from retention.core.feature_table import OWN_MARK
from retention.i18n.language import ENGLISH, Language

_SMALL = 10  # below it `about` shows a decimal


class _Number:
    """A value that formats itself as a template asks."""

    def __init__(self, value: float, currency: str, language: Language) -> None:
        self.value, self.currency, self.language = value, currency, language

    def __format__(self, spec: str) -> str:
        if spec.startswith("of "):
            return self.of_weeks(int(spec.removeprefix("of ")))
        return _FORMATS[spec](self)

    def of_weeks(self, weeks: int) -> str:
        return self.language.gettext(
            "{n} of the last {weeks} weeks", n=round(self.value * weeks), weeks=weeks
        )

    def n(self) -> str:
        return self.language.number(self.value)

    def days(self) -> str:
        return self.language.ngettext("{n} day", "{n} days", _whole(self.value))

    def hours(self) -> str:
        if 0 < self.value < 1:
            return self.language.ngettext("{n} minute", "{n} minutes", _whole(60 * self.value))
        return self.language.ngettext("{n} hour", "{n} hours", _whole(self.value))

    def times(self) -> str:
        return self.language.ngettext("{n} time", "{n} times", _whole(self.value))

    def contacts(self) -> str:
        return self.language.ngettext("{n} contact", "{n} contacts", _whole(self.value))

    def orders(self) -> str:
        return self.language.ngettext("{n} purchase", "{n} purchases", _whole(self.value))

    def fewer(self) -> str:
        count = abs(round(self.value))
        if not count:
            return self.language.gettext("as many as")
        if self.value < 0:
            return self.language.gettext("{n} fewer than", n=count)
        return self.language.gettext("{n} more than", n=count)

    def about(self) -> str:
        small = abs(self.value) < _SMALL and round(self.value, 1) != round(self.value)
        return self.language.number(self.value, 1) if small else self.n()

    def percent(self) -> str:
        tiny = 0.0005 <= self.value < 0.005
        return self.language.gettext("{n} %", n=self.language.number(100 * self.value, int(tiny)))

    def yes(self) -> str:
        return self.language.gettext("yes") if self.value else self.language.gettext("no")

    def points(self) -> str:
        count = abs(round(100 * self.value))
        if not count:
            return self.language.gettext("as high as")
        if self.value < 0:
            return self.language.ngettext("{n} point lower than", "{n} points lower than", count)
        return self.language.ngettext("{n} point higher than", "{n} points higher than", count)

    def money(self) -> str:
        digits = 0 if round(self.value) or not round(self.value, 2) else 2
        return self.language.money(self.value, self.currency, digits)

    def less(self) -> str:
        if not round(self.value):
            return self.language.gettext("as much as")
        amount = _Number(abs(self.value), self.currency, self.language).money()
        if self.value < 0:
            return self.language.gettext("{amount} less than", amount=amount)
        return self.language.gettext("{amount} more than", amount=amount)


_FORMATS = {
    "n": _Number.n,
    "days": _Number.days,
    "hours": _Number.hours,
    "times": _Number.times,
    "contacts": _Number.contacts,
    "about": _Number.about,
    "orders": _Number.orders,
    "fewer": _Number.fewer,
    "percent": _Number.percent,
    "points": _Number.points,
    "yes": _Number.yes,
    "money": _Number.money,
    "less": _Number.less,
}


def _whole(value: float) -> int:
    """Rounded, halves up, as the list rounds them."""
    return math.floor(value + 0.5)


OWN: Final = f"own{OWN_MARK}"
"""Begins the names of a company's own kind in its templates; `{subject}` is the kind in words."""


def for_subject(words: str, subject: str | None, language: Language = ENGLISH) -> str:
    """A template with the name of a company's own kind, and of that kind's columns."""
    if subject is None:
        return words
    kind = f"{subject.replace(' ', '_')}{OWN_MARK}"
    return words.replace("{subject}", language.isolated(subject)).replace(OWN, kind)


def for_window(words: str, window: int | None, language: Language = ENGLISH) -> str:
    """A template with the length of its window and the names of that window's columns."""
    if window is None:
        return words
    filled = words.replace("{days}", language.number(window)).replace("{weeks}", str(window // 7))
    return filled.replace("_Nd", f"_{window}d")


def feature_names(template: str) -> list[str]:
    """The features whose numbers a template, filled for a window, contains."""
    return [name for _, name, _, _ in Formatter().parse(template) if name]


def render(
    words: Sequence[str],
    row: Mapping[str, float | None],
    currency: str,
    language: Language = ENGLISH,
    window: int | None = None,
    subject: str | None = None,
) -> str | None:
    """The first template whose numbers are all known for a customer, filled in; None if none is.

    `words`, `window` and `subject` are a feature's; `row` maps feature names to values.
    """
    for template in words:
        of_kind = for_subject(language.gettext(template), subject, language)
        text = for_window(of_kind, window, language)
        values = {name: row.get(name) for name in feature_names(text)}
        numbers = {
            name: _Number(value, currency, language)
            for name, value in values.items()
            if isinstance(value, (int, float)) and math.isfinite(value)
        }
        if len(numbers) == len(values):
            return text.format_map(numbers)
    return None
