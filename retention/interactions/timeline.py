"""The latest dealings of each customer in order, as staff would tell them; what was said last."""

from collections.abc import Callable
from typing import Final, NamedTuple

import narwhals as nw
import pyarrow as pa

from features.engine.service_grains import UNSOLVED, WRONG
from retention.core.point_in_time import Frame
from retention.interactions.service_issues import LOW
from retention.interactions.timeline_entries import COLUMNS
from retention.interactions.wording import Told, plain

MOST: Final = 20
"""Entries a customer."""

HIGH: Final = 0.75  # ratings from it on are good
_ORDER: Final = ("age", "later", "what", "event")
_VALUES: Final = tuple(COLUMNS)[tuple(COLUMNS).index("kind") :]


class Entry(NamedTuple):
    """The columns of an entry that make its text, in their order."""

    kind: str
    what: str
    topic: str | None
    channel: str | None
    cause: str | None
    units: int | None
    share: float | None
    person: float | None
    days: int | None
    until: int | None
    times: int | None
    failed: int | None
    solved: int | None


def latest(entries: Frame, most: int = MOST) -> Frame:
    """The newest entries of each customer, with their `place` (1: the newest)."""
    # an engine orders by columns upwards only: later in a day comes first by the minute's opposite
    ordered = entries.with_columns(later=-nw.col("minute"), one=nw.lit(1))
    placed = ordered.with_columns(
        place=nw.col("one").cum_sum().over("customer_id", order_by=_ORDER)
    )
    return placed.filter(nw.col("place") <= most).drop("later", "one")


def said(entries: Frame) -> Frame:
    """The entries in which a customer said something."""
    contact = (nw.col("what") == "contact") & ~nw.col("topic").is_null()
    return entries.filter(contact | nw.col("what").is_in(["survey", "referral"]))


def texts(table: pa.Table, told: Told) -> tuple[list[str], list[str]]:
    """The text and the tone (good, bad, plain) of every row of a table of entries."""
    columns = [table[name].to_pylist() for name in _VALUES]
    rows = [Entry(*values) for values in zip(*columns, strict=True)]
    # most of what happens happens often
    said_of = {row: _WORDS[row.what](told, row) for row in set(rows)}
    return [said_of[row] for row in rows], [tone(row) for row in rows]


def tone(entry: Entry) -> str:
    """good, bad or plain."""
    what = entry.what
    bad = (
        what in _BAD
        or (what == "contact" and entry.topic == "complaint")
        or (what == "arrival" and (entry.days or 0) > 0)
        or (what == "end" and not entry.solved)
        or (what == "survey" and _poor(entry))
        or (what == "visit" and bool(entry.failed))
    )
    good = (
        what in _GOOD
        or (what == "contact" and entry.topic == "praise")
        or (what == "arrival" and entry.days is not None)
        or what == "end"
        or (what == "survey" and entry.share is not None and entry.share >= HIGH)
    )
    return "bad" if bad else "good" if good else "plain"


_BAD: Final = frozenset(
    {"fault", "awaited", "overcharge", "price_rise", "refused", "late_answer", "notice", "cancel"}
)
_GOOD: Final = frozenset({"referral", "correction"})


def _poor(entry: Entry) -> bool:
    rated = [one for one in (entry.share, entry.person) if one is not None]
    return entry.solved == 0 or any(one < LOW for one in rated)


# The words of each thing told


def _order(told: Told, one: Entry) -> str:
    say = told.language
    if one.units is None:
        text = say.gettext("bought")
    else:
        text = say.gettext("bought for {money}", money=told.money(one.units))
    text = told.by(text, one.channel)
    if one.until is None:
        return text
    return say.gettext("{what}, promised for {day}", what=text, day=told.day(one.until))


def _arrival(told: Told, one: Entry) -> str:
    if one.days is None:
        return told.language.gettext("delivered")
    if one.days <= 0:
        return told.language.gettext("delivered on time")
    return told.language.gettext("delivered {days} late", days=told.days(one.days))


