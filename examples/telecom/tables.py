"""The company's files, as its systems export them on the morning after the last week.

What had not happened or not been loaded by then is not in them. They are as messy as such files
are: a status nobody updated, questions asked and pages visited before the first contract, rows
loaded days late, tickets exported twice.
"""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from examples.telecom.company import FIRST, Part, minute
from examples.telecom.customers import ACQUIRED, CHANNELS, PLANS, PRICES, REGIONS, Array
from examples.telecom.mechanism import CAUSES
from examples.telecom.weeks import AGENTS, DAY, NONE, TOPICS, WEEK

COST = np.array([35.0, 22.0, 60.0, 95.0])  # of winning a customer, by acquisition channel
TEAMS = ("front desk", "billing care", "technical care", "home care", "evening desk", "branches")
_ITEMS = np.array(
    [
        "router",
        "handset",
        "sim",
        "cable box",
        "booster",
        "tablet",
        "line repair",
        "installation",
        "tv pack",
        "sport pack",
        "roaming",
        "cloud pack",
    ]
)
_TASKS = np.array(["see bill", "pay bill", "change plan", "report fault"])
_GIVEN_NAMES = np.array(
    [
        "Amina",
        "Ben",
        "Chloe",
        "David",
        "Elif",
        "Farah",
        "George",
        "Hana",
        "Imran",
        "Jo",
        "Kiran",
        "Liam",
        "Maya",
        "Nadia",
        "Omar",
        "Priya",
        "Rafi",
        "Sara",
        "Tom",
        "Zoë",
        "آمنہ",
        "রহিম",
    ]
)
_FAMILY = np.array(
    [
        "Ahmed",
        "Begum",
        "Clarke",
        "Davies",
        "Evans",
        "Farooq",
        "Green",
        "Hussain",
        "Iqbal",
        "Jones",
        "Khan",
        "Lewis",
        "Miah",
        "Novak",
        "O'Brien",
        "Patel",
        "Rahman",
        "Smith",
        "Taylor",
        "Wright",
        "خان",
        "দাস",
    ]
)
_OWNERS = np.array(["Ada", "Bilal", "Carys", "Dora"])
_LANGUAGES = np.array(["en", "en", "en", "en", "en", "en", "en", "en", "ur", "bn"])


def write(parts: Iterable[Part], weeks: int, folder: Path) -> None:
    """Write every table to `folder` as CSV, part after part; `weeks` ends the books."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        writers: dict[str, csv.CSVWriter] = {}
        for part in parts:
            for name, build in _BUILDERS.items():
                table = build(part, weeks * WEEK)
                if name not in writers:
                    path = folder / f"{name}.csv"
                    writers[name] = stack.enter_context(csv.CSVWriter(path, table.schema))
                writers[name].write_table(table)
    csv.write_csv(staff(), folder / "staff.csv")


def staff() -> pa.Table:
    """Who serves: every tenth agent of the branches sits in one; agent, team, branch."""
    number = np.arange(AGENTS)
    team = np.array(TEAMS)[number // 10]
    branch = np.array([*REGIONS, *REGIONS])[number % 10]
    return pa.table(
        {
            "agent": _named("a", number, 3),
            "team": team,
            "branch": pa.array(branch, mask=team != "branches"),
        }
    )


def _named(letter: str, number: Array, width: int) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(number).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(letter, digits, "")


def customer_ids(number: Array) -> pa.Array:
    """The ids as the files write them: seven digits with their zeros."""
    return _named("", number, 7)


def _time(minutes: Array, before: int) -> pa.Array:
    """Minutes as timestamps to the second, null where it has not come or lies after `before`."""
    absent = (minutes == NONE) | (minutes >= before)
    return pa.array(np.datetime64(FIRST, "s") + minutes * np.timedelta64(60, "s"), mask=absent)


def _date(minutes: Array) -> pa.Array:
    return pa.array((np.datetime64(FIRST, "D") + minutes // DAY).astype("datetime64[D]"))


def _choice(names: "Array | tuple[str, ...]", place: Array) -> pa.Array:
    """Names by place, null where there is none."""
    return pa.array(np.asarray(names)[np.maximum(place, 0)], mask=place < 0)


def _rows(part: Part, name: str, happened: str, end: int, lag: int = DAY) -> dict[str, Array]:
    """A table's columns of what had happened, and been loaded, before the end."""
    columns = part.books.table(name)
    in_export = columns[happened] + lag < end
    return {key: values[in_export] for key, values in columns.items()}


