"""The latest entries of each customer, newest first, in words and with a tone."""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import narwhals as nw
import pyarrow as pa

from features.engine.service_grains import UNSOLVED, WRONG
from retention.core.point_in_time import Frame
from retention.interactions.service_issues import LOW
from retention.interactions.timeline_entries import COLUMNS
from retention.interactions.wording import Wording, plain

MAX_ENTRIES: Final = 20  # a customer
HIGH: Final = 0.75  # ratings from it on are good
_ORDER: Final = ("age", "later", "what", "event")
_VALUES: Final = tuple(COLUMNS)[tuple(COLUMNS).index("kind") :]


Tone = Literal["good", "bad", "plain"]


class Entry(NamedTuple):
    """The columns of an entry that make its text, in the order of timeline_entries.COLUMNS."""

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
    ordered = entries.with_columns(later=-nw.col("minute"), rows=nw.lit(1))
    placed = ordered.with_columns(
        place=nw.col("rows").cum_sum().over("customer_id", order_by=_ORDER)
    )
    return placed.filter(nw.col("place") <= limit).drop("later", "rows")


def customer_statements(entries: Frame) -> Frame:
    """The entries in which a customer said something."""
    contact = (nw.col("what") == "contact") & ~nw.col("topic").is_null()
    return entries.filter(contact | nw.col("what").is_in(["survey", "referral"]))


def texts_and_tones(table: pa.Table, wording: Wording) -> tuple[list[str], list[Tone]]:
    """The text and the tone of every row of a table of entries."""
    columns = [table[name].to_pylist() for name in _VALUES]
    rows = [Entry(*values) for values in zip(*columns, strict=True)]
    # many entries are equal: each different one is worded once
    texts = {row: _STYLES[row.what].text(wording, row) for row in set(rows)}
    tones = {row: _tone(row) for row in texts}
    return [texts[row] for row in rows], [tones[row] for row in rows]


def _tone(entry: Entry) -> Tone:
    tone = _STYLES[entry.what].tone
    return tone(entry) if callable(tone) else tone


# The text of each kind of entry


def _order(wording: Wording, entry: Entry) -> str:
    language = wording.language
    if entry.units is None:
        text = language.gettext("bought")
    else:
        text = language.gettext("bought for {money}", money=wording.money(entry.units))
    text = wording.with_channel(text, entry.channel)
    if entry.until is None:
        return text
    return language.gettext("{what}, promised for {day}", what=text, day=wording.day(entry.until))


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
    language, times = wording.language, entry.times or 0
    used = language.ngettext("used the portal", "used the portal {n} times", times)
    if not entry.failed:
        return used
    failed = language.ngettext("a task failed", "{n} tasks failed", entry.failed)
    if entry.failed == 1:
        failed = wording.with_detail(failed, entry.topic)
    return language.gettext("{what}; {then}", what=used, then=failed)


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


# The tone of those kinds of entry whose tone depends on what happened


def _contact_tone(entry: Entry) -> Tone:
    tones: dict[str | None, Tone] = {"complaint": "bad", "praise": "good"}
    return tones.get(entry.topic, "plain")


def _arrival_tone(entry: Entry) -> Tone:
    if entry.days is None:
        return "plain"
    return "bad" if entry.days > 0 else "good"


def _end_tone(entry: Entry) -> Tone:
    return "good" if entry.solved else "bad"


def _survey_tone(entry: Entry) -> Tone:
    ratings = [rating for rating in (entry.ratio, entry.person) if rating is not None]
    if entry.solved == 0 or any(rating < LOW for rating in ratings):
        return "bad"
    return "good" if entry.ratio is not None and entry.ratio >= HIGH else "plain"


def _visit_tone(entry: Entry) -> Tone:
    return "bad" if entry.failed else "plain"


class _Style(NamedTuple):
    """How a kind of entry is worded."""

    text: Callable[[Wording, Entry], str]
    tone: Tone | Callable[[Entry], Tone]


_STYLES: Final = {
    "order": _Style(_order, "plain"),
    "arrival": _Style(_arrival, _arrival_tone),
    "fault": _Style(_fault, "bad"),
    "awaited": _Style(_awaited, "bad"),
    "return": _Style(_return, "plain"),
    "overcharge": _Style(_overcharge, "bad"),
    "price_rise": _Style(_price_rise, "bad"),
    "correction": _Style(_correction, "good"),
    "refused": _Style(_refused, "bad"),
    "contact": _Style(_contact, _contact_tone),
    "late_answer": _Style(_late_answer, "bad"),
    "end": _Style(_end, _end_tone),
    "survey": _Style(_survey, _survey_tone),
    "visit": _Style(_visit, _visit_tone),
    "start": _Style(_start, "plain"),
    "notice": _Style(_notice, "bad"),
    "cancel": _Style(_cancel, "bad"),
    "campaign": _Style(_campaign, "plain"),
    "redemption": _Style(_redemption, "plain"),
    "referral": _Style(_referral, "good"),
    "outreach": _Style(_outreach, "plain"),
    "other": _Style(_other, "plain"),
}
"""What an entry is (`what`): its text and its tone."""
