"""Resolution: how soon and how well cases were answered and ended."""

import narwhals as nw

from features.engine import service_grains
from features.engine.base import Past, count, feature, grain, ratio, total, within
from retention.core.point_in_time import Frame

_YEAR = 365
_OPEN = nw.col("open") == 1
_ENDED = nw.col("open") == 0


@grain("response", "resolution")
def answered(past: Past) -> Frame:
    """The cases of a company that records its answers."""
    return past[service_grains.cases]


@grain("resolution")
def handled(past: Past) -> Frame:
    """The cases of a company that records their ends.

    last: 1 where the case's end is the customer's last, else 0; unsolved_age: days since it showed
    that the case is not solved: it ended so, or its end was due, or (after that) was undone.
    """
    rows = past[service_grains.cases].with_columns(
        settled=nw.when(_ENDED).then(nw.col("end_minute")),
    )
    newest = nw.col("settled").max().over("customer_id")
    overdue_age = nw.when(_OPEN).then(nw.col("overdue_age"))
    ended_badly = nw.when(nw.col("solved") == 0).then(nw.col("ended_age"))
    return rows.with_columns(
        last=service_grains.flag((nw.col("settled") == newest).fill_null(False)),
        unsolved_age=nw.coalesce(ended_badly, overdue_age),
    )


def ended(days: int) -> nw.Expr:
    """Whether a case is over and its end lies in the window."""
    return _ENDED & within(days, age="ended_age")


@feature(
    service_grains.cases,
    unit="cases",
    none=0,
    windows=(90, _YEAR),
    words="matters raised with us in the last {days} days: {cases_Nd:n}",
    alarming="high",
)
def cases(days: int) -> nw.Expr:
    """Cases that began in the last {days} days."""
    return count(within(days))


@feature(
    service_grains.cases,
    unit="contacts per case",
    windows=(_YEAR,),
    words="contacts a case in the last {days} days: {contacts_per_case_Nd:about}",
    alarming="high",
)
def contacts_per_case(days: int) -> nw.Expr:
    """Mean number of contacts of the cases that began in the last {days} days."""
    return ratio(total("contacts", within(days)), count(within(days)))


@feature(
    answered,
    unit="hours",
    windows=(_YEAR,),
    words="waited {hours_to_answer_Nd:hours} for an answer on average in the last {days} days",
    alarming="high",
)
def hours_to_answer(days: int) -> nw.Expr:
    """Mean hours from the first contact to the first answer, of those of the last {days} days."""
    rows = within(days, age="answered_age")
    return ratio(total("answer_minutes", rows), count(rows) * 60)


@feature(
    answered,
    unit="hours",
    windows=(_YEAR,),
    words="waited up to {longest_wait_Nd:hours} for an answer in the last {days} days",
    alarming="high",
)
def longest_wait(days: int) -> nw.Expr:
    """The most hours from the first contact to the first answer, in the last {days} days."""
    minutes = nw.when(within(days, age="answered_age")).then(nw.col("answer_minutes"))
    return minutes.max().cast(nw.Float64()) / 60


@feature(
    answered,
    unit="share",
    windows=(90, _YEAR),
    words="only {answered_in_time_Nd:percent} of cases answered in time in the last {days} days",
)
def answered_in_time(days: int) -> nw.Expr:
    """Share answered within the service level, of the cases due for it in the last {days} days."""
    rows = within(days, age="answer_due_age")
    return ratio(count(rows & (nw.col("answer_breach") == 0)), count(rows))


@feature(
    handled,
    unit="days",
    windows=(_YEAR,),
    words="days to end a case, on average in the last {days} days: {days_to_resolution_Nd:about}",
    alarming="high",
)
def days_to_resolution(days: int) -> nw.Expr:
    """Mean days from the first contact to the end, of the cases ended in the last {days} days."""
    return ratio(total("days_to_end", ended(days)), count(ended(days)))


@feature(
    handled,
    unit="share",
    windows=(_YEAR,),
    words="only {ended_in_time_Nd:percent} of the cases ended in time in the last {days} days",
)
def ended_in_time(days: int) -> nw.Expr:
    """Share ended within the service level, of the cases due for it in the last {days} days."""
    rows = within(days, age="end_due_age")
    return ratio(count(rows & (nw.col("end_breach") == 0)), count(rows))


@feature(
    handled,
    unit="cases",
    none=0,
    words="cases open now: {open_cases:n}, the oldest for {oldest_open_case:days}",
    alarming="high",
)
def open_cases() -> nw.Expr:
    """Cases that are open at the snapshot: no end since the last contact."""
    return count(_OPEN)


@feature(
    handled,
    unit="days",
    words="has waited {oldest_open_case:days} for the end of a case",
    alarming="high",
)
def oldest_open_case() -> nw.Expr:
    """Days since the first contact of the oldest case that is open at the snapshot."""
    return nw.when(_OPEN).then(nw.col("age")).max()


@feature(
    handled,
    unit="cases",
    none=0,
    words="complaints still open: {open_complaints:n}",
    alarming="high",
)
def open_complaints() -> nw.Expr:
    """Cases with a complaint that are open at the snapshot."""
    return count(_OPEN & (nw.col("complaint") == 1))
