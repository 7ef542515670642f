"""Topics, channels, causes, days and money in the words that staff use.

A company's own code, which no table here has, is written with spaces for its underscores.
"""

import datetime as dt
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from retention.core import point_in_time
from retention.core.events import MONEY_UNITS
from retention.i18n.language import Language, gettext_noop

TOPICS: Final = {
    "complaint": gettext_noop("complained"),
    "question": gettext_noop("asked a question"),
    "suggestion": gettext_noop("made a suggestion"),
    "technical_request": gettext_noop("asked for technical help"),
    "billing": gettext_noop("queried a bill"),
    "information": gettext_noop("asked for information"),
    "praise": gettext_noop("praised us"),
}
"""What the customer did, by the topic of the contact."""

CHANNELS: Final = {
    "phone": gettext_noop("by phone"),
    "email": gettext_noop("by e-mail"),
    "office": gettext_noop("in the office"),
    "web": gettext_noop("on the web"),
    "portal": gettext_noop("through the portal"),
    "app": gettext_noop("in the app"),
    "store": gettext_noop("in the shop"),
    "chat": gettext_noop("by chat"),
}

CAUSES: Final = {
    "late": gettext_noop("late delivery"),
    "overcharged": gettext_noop("billed above the agreed price"),
    "not_right_first_time": gettext_noop("not right the first time"),
    "not_addressed": gettext_noop("concern not addressed"),
    "unprofessional": gettext_noop("unprofessional service"),
    "impersonal": gettext_noop("treated as a number"),
    "poor_result": gettext_noop("poor result"),
    "treated_badly": gettext_noop("treated badly"),
    "price_rise": gettext_noop("price rise"),
    "payment_failed": gettext_noop("payment refused"),
}

_HOUR, _DAY = 60, 24 * 60


def plain(code: str) -> str:
    """A code as words."""
    return code.replace("_", " ").strip()


@dataclass(frozen=True)
class Wording:
    """Words in a language, with dates relative to a snapshot."""

    language: Language
    currency: str  # ISO code
    snapshot: int  # day number
    named: set[dt.date] = field(default_factory=set, compare=False)  # the dates that were written

    def topic(self, topic: str | None) -> str:
        if topic is None:
            return self.language.gettext("got in touch")
        if topic in TOPICS:
            return self.language.gettext(TOPICS[topic])
        return self.language.gettext("got in touch about: {topic}", topic=plain(topic))

    def with_channel(self, text: str, channel: str | None) -> str:
        """A text with the channel, where that is known."""
        if channel is None:
            return text
        is_known = channel in CHANNELS
        how = self.language.gettext(CHANNELS[channel]) if is_known else plain(channel)
        return self.language.gettext("{what}, {how}", what=text, how=how)

    def with_cause(self, text: str, cause: str | None) -> str:
        """A text with the cause in words, where that is known."""
        if cause is None:
            return text
        return self.language.gettext("{what}, cause: {cause}", what=text, cause=self.cause(cause))

    def cause(self, cause: str) -> str:
        return self.language.gettext(CAUSES[cause]) if cause in CAUSES else plain(cause)

    def day(self, age: float) -> str:
        """The date so many days before the snapshot."""
        self.named.add(point_in_time.date_of(self.snapshot - int(age)))
        return _date(self.language, self.snapshot - int(age))

    def days(self, count: float) -> str:
        return _days(self.language, int(count))

    def wait(self, minutes: float) -> str:
        """In hours up to two days, then in days."""
        if minutes < 2 * _DAY:
            return self.language.ngettext("{n} hour", "{n} hours", round(minutes / _HOUR))
        return self.days(minutes // _DAY)

    def money(self, units: float) -> str:
        return _money(self.language, self.currency, int(units))

    def percent(self, ratio: float) -> str:
        """Whole, or with a decimal where it is small and not whole."""
        fine = ratio < 0.1 and round(ratio, 2) != round(ratio, 3)
        return self.language.percent(ratio, int(fine))

    def above(self, units: float, ratio: float | None) -> str:
        """By how much a bill was too high: 12% (£5.04), or £5.04 where nothing was agreed."""
        if ratio is None:
            return self.money(units)
        return self.language.gettext(
            "{what} ({detail})", what=self.percent(ratio), detail=self.money(units)
        )

    def with_detail(self, text: str, code: str | None) -> str:
        """A text with the company's own word for it, where there is one."""
        if code is None:
            return text
        return self.language.gettext("{what} ({detail})", what=text, detail=plain(code))

    def with_thing(self, text: str, case: str | None, order: str | None, is_bill: bool) -> str:
        """A text with the number of the case, order or bill that it is about, where it has one."""
        if case is not None:
            thing = self.language.gettext("case {id}", id=case)
        elif order is not None and is_bill:
            thing = self.language.gettext("bill {id}", id=order)
        elif order is not None:
            thing = self.language.gettext("order {id}", id=order)
        else:
            return text
        return self.language.gettext("{what} ({detail})", what=text, detail=thing)

    def with_turn(self, text: str, turn: str | None) -> str:
        """A text that says whose turn it is, where it is somebody's."""
        if turn is None:
            return text
        if turn == "ours":
            return self.language.gettext("{what}: our turn", what=text)
        return self.language.gettext("{what}: their turn", what=text)

    def rating(self, rating: float) -> str:
        """A rating of 0..1 as one of five."""
        stars = round(1 + 4 * rating, 1)
        shown = self.language.number(stars, 0 if stars.is_integer() else 1)
        return self.language.gettext("{stars} of 5", stars=shown)

    def answer(self, rating: float | None, solved: float | None, person: float | None) -> str:
        """What a customer answered in a survey."""
        parts = []
        if rating is not None:
            parts.append(self.language.gettext("rated us {stars}", stars=self.rating(rating)))
        if person is not None:
            stars = self.rating(person)
            parts.append(self.language.gettext("rated the person who served {stars}", stars=stars))
        if solved is not None:
            solved_it = self.language.gettext("said it was solved")
            not_solved = self.language.gettext("said it was not solved")
            parts.append(solved_it if solved else not_solved)
        return self.language.join(parts) if parts else self.language.gettext("answered a survey")


@cache
def _date(language: Language, day: int) -> str:
    return language.date(point_in_time.date_of(day), short=True)


@cache
def _days(language: Language, count: int) -> str:
    return language.ngettext("{n} day", "{n} days", count)


@cache
def _money(language: Language, currency: str, units: int) -> str:
    return language.money(units / MONEY_UNITS, currency)
