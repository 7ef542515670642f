"""The events of customers as entries of one shape, each thing that happened once.

An order is one entry and so is its arrival; goods sent back, visits to the portal, answers to
surveys and notices are one a day. Left out is what went as it should and would crowd out the rest:
bills as agreed, payments made, answers given in time, questions sent, who was held out, and all but
the latest days on which the portal did what it should.
"""

from typing import Any, Final

import narwhals as nw

from features.engine import service_grains
from features.engine.base import Past
from features.engine.service_grains import RISE, flag
from retention.core.events import HOLDOUT, KINDS
from retention.core.point_in_time import Frame

COLUMNS: Final[dict[str, Any]] = {
    "customer_id": nw.String(),
    "age": nw.Int64(),  # days; with minute and event it settles the order
    "minute": nw.Int64(),
    "event": nw.String(),  # an id that settles the order within a minute
    "kind": nw.String(),  # of event
    "what": nw.String(),  # which text and tone of timeline.py
    "topic": nw.String(),
    "channel": nw.String(),
    "cause": nw.String(),
    "units": nw.Int64(),  # of money
    "ratio": nw.Float64(),  # to the agreed price; of a survey the rating, 0 to 1
    "person": nw.Float64(),  # rating of who served, 0 to 1
    "days": nw.Int64(),  # of delay
    "until": nw.Int64(),  # age of the day that was promised or announced; negative: ahead
    "times": nw.Int64(),  # how often, or minutes waited
    "failed": nw.Int64(),  # how many of them
    "solved": nw.Int64(),  # 0 or 1
}
"""Of an entry. What does not apply or is unknown is null."""

_DAY: Final = 24 * 60
_QUIET_VISITS: Final = 3


def timeline_entries(past: Past) -> Frame:
    """COLUMNS: every entry of every customer."""
    parts = [
        *_orders(past),
        *_bills(past),
        *_contacts(past),
        *_ends(past),
        _surveys(past),
        _visits(past),
        *_contracts(past),
        *_campaigns(past),
        _others(past),
    ]
    return nw.concat(parts, how="vertical")


def _entries(rows: Frame, kind: Any, what: str, **values: Any) -> Frame:
    """Rows with age, minute and event as entries; `values` are expressions of further columns."""
    named = {
        "kind": nw.lit(kind) if isinstance(kind, str) else kind,
        "what": nw.lit(what),
        **values,
    }
    own = ("customer_id", "age", "minute", "event")
    columns = {
        name: (named.get(name, nw.col(name) if name in own else nw.lit(None))).cast(dtype)
        for name, dtype in COLUMNS.items()
    }
    return rows.select(**columns)


def _events(past: Past, *kinds: str) -> Frame:
    return past.events(*kinds).with_columns(minute=nw.col("occurred_minute"), event=_EVENT)


_EVENT: Final = nw.col("event_id")
_ORDER: Final = nw.coalesce(nw.col("order_id"), nw.col("event_id"))
_UNTIMED: Final = {"minute": nw.col("occurred_day") * _DAY, "event": _EVENT}


def _orders(past: Past) -> list[Frame]:
    """Orders, arrivals, faults found, goods sent back, and what is awaited."""
    lines = _events(past, "purchase").with_columns(event=_ORDER).group_by("customer_id", "event")
    placed = lines.agg(
        age=nw.col("age").max(),
        minute=nw.col("minute").min(),
        channel=nw.col("channel").max(),
        promised_day=nw.col("promised_day").max(),
        units=nw.col("amount_units").sum(),
        priced=_some_known("amount_units"),
    )
    amount = nw.when(nw.col("priced") == 1).then(nw.col("units"))
    until = past.snapshot - nw.col("promised_day")
    came = _events(past, "delivery").filter(nw.col("cause").is_null()).with_columns(event=_ORDER)
    first = came.group_by("customer_id", "event").agg(
        age=nw.col("age").max(), minute=nw.col("minute").min()
    )
    promised = past[service_grains.promises]
    late = promised.select("customer_id", "days_late", event=nw.col("order_id"))
    arrived = first.join(late, on=["customer_id", "event"], how="left")
    faulty = _events(past, "delivery").filter(~nw.col("cause").is_null())
    awaited = promised.filter(nw.col("awaited") == 1).select(
        "customer_id",
        age=nw.col("due_age"),
        minute=(past.snapshot - nw.col("due_age")) * _DAY,
        event=nw.col("order_id"),
    )
    return [
        _entries(placed, "purchase", "order", channel=nw.col("channel"), units=amount, until=until),
        _entries(arrived, "delivery", "arrival", days=nw.col("days_late")),
        _entries(faulty, "delivery", "fault", cause=nw.col("cause")),
        _entries(awaited, "delivery", "awaited", days=nw.col("age")),
        _sent_back(past),
    ]


def _some_known(column: str) -> nw.Expr:
    """1 where a value of the group is known, else 0."""
    return flag(~nw.col(column).is_null()).max()


def _sent_back(past: Past) -> Frame:
    rows = _events(past, "return").with_columns(event=_ORDER)
    days = rows.group_by("customer_id", "event", "age").agg(
        minute=nw.col("minute").min(),
        units=nw.col("amount_units").sum(),
        priced=_some_known("amount_units"),
    )
    back = nw.when(nw.col("priced") == 1).then(-nw.col("units"))
    return _entries(days, "return", "return", units=back)


