"""The grains of service: promises, contacts and their cases, answers, bills, and what went wrong.

Every feature of service reads these, so that "late" or "solved" has one meaning. They expect of a
company's events:
- a `delivery` without a cause is an arrival; with one, the day on which the order was found faulty;
- a `payment` with topic `refused` was not made; its promised_at is the day on which it was due;
- an `invoice` with topic `correction` gives money back; quoted_amount is the agreed price;
- a `survey` with neither rating, resolved nor cause is the question sent, and its answer shares its
  case_id; with topic `person` it is never the question: its rating is of the person who served;
- a `contact` about an order or a bill names it in order_id.
"""

import math

import narwhals as nw

from features.engine.base import Appended, Past, grain
from retention.core.point_in_time import Frame

LATE = "late"
WRONG = "not_right_first_time"
OVERCHARGED = "overcharged"
PRICE_RISE = "price_rise"
REFUSED = "payment_failed"
UNSOLVED = "not_addressed"
RISE = 1.01  # of the agreed price between two bills: more is a rise
COMPLAINTS = ("complaint", "billing")
TROUBLES = (*COMPLAINTS, "technical_request")


def flag(rows: nw.Expr) -> nw.Expr:
    """1 where a condition holds, 0 where not, null where unknown."""
    return nw.when(rows).then(1).when(~rows).then(0)


def _excess(column: str, agreed: str) -> nw.Expr:
    """Money above what was agreed, 0 where nothing was."""
    more = nw.col(column) > nw.col(agreed)
    return nw.when(more).then(nw.col(column) - nw.col(agreed)).otherwise(0)


@grain("delivery")
def promises(past: Past) -> Frame:
    """One row an order that was promised for a day since which deliveries are known.

    customer_id, order_id, channel, amount_units
    age, occurred_day : of the purchase
    due_age : days since the promised day (not positive: not yet)
    delivered_age : null while awaited; what was faulty or sent back without an arrival had come by
        that day
    fault_age : days since the order is known not to be right; null: right so far
    days_late : negative: early; so far, of what is awaited
    quoted : 0 or 1; over_units : money above the quote
    due, wrong, late, awaited : 0 or 1; the last two null while the promised day has not passed and
        nothing has come
    """
    lines = past.events("purchase").filter(~nw.col("order_id").is_null())
    placed = (
        lines.with_columns(over=_excess("amount_units", "quoted_amount_units"))
        .group_by("customer_id", "order_id")
        .agg(
            age=nw.col("age").max(),
            occurred_day=nw.col("occurred_day").min(),
            promised_day=nw.col("promised_day").max(),
            channel=nw.col("channel").max(),
            amount_units=nw.col("amount_units").sum(),
            quoted=_any_row(~nw.col("quoted_amount_units").is_null()),
            over_units=nw.col("over").sum(),
        )
        .join(past.since("delivery"), how="cross")
        .filter(nw.col("promised_day") >= nw.col("since"))
    )
    came = past.events("delivery", "return").with_columns(
        arrived=(nw.col("kind") == "delivery") & nw.col("cause").is_null()
    )
    # the earliest arrival counts; a fault counts from the day on which it was first known
    arrivals = came.group_by("customer_id", "order_id").agg(
        delivered_age=nw.when(nw.col("arrived")).then(nw.col("age")).max(),
        fault_age=nw.when(~nw.col("arrived")).then(nw.col("age")).max(),
    )
    due_age = past.snapshot - nw.col("promised_day")
    delivered_age = nw.coalesce(nw.col("delivered_age"), nw.col("fault_age"))
    came_age = nw.col("delivered_age").fill_null(0)
    settled = (nw.col("due_age") > 0) | ~nw.col("delivered_age").is_null()
    days_late = nw.when(nw.col("settled")).then(nw.col("due_age") - came_age)
    return (
        placed.join(arrivals, on=["customer_id", "order_id"], how="left")
        .with_columns(due_age=due_age, delivered_age=delivered_age)
        .with_columns(settled=settled)
        .with_columns(
            days_late=days_late,
            due=flag(nw.col("settled")),
            wrong=flag(~nw.col("fault_age").is_null()),
            awaited=nw.when(nw.col("settled")).then(flag(nw.col("delivered_age").is_null())),
        )
        .with_columns(late=flag(nw.col("days_late") > 0))
        .drop("promised_day", "settled", "since")
    )


