"""The latest dealings of each customer in order, as staff would tell them; what was said last."""

from collections.abc import Callable
from typing import Final, NamedTuple

import narwhals as nw
import pyarrow as pa

from features.engine.service_grains import UNSOLVED, WRONG
from retention.core.point_in_time import Frame
from retention.interactions.service_issues import LOW
from retention.interactions.timeline_entries import COLUMNS
from retention.interactions.wording import Wording, plain

MAX_ENTRIES: Final = 20
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
    ratio: float | None
    person: float | None
    days: int | None
    until: int | None
    times: int | None
    failed: int | None
    solved: int | None


def latest(entries: Frame, limit: int = MAX_ENTRIES) -> Frame:
    """The newest entries of each customer, with their `place` (1: the newest)."""
    # an engine orders by columns upwards only: later in a day comes first by the minute's opposite
    ordered = entries.with_columns(later=-nw.col("minute"), one=nw.lit(1))
    placed = ordered.with_columns(
        place=nw.col("one").cum_sum().over("customer_id", order_by=_ORDER)
    )
    return placed.filter(nw.col("place") <= limit).drop("later", "one")


def customer_statements(entries: Frame) -> Frame:
    """The entries in which a customer said something."""
    contact = (nw.col("what") == "contact") & ~nw.col("topic").is_null()
    return entries.filter(contact | nw.col("what").is_in(["survey", "referral"]))


def texts(table: pa.Table, wording: Wording) -> tuple[list[str], list[str]]:
    """The text and the tone (good, bad, plain) of every row of a table of entries."""
    columns = [table[name].to_pylist() for name in _VALUES]
    rows = [Entry(*values) for values in zip(*columns, strict=True)]
    # most of what happens happens often
    said_of = {row: _WORDS[row.what](wording, row) for row in set(rows)}
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
        or (what == "survey" and entry.ratio is not None and entry.ratio >= HIGH)
    )
    return "bad" if bad else "good" if good else "plain"


_BAD: Final = frozenset(
    {"fault", "awaited", "overcharge", "price_rise", "refused", "late_answer", "notice", "cancel"}
)
_GOOD: Final = frozenset({"referral", "correction"})


def _poor(entry: Entry) -> bool:
    rated = [rating for rating in (entry.ratio, entry.person) if rating is not None]
    return entry.solved == 0 or any(rating < LOW for rating in rated)


# The words of each thing told


def _order(wording: Wording, entry: Entry) -> str:
    say = wording.language
    if entry.units is None:
        text = say.gettext("bought")
    else:
        text = say.gettext("bought for {money}", money=wording.money(entry.units))
    text = wording.with_channel(text, entry.channel)
    if entry.until is None:
        return text
    return say.gettext("{what}, promised for {day}", what=text, day=wording.day(entry.until))


def _arrival(wording: Wording, entry: Entry) -> str:
    if entry.days is None:
        return wording.language.gettext("delivered")
    if entry.days <= 0:
        return wording.language.gettext("delivered on time")
    return wording.language.gettext("delivered {days} late", days=wording.days(entry.days))


def _fault(wording: Wording, entry: Entry) -> str:
    cause = None if entry.cause == WRONG else entry.cause
    return wording.with_cause(wording.language.gettext("the goods proved faulty"), cause)


def _awaited(wording: Wording, entry: Entry) -> str:
    late = wording.days(entry.days or 0)
    return wording.language.gettext(
        "an order was promised for this day, not here {days} later", days=late
    )


def _return(wording: Wording, entry: Entry) -> str:
    if not entry.units:
        return wording.language.gettext("sent goods back")
    return wording.language.gettext("sent goods back for {money}", money=wording.money(entry.units))


def _overcharge(wording: Wording, entry: Entry) -> str:
    more = wording.above(entry.units or 0, entry.ratio)
    return wording.language.gettext("billed {more} above the agreed price", more=more)


def _price_rise(wording: Wording, entry: Entry) -> str:
    rise = wording.percent(entry.ratio or 0)
    return wording.language.gettext("the agreed price rose by {share}", share=rise)


def _correction(wording: Wording, entry: Entry) -> str:
    if not entry.units:
        return wording.language.gettext("bill corrected")
    back = wording.money(entry.units)
    return wording.language.gettext("bill corrected, {money} given back", money=back)


def _refused(wording: Wording, _: Entry) -> str:
    return wording.language.gettext("a payment was refused")


def _contact(wording: Wording, entry: Entry) -> str:
    return wording.with_channel(wording.topic(entry.topic), entry.channel)


def _late_answer(wording: Wording, entry: Entry) -> str:
    return wording.language.gettext(
        "first answered after {time}", time=wording.wait(entry.times or 0)
    )


def _end(wording: Wording, entry: Entry) -> str:
    if entry.solved:
        return wording.with_cause(wording.language.gettext("case solved"), entry.cause)
    cause = None if entry.cause == UNSOLVED else entry.cause
    return wording.with_cause(wording.language.gettext("case closed without being solved"), cause)


def _survey(wording: Wording, entry: Entry) -> str:
    return wording.with_cause(wording.answer(entry.ratio, entry.solved, entry.person), entry.cause)


def _visit(wording: Wording, entry: Entry) -> str:
    say, times = wording.language, entry.times or 0
    used = say.ngettext("used the portal", "used the portal {n} times", times)
    if not entry.failed:
        return used
    failed = say.ngettext("a task failed", "{n} tasks failed", entry.failed)
    if entry.failed == 1:
        failed = wording.with_detail(failed, entry.topic)
    return say.gettext("{what}; {then}", what=used, then=failed)


def _start(wording: Wording, entry: Entry) -> str:
    return wording.with_detail(wording.language.gettext("contract began"), entry.topic)


def _notice(wording: Wording, entry: Entry) -> str:
    if entry.until is None:
        return wording.language.gettext("gave notice")
    ends = wording.day(entry.until)
    return wording.language.gettext("gave notice, the contract to end on {day}", day=ends)


def _cancel(wording: Wording, _: Entry) -> str:
    return wording.language.gettext("contract ended")


def _campaign(wording: Wording, entry: Entry) -> str:
    return wording.with_detail(wording.language.gettext("was sent a campaign"), entry.topic)


def _redemption(wording: Wording, _: Entry) -> str:
    return wording.language.gettext("redeemed an offer")


def _referral(wording: Wording, _: Entry) -> str:
    return wording.language.gettext("recommended us")


def _outreach(wording: Wording, entry: Entry) -> str:
    return wording.with_detail(wording.language.gettext("we got in touch"), entry.topic)


def _other(wording: Wording, entry: Entry) -> str:
    return wording.with_channel(wording.with_detail(plain(entry.kind), entry.topic), entry.channel)


_WORDS: Final[dict[str, Callable[[Wording, Entry], str]]] = {
    "order": _order, "arrival": _arrival, "fault": _fault, "awaited": _awaited,
    "return": _return, "overcharge": _overcharge, "price_rise": _price_rise,
    "correction": _correction, "refused": _refused, "contact": _contact,
    "late_answer": _late_answer, "end": _end, "survey": _survey, "visit": _visit,
    "start": _start, "notice": _notice, "cancel": _cancel, "campaign": _campaign,
    "redemption": _redemption, "referral": _referral, "outreach": _outreach, "other": _other,
}  # fmt: skip
