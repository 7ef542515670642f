"""One sentence a family of themes: what changed, by how much, and since when.

A sentence is made from a customer's finished features. Each states a direction, a size and a date;
what is as usual, and what a customer is too new for, has none. What went wrong in service is told
by the issues of `retention.interactions`, which know cases, orders and bills by their numbers.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from retention.i18n.language import Language

SILENT_FROM: Final = 1.5  # usual gaps without a purchase: less is as usual
HABIT_FROM: Final = 4  # purchases of a new customer: fewer show no usual gap
NEW_DAYS: Final = 60  # a customer is new for so long; as features/journey.py counts a beginning
LESS_BY: Final = 0.25  # of the amount before: a smaller fall is as usual
OTHERS_BY: Final = 1.5  # times what most customers do: nearer to it is as usual
WHOLE_STAR: Final = 0.25  # of a rating of 0..1: a smaller fall is as usual
CONTENT: Final = 0.75  # a rating from 4 of 5 on, whatever it was before
FEWER_FROM: Final = 1.0  # standard deviations of a count (Poisson): a smaller fall is chance
RENEWAL_DAYS: Final = 30  # before an anniversary, as the stage of features/journey.py
YEAR: Final = 365
HALF_YEAR: Final = 180


@dataclass
class Facts:
    """A customer's numbers beside those of most customers, and the dates that a sentence names."""

    numbers: Mapping[str, Any]  # by feature; unknown: None or nan
    median: Mapping[Any, float]  # of the cohort, by feature
    as_of: dt.date
    currency: str
    language: Language
    dates: set[dt.date] = field(default_factory=set)

    def __getitem__(self, name: str) -> float | None:
        value = self.numbers.get(name)
        is_known = isinstance(value, (int, float)) and math.isfinite(value)
        return float(value) if is_known else None  # type: ignore[arg-type]

    def usual(self, name: str) -> float | None:
        """The median of the cohort."""
        value = self.median.get(name)
        return float(value) if value is not None and math.isfinite(value) else None

    @property
    def tenure(self) -> float:
        """Days since the customer began; infinite where no beginning is known."""
        names = ("days_since_first_purchase", "contract_age", "tenure")
        known_values = [value for name in names if (value := self[name]) is not None]
        return max(known_values, default=math.inf)

    def windows(self, stem: str, spans: int = 1) -> list[int]:
        """The lengths for which a feature is known, and that the customer was there for."""
        names = [str(name) for name in self.numbers]
        ends = [name.removeprefix(f"{stem}_") for name in names if name.startswith(f"{stem}_")]
        days = [int(end[:-1]) for end in ends if end.endswith("d") and end[:-1].isdigit()]
        return sorted(
            n for n in days if spans * n <= self.tenure and self[f"{stem}_{n}d"] is not None
        )

    def day(self, ago: float) -> str:
        """The date so many days before the snapshot; it counts as named."""
        day = self.as_of - dt.timedelta(days=_whole(ago))
        self.dates.add(day)
        return self.language.date(day, short=True)

    def days(self, number: float) -> str:
        return self.language.ngettext("{n} day", "{n} days", _whole(number))

    def money(self, amount: float) -> str:
        digits = 0 if abs(amount) >= 10 else None
        return self.language.money(amount, self.currency, digits)


def _whole(value: float) -> int:
    return math.floor(value + 0.5)


Sentence = Callable[[Facts], str | None]


# What they buy, and how often


def new_customer(facts: Facts) -> str | None:
    first, last = facts["days_since_first_purchase"], facts["days_since_purchase"]
    gap, usual, _ = facts["median_gap"], facts.usual("median_gap"), facts.language
    if first is None or last is None or facts.tenure > NEW_DAYS:  # a contract may be older
        return None
    if gap is not None:
        orders = facts["orders_total"] or 0
        if last > SILENT_FROM * gap and orders >= HABIT_FROM:
            return _.gettext(
                "new customer since {first}: bought {often} until {day}; nothing for {silence}",
                first=facts.day(first),
                often=_often(facts, gap),
                day=facts.day(last),
                silence=facts.days(last),
            )
        return _.ngettext(
            "new customer since {day}, one purchase so far",
            "new customer since {day}, {n} purchases so far",
            _whole(orders),
            day=facts.day(first),
        )
    if usual is not None and last > SILENT_FROM * usual:
        return _.gettext(
            "new customer: first purchase on {day}, nothing since for {silence}",
            day=facts.day(first),
            silence=facts.days(last),
        )
    return _.gettext("new customer: first purchase on {day}", day=facts.day(first))