@grain("contact", form=Appended())
def contacts(past: Past) -> Frame:
    """One row a contact.

    customer_id, event_id, age, occurred_day, occurred_minute, channel, topic, agent_id, order_id,
    cost_units
    case_id : the contact's own event_id where it has none
    case_gap, topic_gap : days since the contact before on the same case, or on the same topic;
        null for the first
    channel_before : of the contact before on the case
    """
    rows = past.events("contact").select(
        "customer_id",
        "event_id",
        "age",
        "occurred_day",
        "occurred_minute",
        "channel",
        "topic",
        "agent_id",
        "order_id",
        "cost_units",
        case_id=nw.coalesce(nw.col("case_id"), nw.col("event_id")),
    )
    order = ["occurred_minute", "event_id"]
    before_on_case = nw.col("age").shift(1).over("customer_id", "case_id", order_by=order)
    before_on_topic = nw.col("age").shift(1).over("customer_id", "topic", order_by=order)
    channel = nw.col("channel").shift(1).over("customer_id", "case_id", order_by=order)
    return rows.with_columns(
        case_gap=before_on_case - nw.col("age"),
        topic_gap=nw.when(~nw.col("topic").is_null()).then(before_on_topic - nw.col("age")),
        channel_before=channel,
    )


@grain("contact")
def cases(past: Past) -> Frame:
    """One row a case: the contacts that share a case_id, with its answers and its ends.

    Contacts:
    customer_id, case_id, topic (alphabetically first), order_id, cost_units
    age, occurred_day, first_minute : of the first contact; last_age : of the last
    contacts, channels : how many, and through how many known channels
    complaint : 1 if some contact is one, else 0; trouble : the same for anything wrong

    The first answer, which is a response or an end:
    answer_minutes : 0 when dated before the contact; null: none yet
    answered_age : days since then
    answer_due_age : days since the service level was to be met (not positive: not yet)
    answer_breach : 1 beyond the service level or still awaited beyond it, in whole days; null while
        awaited within it

    Ends:
    ended_age, end_minute, cause : of the last resolution; null: none
    ends : how many; days_to_end : from the first contact to the last resolution
    open : 1 without a resolution since the last contact, else 0
    reopened : 1 with a contact after a resolution, else 0
    solved : outcome of the last resolution; null while open
    solved_once : solved with one contact; null while open
    end_due_age, end_breach : as for the answer
    overdue_age : days since the end broke the service level, or since the last contact where that
        undid an earlier end
    """
    keys, levels = ["customer_id", "case_id"], past.service_params
    # an end at the minute of the last contact or later closes the case; comparing minutes and not
    # days keeps the order of what happened on one day
    open_now = flag(~(nw.col("end_minute") >= nw.col("last_minute")).fill_null(False))
    minutes = nw.col("answer_minute") - nw.col("first_minute")
    solved = nw.when(nw.col("open") == 0).then(nw.col("last_solved"))
    once = nw.when(nw.col("contacts") > 1).then(nw.when(nw.col("open") == 0).then(0))
    slow = flag(nw.col("answer_minutes") > levels.answer_hours * 60)
    long = nw.when(nw.col("open") == 0).then(flag(nw.col("days_to_end") > levels.resolution_days))
    return (
        _contacts_by_case(past)
        .join(_first_answers(past), on=keys, how="left")
        .join(_resolutions_by_case(past), on=keys, how="left")
        .with_columns(
            answer_minutes=nw.when(minutes >= 0).then(minutes).when(minutes < 0).then(0),
            days_to_end=nw.col("age") - nw.col("ended_age"),
            open=open_now,
            reopened=flag((nw.col("first_end") < nw.col("last_minute")).fill_null(False)),
            answer_due_age=nw.col("age") - math.ceil(levels.answer_hours / 24),
            end_due_age=nw.col("age") - levels.resolution_days,
        )
        .with_columns(solved=solved)
        .with_columns(
            solved_once=once.otherwise(nw.col("solved")),
            answer_breach=nw.coalesce(slow, nw.when(nw.col("answer_due_age") > 0).then(1)),
            end_breach=nw.coalesce(long, nw.when(nw.col("end_due_age") > 0).then(1)),
        )
        .with_columns(overdue_age=_overdue_age())
        .drop("last_minute", "answer_minute", "first_end", "last_solved")
    )


def _overdue_age() -> nw.Expr:
    due, last = nw.col("end_due_age"), nw.col("last_age")
    undone = (nw.col("reopened") == 1) & (last < due)
    return nw.when(nw.col("end_breach") == 1).then(nw.when(undone).then(last).otherwise(due))


