"""The words of what passed: topics, channels, causes, days and money as staff say them.

A company's own code, which no table knows, is said with spaces for its underscores.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from retention.core import point_in_time
from retention.core.events import MONEY_UNITS
from retention.i18n.language import Language, marked

TOPICS: Final = {
    "complaint": marked("complained"),
    "question": marked("asked a question"),
    "suggestion": marked("made a suggestion"),
    "technical_request": marked("asked for technical help"),
    "billing": marked("queried a bill"),
    "information": marked("asked for information"),
    "praise": marked("praised us"),
}
"""What a customer did who got in touch, by the topic of the contact."""

CHANNELS: Final = {
    "phone": marked("by phone"),
    "email": marked("by e-mail"),
    "office": marked("in the office"),
    "web": marked("on the web"),
    "portal": marked("through the portal"),
    "app": marked("in the app"),
    "store": marked("in the shop"),
    "chat": marked("by chat"),
}

CAUSES: Final = {
    "late": marked("late delivery"),
    "overcharged": marked("billed above the agreed price"),
    "not_right_first_time": marked("not right the first time"),
    "not_addressed": marked("concern not addressed"),
    "unprofessional": marked("unprofessional service"),
    "impersonal": marked("treated as a number"),
    "poor_result": marked("poor result"),
    "treated_badly": marked("treated badly"),
    "price_rise": marked("price rise"),
    "payment_failed": marked("payment refused"),
}

_HOUR, _DAY = 60, 24 * 60


def plain(code: str) -> str:
    """A code as words."""
    return code.replace("_", " ").strip()


@dataclass(frozen=True)
class Told:
    """How things are said in a language and a currency, at a snapshot (a day number)."""

    language: Language
    currency: str
    snapshot: int

    def topic(self, topic: str | None) -> str:
        if topic is None:
            return self.language.gettext("got in touch")
        if topic in TOPICS:
            return self.language.gettext(TOPICS[topic])
        return self.language.gettext("got in touch about: {topic}", topic=plain(topic))

    def by(self, said: str, channel: str | None) -> str:
        """What was done, and through which channel, where that is known."""
        if channel is None:
            return said
        known = channel in CHANNELS
        how = self.language.gettext(CHANNELS[channel]) if known else plain(channel)
        return self.language.gettext("{what}, {how}", what=said, how=how)

    def because(self, said: str, cause: str | None) -> str:
        """What happened, and its cause in words, where that is known."""
        if cause is None:
            return said
        return self.language.gettext("{what}, cause: {cause}", what=said, cause=self.cause(cause))

    def cause(self, cause: str) -> str:
        return self.language.gettext(CAUSES[cause]) if cause in CAUSES else plain(cause)

    def day(self, age: float) -> str:
        """The date so many days before the snapshot."""
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

    def percent(self, share: float) -> str:
        """Whole, or with a decimal where it is small and not whole."""
        fine = share < 0.1 and round(share, 2) != round(share, 3)
        return self.language.percent(share, int(fine))

    def above(self, units: float, share: float | None) -> str:
        """By how much a bill was too high: 12% (£5.04), or £5.04 where nothing was agreed."""
        if share is None:
            return self.money(units)
        return self.language.gettext(
            "{what} ({detail})", what=self.percent(share), detail=self.money(units)
        )

    def detailed(self, said: str, code: str | None) -> str:
        """What happened, and the company's own word for what it was, where there is one."""
        if code is None:
            return said
        return self.language.gettext("{what} ({detail})", what=said, detail=plain(code))

    def rating(self, rating: float) -> str:
        """A rating of 0..1 as one of five."""
        stars = round(1 + 4 * rating, 1)
        shown = self.language.number(stars, 0 if stars.is_integer() else 1)
        return self.language.gettext("{stars} of 5", stars=shown)

    def answer(self, rating: float | None, solved: float | None, person: float | None) -> str:
        """What a customer said in a survey."""
        said = []
        if rating is not None:
            said.append(self.language.gettext("rated us {stars}", stars=self.rating(rating)))
        if person is not None:
            stars = self.rating(person)
            said.append(self.language.gettext("rated the person who served {stars}", stars=stars))
        if solved is not None:
            solved_it = self.language.gettext("said it was solved")
            not_solved = self.language.gettext("said it was not solved")
            said.append(solved_it if solved else not_solved)
        return self.language.listed(said) if said else self.language.gettext("answered a survey")


@cache
def _date(language: Language, day: int) -> str:
    return language.date(point_in_time.date_of(day), short=True)


@cache
def _days(language: Language, count: int) -> str:
    return language.ngettext("{n} day", "{n} days", count)


@cache
def _money(language: Language, currency: str, units: int) -> str:
    return language.money(units / MONEY_UNITS, currency)