def silent(facts: Facts) -> str | None:
    gap, last, first = (
        facts[name] for name in ("median_gap", "days_since_purchase", "days_since_first_purchase")
    )
    usual, _ = facts.usual("median_gap"), facts.language
    if last is None:
        return None
    if gap is None and (usual is None or last > SILENT_FROM * usual) and first == last:
        return _.gettext(
            "bought once, on {day}; nothing since for {silence}",
            day=facts.day(last),
            silence=facts.days(last),
        )
    if gap is None or last <= SILENT_FROM * gap:
        return None
    return _.gettext(
        "bought {often} until {day}; nothing for {silence}",
        often=_often(facts, gap),
        day=facts.day(last),
        silence=facts.days(last),
    )


def _often(facts: Facts, gap: float) -> str:
    days = max(1, _whole(gap))
    return facts.language.ngettext("every day", "every {n} days", days)


def fewer_purchases(facts: Facts) -> str | None:
    """The window in which the fall is least likely to be chance."""
    falls = []
    for days in facts.windows("orders_change", spans=2):
        now, change = facts[f"orders_{days}d"], facts[f"orders_change_{days}d"]
        if now is not None and now > 0 and change is not None and change < 0:
            falls.append((-change / math.sqrt(2 * now - change), days, now, -change))
    if not falls or max(falls)[0] < FEWER_FROM:
        return None
    _, days, now, fewer = max(falls)
    return facts.language.gettext(
        "{orders} since {day}, {fewer} fewer than in the {days} before",
        orders=facts.language.ngettext("{n} purchase", "{n} purchases", _whole(now)),
        day=facts.day(days),
        fewer=_whole(fewer),
        days=facts.days(days),
    )


def slower(facts: Facts) -> str | None:
    lately, ever, last = (facts[name] for name in ("recent_gap", "mean_gap", "days_since_purchase"))
    if lately is None or not ever or last is None or lately < (1 + LESS_BY) * ever:
        return None
    if _whole(lately) <= _whole(ever):
        return None
    return facts.language.gettext(
        "lately bought {often}, {usual} over all; the last time on {day}",
        often=_often(facts, lately),
        usual=_often(facts, ever),
        day=facts.day(last),
    )


def seldom(facts: Facts) -> str | None:
    gap, usual = facts["median_gap"], facts.usual("median_gap")
    first = facts["days_since_first_purchase"]
    if gap is None or usual is None or first is None or gap < OTHERS_BY * max(1.0, usual):
        return None
    return facts.language.gettext(
        "has bought {often} since {day}, most customers {usual}",
        often=_often(facts, gap),
        day=facts.day(first),
        usual=_often(facts, usual),
    )


def less_a_purchase(facts: Facts) -> str | None:
    falls = []
    for days in facts.windows("spend_change", spans=2):
        spent, change = facts[f"spend_{days}d"], facts[f"spend_change_{days}d"]
        orders, more_orders = facts[f"orders_{days}d"], facts[f"orders_change_{days}d"]
        if not spent or not orders or change is None or more_orders is None:
            continue
        orders_before = orders - more_orders
        if spent <= 0 or orders_before <= 0 or spent - change <= 0:
            continue
        now, before = spent / orders, (spent - change) / orders_before
        falls.append((1 - now / before, days, now, before))
    if not falls or max(falls)[0] < LESS_BY:
        return None
    _, days, now, before = max(falls)
    return facts.language.gettext(
        "spent {money} a purchase since {day}, {before} in the {days} before",
        money=facts.money(now),
        day=facts.day(days),
        before=facts.money(before),
        days=facts.days(days),
    )


def dearer_than_listed(facts: Facts) -> str | None:
    for days in facts.windows("discount"):
        off, usual = facts[f"discount_{days}d"], facts.usual(f"discount_{days}d")
        if off is not None and off <= -0.005:
            return facts.language.gettext(
                "paid {share} above list price since {day}",
                share=facts.language.percent(-off),
                day=facts.day(days),
            )
        if off is not None and usual is not None and usual - max(off, 0) >= 0.05:
            return facts.language.gettext(
                "had {share} off list price since {day}, most customers {usual}",
                share=facts.language.percent(max(off, 0)),
                day=facts.day(days),
                usual=facts.language.percent(usual),
            )
    return None


def spends_little(facts: Facts) -> str | None:
    mean, usual = facts["mean_order"], facts.usual("mean_order")
    first = facts["days_since_first_purchase"]
    if mean is None or usual is None or first is None or not 0 < OTHERS_BY * mean < usual:
        return None
    return facts.language.gettext(
        "has spent {money} a purchase since {day}, most customers {usual}",
        money=facts.money(mean),
        day=facts.day(first),
        usual=facts.money(usual),
    )