def _fault(told: Told, one: Entry) -> str:
    cause = None if one.cause == WRONG else one.cause
    return told.because(told.language.gettext("the goods proved faulty"), cause)


def _awaited(told: Told, one: Entry) -> str:
    late = told.days(one.days or 0)
    return told.language.gettext(
        "an order was promised for this day, not here {days} later", days=late
    )


def _return(told: Told, one: Entry) -> str:
    if not one.units:
        return told.language.gettext("sent goods back")
    return told.language.gettext("sent goods back for {money}", money=told.money(one.units))


def _overcharge(told: Told, one: Entry) -> str:
    more = told.above(one.units or 0, one.share)
    return told.language.gettext("billed {more} above the agreed price", more=more)


def _price_rise(told: Told, one: Entry) -> str:
    rise = told.percent(one.share or 0)
    return told.language.gettext("the agreed price rose by {share}", share=rise)


def _correction(told: Told, one: Entry) -> str:
    if not one.units:
        return told.language.gettext("bill corrected")
    back = told.money(one.units)
    return told.language.gettext("bill corrected, {money} given back", money=back)


def _refused(told: Told, _: Entry) -> str:
    return told.language.gettext("a payment was refused")


def _contact(told: Told, one: Entry) -> str:
    return told.by(told.topic(one.topic), one.channel)


def _late_answer(told: Told, one: Entry) -> str:
    return told.language.gettext("first answered after {time}", time=told.wait(one.times or 0))


def _end(told: Told, one: Entry) -> str:
    if one.solved:
        return told.because(told.language.gettext("case solved"), one.cause)
    cause = None if one.cause == UNSOLVED else one.cause
    return told.because(told.language.gettext("case closed without being solved"), cause)


def _survey(told: Told, one: Entry) -> str:
    return told.because(told.answer(one.share, one.solved, one.person), one.cause)


def _visit(told: Told, one: Entry) -> str:
    say, times = told.language, one.times or 0
    used = say.ngettext("used the portal", "used the portal {n} times", times)
    if not one.failed:
        return used
    failed = say.ngettext("a task failed", "{n} tasks failed", one.failed)
    if one.failed == 1:
        failed = told.detailed(failed, one.topic)
    return say.gettext("{what}; {then}", what=used, then=failed)


def _start(told: Told, one: Entry) -> str:
    return told.detailed(told.language.gettext("contract began"), one.topic)


def _notice(told: Told, one: Entry) -> str:
    if one.until is None:
        return told.language.gettext("gave notice")
    ends = told.day(one.until)
    return told.language.gettext("gave notice, the contract to end on {day}", day=ends)


def _cancel(told: Told, _: Entry) -> str:
    return told.language.gettext("contract ended")


def _campaign(told: Told, one: Entry) -> str:
    return told.detailed(told.language.gettext("was sent a campaign"), one.topic)


def _redemption(told: Told, _: Entry) -> str:
    return told.language.gettext("redeemed an offer")


def _referral(told: Told, _: Entry) -> str:
    return told.language.gettext("recommended us")


def _outreach(told: Told, one: Entry) -> str:
    return told.detailed(told.language.gettext("we got in touch"), one.topic)


def _other(told: Told, one: Entry) -> str:
    return told.by(told.detailed(plain(one.kind), one.topic), one.channel)


_WORDS: Final[dict[str, Callable[[Told, Entry], str]]] = {
    "order": _order, "arrival": _arrival, "fault": _fault, "awaited": _awaited,
    "return": _return, "overcharge": _overcharge, "price_rise": _price_rise,
    "correction": _correction, "refused": _refused, "contact": _contact,
    "late_answer": _late_answer, "end": _end, "survey": _survey, "visit": _visit,
    "start": _start, "notice": _notice, "cancel": _cancel, "campaign": _campaign,
    "redemption": _redemption, "referral": _referral, "outreach": _outreach, "other": _other,
}  # fmt: skip