def _contacts_by_case(past: Past) -> Frame:
    """One row a case: what its contacts say."""
    unknown = flag(nw.col("channel").is_null()).max()
    return (
        past[contacts]
        .group_by("customer_id", "case_id")
        .agg(
            age=nw.col("age").max(),
            occurred_day=nw.col("occurred_day").min(),
            last_age=nw.col("age").min(),
            first_minute=nw.col("occurred_minute").min(),
            last_minute=nw.col("occurred_minute").max(),
            contacts=nw.len(),
            channels=nw.col("channel").n_unique() - unknown,
            topic=nw.col("topic").min(),
            complaint=_any_row(nw.col("topic") == "complaint"),
            trouble=_any_row(nw.col("topic").is_in(TROUBLES)),
            order_id=nw.col("order_id").min(),
            cost_units=nw.col("cost_units").sum(),
        )
    )


def _any_row(rows: nw.Expr) -> nw.Expr:
    """1 where a condition holds for some row, else 0."""
    return nw.when(rows).then(1).otherwise(0).max()


def _first_answers(past: Past) -> Frame:
    """One row a case with a response or a resolution: the first of them."""
    events = past.events("response", "resolution").filter(~nw.col("case_id").is_null())
    return events.group_by("customer_id", "case_id").agg(
        answer_minute=nw.col("occurred_minute").min(), answered_age=nw.col("age").max()
    )


def _resolutions_by_case(past: Past) -> Frame:
    """One row a case with a resolution: outcome of its last; without one it is solved."""
    keys = ["customer_id", "case_id"]
    rows = past.events("resolution").filter(~nw.col("case_id").is_null())
    last = nw.col("occurred_minute") == nw.col("occurred_minute").max().over(*keys)
    return (
        rows.with_columns(last=last, outcome=flag(nw.col("resolved").fill_null(True)))
        .group_by(keys)
        .agg(
            first_end=nw.col("occurred_minute").min(),
            end_minute=nw.col("occurred_minute").max(),
            ended_age=nw.col("age").min(),
            ends=nw.len(),
            last_solved=nw.when(nw.col("last")).then(nw.col("outcome")).min(),
            cause=nw.when(nw.col("last")).then(nw.col("cause")).min(),
        )
    )


@grain("survey")
def answers(past: Past) -> Frame:
    """One row a survey event.

    customer_id, age, occurred_day, occurred_minute, event_id, case_id, agent_id
    asked : 1 for the question
    unanswered : of a question, whether no answer follows it on its case before the next question
    rating (0 to 1), solved (0 or 1), cause (of dissatisfaction) : of the service
    person : the rating of who served

    What was not answered is null.
    """
    of_person = (nw.col("topic") == "person").fill_null(False)
    silent = nw.all_horizontal(
        *(nw.col(name).is_null() for name in ("rating", "resolved", "cause")), ignore_nulls=False
    )
    next_asked = nw.col("asked").shift(-1)
    following = next_asked.over("customer_id", "case_id", order_by=["occurred_minute", "event_id"])
    rows = past.events("survey").with_columns(asked=flag(silent & ~of_person))
    return rows.with_columns(following=following.fill_null(1)).select(
        "customer_id",
        "age",
        "occurred_day",
        "occurred_minute",
        "event_id",
        "case_id",
        "agent_id",
        "cause",
        "asked",
        unanswered=nw.when(nw.col("asked") == 1).then(nw.col("following")),
        rating=nw.when(~of_person).then(nw.col("rating")),
        person=nw.when(of_person).then(nw.col("rating")),
        solved=flag(nw.col("resolved")),
    )


@grain("invoice")
def bills(past: Past) -> Frame:
    """One row a bill, corrections left out.

    customer_id, event_id, age, occurred_day, order_id, amount_units
    agreed_units : the agreed price; null where nothing was agreed
    over_units : money above it
    rise : the agreed price against that of the contract's bill before, less 1; rise_units : the
        same in money; both null for a contract's first bill and without a contract
    """
    rows = past.events("invoice").filter((nw.col("topic") != "correction").fill_null(True))
    before = (
        nw.col("agreed_units")
        .shift(1)
        .over("customer_id", "contract_id", order_by=["occurred_minute", "event_id"])
    )
    of_contract = ~nw.col("contract_id").is_null() & (nw.col("before") > 0)
    agreed, earlier = nw.col("agreed_units"), nw.when(of_contract).then(nw.col("before"))
    return (
        rows.with_columns(
            over_units=_excess("amount_units", "quoted_amount_units"),
            agreed_units=nw.col("quoted_amount_units"),
        )
        .with_columns(before=before)
        .select(
            "customer_id",
            "event_id",
            "age",
            "occurred_day",
            "order_id",
            "amount_units",
            "over_units",
            "agreed_units",
            rise=agreed.cast(nw.Float64()) / earlier.cast(nw.Float64()) - 1,
            rise_units=agreed - earlier,
        )
    )