def ignores_offers(facts: Facts) -> str | None:
    sent, used = facts[f"campaigns_{HALF_YEAR}d"], facts[f"redemptions_{HALF_YEAR}d"]
    if not sent or used or facts.tenure < HALF_YEAR:
        return None
    return facts.language.ngettext(
        "one offer sent since {day}, not used",
        "used none of the {n} offers sent since {day}",
        _whole(sent),
        day=facts.day(HALF_YEAR),
    )


# Contracts and service, where nothing has gone wrong lately


def anniversary(facts: Facts) -> str | None:
    ahead = facts["days_to_renewal"]
    if ahead is None or ahead > RENEWAL_DAYS:
        return None
    return facts.language.gettext(
        "the contract's anniversary is on {day}, in {days}",
        day=facts.day(-ahead),
        days=facts.days(ahead),
    )


def pays_late(facts: Facts) -> str | None:
    """Several bills in the longest window; a single one only lately, in the shortest."""
    windows = facts.windows("late_payments")
    for days in (*windows[:0:-1], *windows[:1]):
        late = facts[f"late_payments_{days}d"]
        if late and (late > 1 or days == windows[0]):
            return facts.language.ngettext(
                "paid one bill late since {day}",
                "paid {n} bills late since {day}",
                _whole(late),
                day=facts.day(days),
            )
    return None


def many_contacts(facts: Facts) -> str | None:
    contacts, normal = facts["contacts_365d"], facts["contacts_expected"]
    excess = facts["contacts_excess"]
    if not contacts or normal is None or excess is None or excess < FEWER_FROM:
        return None
    if facts.tenure < YEAR:
        return None
    return facts.language.gettext(
        "{contacts} since {day}, about {normal} would be normal",
        contacts=facts.language.ngettext("{n} contact", "{n} contacts", _whole(contacts)),
        day=facts.day(YEAR),
        normal=facts.language.number(normal, 0 if normal >= 0.5 else 1),
    )


def rates_lower(facts: Facts) -> str | None:
    last, fall, ago = (facts[name] for name in ("last_rating", "rating_trend", "days_since_rating"))
    if last is None or fall is None or ago is None or ago > HALF_YEAR:
        return None
    if fall > -WHOLE_STAR or last >= CONTENT:
        return None
    return facts.language.gettext(
        "rated us {stars} of 5 on {day}, {before} before",
        stars=_stars(facts, last),
        day=facts.day(ago),
        before=_stars(facts, last - fall),
    )


def _stars(facts: Facts, rating: float) -> str:
    stars = round(1 + 4 * rating, 1)
    return facts.language.number(stars, 0 if stars.is_integer() else 1)


def recommends_no_more(facts: Facts) -> str | None:
    ago, gone = facts["days_since_referral"], facts["referrals_stopped"]
    if ago is None or not gone:
        return None
    return facts.language.gettext(
        "last recommended us on {day}, {days} ago",
        day=facts.day(ago),
        days=facts.days(ago),
    )


def leaves_the_portal(facts: Facts) -> str | None:
    usage, ago, visits = (
        facts[name] for name in ("visits_to_usual", "days_since_visit", "visits_30d")
    )
    if usage is None or ago is None or usage > 1 - LESS_BY or facts.tenure < 2 * HALF_YEAR:
        return None
    if not visits:
        return facts.language.gettext(
            "used the portal until {day}; not for {days}",
            day=facts.day(ago),
            days=facts.days(ago),
        )
    return facts.language.gettext(
        "since {day} used the portal {share} less than before",
        day=facts.day(30),
        share=facts.language.percent(1 - usage),
    )


SENTENCES: Final[Mapping[str, tuple[Sentence, ...]]] = {
    "habit": (new_customer, silent, fewer_purchases, slower, seldom),
    "spending": (less_a_purchase, dearer_than_listed, spends_little),
    "offers": (ignores_offers,),
    "contract": (anniversary,),
    "bills": (pays_late,),
    "orders": (),
    "cases": (many_contacts,),
    "opinion": (rates_lower, recommends_no_more),
    "portal": (leaves_the_portal,),
    "journey": (),
}
"""The sentences of each family, the one that says most first; the first that holds is used."""


def first_sentence(sentences: Iterable[Sentence], facts: Facts) -> tuple[str, set[dt.date]] | None:
    """The first sentence that holds, with the dates that it names."""
    for sentence in sentences:
        facts.dates.clear()
        text = sentence(facts)
        if text:
            return text, set(facts.dates)
    return None