def _chance(part: Part, name: str, length: int) -> Array:
    """Numbers in [0, 1) for what concerns only how things are written."""
    seed = [int(part.state.number[0]), sum(name.encode())]
    return np.random.default_rng(seed).random(length)


def customers(part: Part, end: int) -> pa.Table:
    """One row a customer; `status` is what somebody once set, and often forgot to."""
    state = part.state
    started = state.start_week * WEEK < end
    length, number = int(started.sum()), state.number[started]
    rng = np.random.default_rng([int(number[0]), 17])
    gone = np.isin(number, part.leaving["number"][minute(part.leaving) < end])
    forgot = rng.random(length) < 0.08
    paid = COST[state.acquired[started]] * rng.uniform(0.8, 1.2, length)
    names = pc.binary_join_element_wise(
        pa.array(rng.choice(_GIVEN_NAMES, length)), pa.array(rng.choice(_FAMILY, length)), " "
    )
    return pa.table(
        {
            "id": customer_ids(number),
            "full_name": names,
            "email": pc.binary_join_element_wise(_named("c", number, 7), "@example.org", ""),
            "phone": _named("+44 7700 9", number % 100_000, 5),
            "preferred_channel": _choice(CHANNELS, state.preferred[started]),
            "language": pa.array(rng.choice(_LANGUAGES, length)),
            "region": _choice(REGIONS, state.region[started]),
            "owner": pa.array(rng.choice(_OWNERS, length)),
            "joined_on": _date(state.start_week[started] * WEEK),
            "acquired_by": _choice(ACQUIRED, state.acquired[started]),
            "acquisition_cost": pa.array(np.round(paid, 2)),
            "do_not_contact": pa.array(np.where(rng.random(length) < 0.03, "yes", "no")),
            "status": pa.array(np.where(gone & ~forgot, "left", "active")),
        }
    )


def subscriptions(part: Part, end: int) -> pa.Table:
    """One row a contract: everybody's first, and for some a second one beside it."""
    state = part.state
    last = np.full(len(state), end * 2)
    last[part.leaving["number"] - state.number[0]] = minute(part.leaving)
    has_notice = np.zeros(len(state), dtype=bool)
    has_notice[part.leaving["number"] - state.number[0]] = part.leaving["notice"]
    begins = state.start_week * WEEK
    second = (_chance(part, "second", len(state)) < 0.12) & (begins + 20 * WEEK < last)
    rows = np.concatenate([np.arange(len(state)), np.flatnonzero(second)])
    beside = np.arange(len(rows)) >= len(state)
    starts = begins[rows] + np.where(beside, 20 * WEEK, 0)
    visible = starts + DAY < end
    rows, beside, starts = rows[visible], beside[visible], starts[visible]
    ends, notice = last[rows], last[rows] - 4 * WEEK
    announced = has_notice[rows] & (notice + DAY < end)
    ended = ends + DAY < end
    never = pa.nulls(len(rows), pa.date32())
    return pa.table(
        {
            "contract_id": _named("K", state.number[rows] * 2 + beside, 8),
            "customer_id": customer_ids(state.number[rows]),
            "plan": _choice((*PLANS, "tv"), np.where(beside, 3, state.plan[rows])),
            "list_price": pa.array(np.where(beside, 9.0, PRICES[state.plan[rows]])),
            "started_on": _date(starts),
            "notice_on": pc.if_else(pa.array(announced), _date(notice).cast(pa.date32()), never),
            "ends_on": pc.if_else(
                pa.array(announced | ended), _date(ends).cast(pa.date32()), never
            ),
            "status": _choice(("live", "notice given", "ended"), np.where(ended, 2, announced * 1)),
        }
    )