def _bills(past: Past) -> list[Frame]:
    """Bills above the agreed price, dearer agreements, corrections, and payments refused."""
    bills = past[service_grains.bills].with_columns(**_UNTIMED)
    agreed = nw.when(nw.col("agreed_units") > 0).then(nw.col("agreed_units"))
    above = nw.col("over_units").cast(nw.Float64()) / agreed.cast(nw.Float64())
    corrected = _events(past, "invoice").filter(nw.col("topic") == "correction")
    refused = past[service_grains.payments].filter(nw.col("refused") == 1).with_columns(**_UNTIMED)
    return [
        _entries(
            bills.filter(nw.col("over_units") > 0),
            "invoice",
            "overcharge",
            units=nw.col("over_units"),
            ratio=above,
        ),
        _entries(
            bills.filter(nw.col("rise") > RISE - 1), "invoice", "price_rise", ratio=nw.col("rise")
        ),
        _entries(corrected, "invoice", "correction", units=-nw.col("amount_units")),
        _entries(refused, "payment", "refused"),
    ]


def _contacts(past: Past) -> list[Frame]:
    """Contacts, and first answers that came too late."""
    contacts = past[service_grains.contacts].with_columns(
        minute=nw.col("occurred_minute"), event=_EVENT
    )
    minutes = nw.col("answer_minutes")
    slow = past[service_grains.cases].filter(
        nw.col("answer_breach") == 1, ~minutes.is_null(), ~nw.col("answered_age").is_null()
    )
    answered = slow.select(
        "customer_id",
        age=nw.col("answered_age"),
        minute=nw.col("first_minute") + minutes,
        event=nw.col("case_id"),
        waited=minutes,
    )
    words = {"topic": nw.col("topic"), "channel": nw.col("channel")}
    return [
        _entries(contacts, "contact", "contact", **words),
        _entries(answered, "response", "late_answer", times=nw.col("waited")),
    ]


def _ends(past: Past) -> list[Frame]:
    """Ends of cases, which solved them or did not; a silent one did."""
    solved = flag(nw.col("resolved").fill_null(True))
    rows = _events(past, "resolution")
    return [_entries(rows, "resolution", "end", solved=solved, cause=nw.col("cause"))]


def _surveys(past: Past) -> Frame:
    """Answers of one day as one, the questions left out."""
    answers = past[service_grains.answers].filter(nw.col("asked") == 0)
    days = answers.group_by("customer_id", "age").agg(
        minute=nw.col("occurred_minute").max(),
        event=nw.col("event_id").max(),
        rating=nw.col("rating").min(),
        person=nw.col("person").min(),
        solved=nw.col("solved").min(),
        cause=nw.col("cause").min(),
    )
    rated = {"ratio": nw.col("rating"), "person": nw.col("person")}
    return _entries(
        days, "survey", "survey", solved=nw.col("solved"), cause=nw.col("cause"), **rated
    )


def _visits(past: Past) -> Frame:
    """Visits of one day as one, with a task that failed (the alphabetically first).

    Of days on which none failed only the latest _QUIET_VISITS.
    """
    failed = ~nw.col("resolved").fill_null(True)
    visits = _events(past, "visit").group_by("customer_id", "age")
    days = visits.agg(
        minute=nw.col("minute").max(),
        event=nw.col("event").max(),
        visits=nw.len(),
        failed=nw.when(failed).then(1).otherwise(0).sum(),
        task=nw.when(failed).then(nw.col("topic")).min(),
    ).with_columns(well=nw.when(nw.col("failed") == 0).then(1).otherwise(0))
    since = nw.col("well").cum_sum().over("customer_id", order_by="age")
    days = days.with_columns(since=since).filter(
        (nw.col("failed") > 0) | (nw.col("since") <= _QUIET_VISITS)
    )
    counts = {"times": nw.col("visits"), "failed": nw.col("failed")}
    return _entries(days, "visit", "visit", topic=nw.col("task"), **counts)


def _contracts(past: Past) -> list[Frame]:
    """Contracts that began, notices given, contracts that ended."""
    notices = _events(past, "notice").group_by("customer_id", "age", "effective_day")
    daily = notices.agg(minute=nw.col("minute").max(), event=nw.col("event").max())
    ends = past.snapshot - nw.col("effective_day")
    return [
        _entries(_events(past, "start"), "start", "start", topic=nw.col("topic")),
        _entries(daily, "notice", "notice", until=ends),
        _entries(_events(past, "cancel"), "cancel", "cancel"),
    ]


def _campaigns(past: Past) -> list[Frame]:
    """What the company sent, what was made of it, recommendations, and who was called."""
    reached = (nw.col("treatment") != HOLDOUT).fill_null(True)
    outreach = _events(past, "outreach").filter(reached)
    return [
        _entries(_events(past, "campaign"), "campaign", "campaign", topic=nw.col("topic")),
        _entries(_events(past, "redemption"), "redemption", "redemption"),
        _entries(_events(past, "referral"), "referral", "referral"),
        _entries(outreach, "outreach", "outreach", topic=nw.col("treatment")),
    ]


def _others(past: Past) -> Frame:
    """Events of kinds that the company declared itself."""
    declared = past.all_events.filter(~nw.col("kind").is_in(KINDS))
    rows = declared.with_columns(minute=nw.col("occurred_minute"), event=_EVENT)
    words = {"topic": nw.col("topic"), "channel": nw.col("channel")}
    return _entries(rows, nw.col("kind"), "other", **words)