@grain("payment", form=Appended())
def payments(past: Past) -> Frame:
    """One row a payment: customer_id, event_id, age, occurred_day, order_id (of its bill).

    refused: 0 or 1; days_late against the day it was due (negative: early; null: no such day).
    """
    return past.events("payment").select(
        "customer_id",
        "event_id",
        "age",
        "occurred_day",
        "order_id",
        refused=flag((nw.col("topic") == "refused").fill_null(False)),
        days_late=nw.col("occurred_day") - nw.col("promised_day"),
    )


@grain("visit", form=Appended())
def visits(past: Past) -> Frame:
    """One row a visit to the portal: customer_id, age, topic (the task), failed (0 or 1)."""
    return past.events("visit").select(
        "customer_id", "age", "topic", failed=flag(~nw.col("resolved").fill_null(True))
    )


@grain("delivery", "invoice", "payment", "resolution")
def failures(past: Past) -> Frame:
    """One row a failure.

    customer_id, cause, age and occurred_day (when it showed)
    order_id : what it concerns; null for most cases
    complaint_gap : days from it to the first complaint about the same order or bill (0: before it;
        null: none)
    silent : 1 without such a complaint, else 0

    A failure known from a case was never silent and has no gap; where the order or bill shows it
    already, it is the same failure. A case without a cause that was not solved, or not in time, is
    a concern not addressed, unless what it concerns had failed.
    """
    complaints = past[contacts].filter(nw.col("topic").is_in(COMPLAINTS))
    about_order = complaints.filter(~nw.col("order_id").is_null())
    first = about_order.group_by("customer_id", "order_id").agg(complained_age=nw.col("age").max())
    keys = ["customer_id", "order_id"]
    recorded, reported = nw.concat(_recorded_failures(past), how="vertical"), _case_failures(past)
    gap = nw.col("age") - nw.col("complained_age")
    # negative gaps are complaints made before the failure showed: the customer was not silent
    shown = recorded.join(first, on=keys, how="left").select(
        "customer_id",
        "order_id",
        "age",
        "cause",
        complaint_gap=nw.when(gap >= 0).then(gap).when(gap < 0).then(0),
        silent=flag(nw.col("complained_age").is_null()),
    )
    unsolved = nw.col("cause") == UNSOLVED
    named = reported.filter(~unsolved).join(recorded, on=[*keys, "cause"], how="anti")
    unmet = reported.filter(unsolved).join(recorded, on=keys, how="anti")
    new = nw.concat([named, unmet], how="vertical").with_columns(
        complaint_gap=nw.lit(None, nw.Int64()), silent=nw.lit(0)
    )
    both = nw.concat([_unify(shown), _unify(new)], how="vertical")
    return both.with_columns(occurred_day=past.snapshot - nw.col("age"))


def _unify(rows: Frame) -> Frame:
    """The rows with their numbers of one type, in one order of columns."""
    numbers = {name: nw.col(name).cast(nw.Int64()) for name in ("age", "complaint_gap", "silent")}
    return rows.select("customer_id", "order_id", "cause", **numbers)


def _recorded_failures(past: Past) -> list[Frame]:
    """customer_id, order_id, age, cause of the failures that orders, bills and payments show."""
    orders, billed = past[promises], past[bills]
    refused = past[payments].filter(nw.col("refused") == 1)
    return [
        _failure_rows(orders.filter(nw.col("late") == 1), nw.col("due_age"), LATE),
        _failure_rows(orders.filter(nw.col("wrong") == 1), nw.col("fault_age"), WRONG),
        _failure_rows(orders.filter(nw.col("over_units") > 0), nw.col("age"), OVERCHARGED),
        _failure_rows(billed.filter(nw.col("over_units") > 0), nw.col("age"), OVERCHARGED),
        _failure_rows(billed.filter(nw.col("rise") > RISE - 1), nw.col("age"), PRICE_RISE),
        _failure_rows(refused, nw.col("age"), REFUSED),
    ]


def _case_failures(past: Past) -> Frame:
    """The same of failures known from cases, since ends of cases are known."""
    cause, ended = nw.col("cause"), nw.col("ended_age")
    ended_badly = nw.when((nw.col("solved") == 0) | ~cause.is_null()).then(ended)
    unsolved = cause.is_null() | (cause == UNSOLVED)
    age = nw.when(unsolved).then(nw.coalesce(nw.col("overdue_age"), ended_badly)).otherwise(ended)
    rows = past[cases].join(past.since("resolution"), how="cross")
    return (
        rows.filter(nw.col("occurred_day") >= nw.col("since"))
        .select("customer_id", "order_id", age=age, cause=cause.fill_null(UNSOLVED))
        .filter(~nw.col("age").is_null())
    )


def _failure_rows(rows: Frame, age: nw.Expr, cause: str) -> Frame:
    return rows.select("customer_id", "order_id", age=age, cause=nw.lit(cause))