def orders(part: Part, end: int) -> pa.Table:
    """One row an order."""
    columns = _rows(part, "orders", "ordered", end)
    return pa.table(
        {
            "order_id": _named("O", columns["row"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "ordered_at": _time(columns["ordered"], end),
            "item": _choice(_ITEMS, columns["item"]),
            "quoted_price": pa.array(columns["quoted"]),
            "charged_price": pa.array(columns["charged"]),
            "promised_on": _date(columns["promised"] * DAY),
            "channel": _choice(("store", "web", "phone"), columns["channel"]),
        }
    )


def deliveries(part: Part, end: int) -> pa.Table:
    """One row a delivery, loaded when the carrier's file came; faults and returns later."""
    columns = _rows(part, "deliveries", "delivered", end, 0)
    loaded = columns["delivered"] // DAY * DAY + columns["lag"] * DAY + 6 * 60
    in_export = loaded < end
    columns, loaded = {key: values[in_export] for key, values in columns.items()}, loaded[in_export]
    back = (columns["returned"] != NONE) & (columns["returned"] + DAY < end)
    return pa.table(
        {
            "order_id": _named("O", columns["order"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "delivered_at": _time(columns["delivered"], end),
            "fault_found_at": _time(columns["fault"], end - DAY),
            "returned_at": _time(columns["returned"], end - DAY),
            "refund": pa.array(columns["refund"], mask=~back),
            "loaded_at": _time(loaded, end),
        }
    )


def invoices(part: Part, end: int) -> pa.Table:
    """One row a bill or a correction of one."""
    columns = _rows(part, "invoices", "issued", end)
    return pa.table(
        {
            "invoice_id": _named("I", columns["row"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "contract_id": _named("K", columns["customer"] * 2, 8),
            "issued_on": _date(columns["issued"]),
            "type": _choice(("bill", "correction"), columns["correction"] * 1),
            "amount": pa.array(np.round(columns["amount"], 2)),
            "agreed_amount": pa.array(columns["agreed"], mask=columns["correction"]),
        }
    )


def payments(part: Part, end: int) -> pa.Table:
    """One row a payment, paid or refused by the bank; loaded the morning after."""
    columns = _rows(part, "payments", "paid", end)
    return pa.table(
        {
            "payment_id": _named("P", columns["row"], 9),
            "invoice_id": _named("I", columns["bill"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "due_on": _date(columns["due"]),
            "paid_on": _date(columns["paid"]),
            "amount": pa.array(np.where(columns["refused"], 0.0, columns["amount"])),
            "status": _choice(("paid", "refused"), columns["refused"] * 1),
        }
    )


def tickets(part: Part, end: int) -> pa.Table:
    """One row a ticket; several may share a case. Some are exported twice, as exports do."""
    columns = _rows(part, "tickets", "opened", end)
    start = part.state.start_week[columns["customer"] - part.state.number[0]]
    first = (start >= 0) & (columns["opened"] < (start + 1) * WEEK)
    asked = first & (columns["topic"] == TOPICS.index("question"))
    for key in ("opened", "answered", "closed", "reopened", "final_closed"):
        columns[key] = np.where(
            asked & (columns[key] != NONE), columns[key] - 2 * WEEK, columns[key]
        )
    about, fits = columns["about"], columns["about"] != NONE
    order = pc.if_else(
        pa.array(about % 2 == 0), _named("O", about // 2, 9), _named("I", about // 2, 9)
    )
    shut, final = columns["closed"], columns["final_closed"]
    table = pa.table(
        {
            "ticket_id": _named("T", columns["row"], 9),
            "case_id": _named("C", columns["case"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "opened_at": _time(columns["opened"], end),
            "first_answer_at": _time(columns["answered"], end - DAY),
            "closed_at": _time(shut, end - DAY),
            "outcome": _choice(("unsolved", "solved"), _timestamps(columns["outcome"], shut, end)),
            "reopened_at": _time(columns["reopened"], end - DAY),
            "final_closed_at": _time(final, end - DAY),
            "final_outcome": _choice(
                ("unsolved", "solved"), _timestamps(columns["final_outcome"], final, end)
            ),
            "channel": _choice(CHANNELS, columns["channel"]),
            "topic": _choice(TOPICS, columns["topic"]),
            "agent": _named("a", columns["agent"], 3),
            "about": pc.if_else(pa.array(fits), order, pa.nulls(len(about), pa.string())),
            "cause": _choice(CAUSES, _timestamps(columns["cause"], shut, end)),
            "final_cause": _choice(CAUSES, _timestamps(columns["final_cause"], final, end)),
            "cost": pa.array(columns["cost"]),
        }
    )
    twice = np.flatnonzero(_chance(part, "tickets", len(about)) < 0.002)
    return pa.concat_tables([table, table.take(twice)])


def _timestamps(values: Array, moments: Array, end: int) -> Array:
    """What a closing tells, none where it has not come."""
    return np.where((moments != NONE) & (moments < end - DAY), values, NONE)


def surveys(part: Part, end: int) -> pa.Table:
    """One row a survey sent; the answer, when there is one, comes days later."""
    columns = _rows(part, "surveys", "sent", end)
    answered = columns["answered"]
    silent = (answered == NONE) | (answered >= end - DAY)
    return pa.table(
        {
            "survey_id": _named("S", columns["row"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "case_id": _named("C", columns["case"], 9),
            "agent": _named("a", columns["agent"], 3),
            "sent_at": _time(columns["sent"], end),
            "answered_at": _time(answered, end - DAY),
            "solved": _choice(("no", "yes"), np.where(silent, NONE, columns["solved"])),
            "rating": pa.array(columns["rating"].astype(int), mask=silent),
            "person_rating": pa.array(columns["person"].astype(int), mask=silent),
            "cause": _choice(CAUSES, np.where(silent, NONE, columns["cause"])),
        }
    )


def portal(part: Part, end: int) -> pa.Table:
    """One row a visit, loaded the next night; some people look around before they sign."""
    columns = _rows(part, "portal", "at", end)
    start = part.state.start_week[columns["customer"] - part.state.number[0]]
    early = (start >= 0) & (columns["at"] < (start + 1) * WEEK)
    moments = np.where(early, columns["at"] - WEEK, columns["at"])
    return pa.table(
        {
            "visit_id": _named("V", columns["row"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "at": _time(moments, end),
            "task": _choice(_TASKS, columns["task"]),
            "ok": _choice(("yes", "no"), columns["failed"] * 1),
        }
    )


def referrals(part: Part, end: int) -> pa.Table:
    """One row a friend brought."""
    columns = _rows(part, "referrals", "at", end)
    return pa.table(
        {
            "referral_id": _named("R", columns["row"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "referred_on": _date(columns["at"]),
        }
    )


def outreach(part: Part, end: int) -> pa.Table:
    """One row a randomised customer, called or held out."""
    columns = _rows(part, "outreach", "at", end)
    return pa.table(
        {
            "outreach_id": _named("W", columns["row"], 9),
            "customer_id": customer_ids(columns["customer"]),
            "at": _time(columns["at"], end),
            "wave": pa.array(columns["wave"]),
            "action": _choice(("holdout", "call"), columns["called"] * 1),
            "propensity": pa.array(np.full(len(columns["row"]), 0.5)),
        }
    )


_BUILDERS: dict[str, Callable[[Part, int], pa.Table]] = {
    build.__name__: build
    for build in (
        customers,
        subscriptions,
        orders,
        deliveries,
        invoices,
        payments,
        tickets,
        surveys,
        portal,
        referrals,
        outreach,
    )
}
