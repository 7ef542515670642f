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
_ITEMS = np.array(["router", "handset", "sim", "cable box", "booster", "tablet", "line repair",
                   "installation", "tv pack", "sport pack", "roaming", "cloud pack"])  # fmt: skip
_TASKS = np.array(["see bill", "pay bill", "change plan", "report fault"])
_GIVEN = np.array(["Amina", "Ben", "Chloe", "David", "Elif", "Farah", "George", "Hana", "Imran",
                   "Jo", "Kiran", "Liam", "Maya", "Nadia", "Omar", "Priya", "Rafi", "Sara",
                   "Tom", "Zoë", "آمنہ", "রহিম"])  # fmt: skip
_FAMILY = np.array(["Ahmed", "Begum", "Clarke", "Davies", "Evans", "Farooq", "Green", "Hussain",
                    "Iqbal", "Jones", "Khan", "Lewis", "Miah", "Novak", "O'Brien", "Patel",
                    "Rahman", "Smith", "Taylor", "Wright", "خان", "দাস"])  # fmt: skip
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
    return pa.table({"agent": _named("a", number, 3), "team": team,
                     "branch": pa.array(branch, mask=team != "branches")})  # fmt: skip


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
    found = part.books.table(name)
    kept = found[happened] + lag < end
    return {key: values[kept] for key, values in found.items()}


def _chance(part: Part, name: str, length: int) -> Array:
    """Numbers in [0, 1) for what concerns only how things are written."""
    seed = [int(part.state.number[0]), sum(name.encode())]
    return np.random.default_rng(seed).random(length)


def customers(part: Part, end: int) -> pa.Table:
    """One row a customer; `status` is what somebody once set, and often forgot to."""
    state = part.state
    known = state.start_week * WEEK < end
    length, number = int(known.sum()), state.number[known]
    rng = np.random.default_rng([int(number[0]), 17])
    gone = np.isin(number, part.leaving["number"][minute(part.leaving) < end])
    forgot = rng.random(length) < 0.08
    paid = COST[state.acquired[known]] * rng.uniform(0.8, 1.2, length)
    names = pc.binary_join_element_wise(
        pa.array(rng.choice(_GIVEN, length)), pa.array(rng.choice(_FAMILY, length)), " "
    )
    return pa.table({
        "id": customer_ids(number),
        "full_name": names,
        "email": pc.binary_join_element_wise(_named("c", number, 7), "@example.org", ""),
        "phone": _named("+44 7700 9", number % 100_000, 5),
        "preferred_channel": _choice(CHANNELS, state.preferred[known]),
        "language": pa.array(rng.choice(_LANGUAGES, length)),
        "region": _choice(REGIONS, state.region[known]),
        "owner": pa.array(rng.choice(_OWNERS, length)),
        "joined_on": _date(state.start_week[known] * WEEK),
        "acquired_by": _choice(ACQUIRED, state.acquired[known]),
        "acquisition_cost": pa.array(np.round(paid, 2)),
        "do_not_contact": pa.array(np.where(rng.random(length) < 0.03, "yes", "no")),
        "status": pa.array(np.where(gone & ~forgot, "left", "active")),
    })  # fmt: skip


def subscriptions(part: Part, end: int) -> pa.Table:
    """One row a contract: everybody's first, and for some a second one beside it."""
    state = part.state
    last = np.full(len(state), end * 2)
    last[part.leaving["number"] - state.number[0]] = minute(part.leaving)
    given = np.zeros(len(state), dtype=bool)
    given[part.leaving["number"] - state.number[0]] = part.leaving["notice"]
    begins = state.start_week * WEEK
    second = (_chance(part, "second", len(state)) < 0.12) & (begins + 20 * WEEK < last)
    rows = np.concatenate([np.arange(len(state)), np.flatnonzero(second)])
    beside = np.arange(len(rows)) >= len(state)
    starts = begins[rows] + np.where(beside, 20 * WEEK, 0)
    seen = starts + DAY < end
    rows, beside, starts = rows[seen], beside[seen], starts[seen]
    ends, notice = last[rows], last[rows] - 4 * WEEK
    told = given[rows] & (notice + DAY < end)
    ended = ends + DAY < end
    never = pa.nulls(len(rows), pa.date32())
    return pa.table({
        "contract_id": _named("K", state.number[rows] * 2 + beside, 8),
        "customer_id": customer_ids(state.number[rows]),
        "plan": _choice((*PLANS, "tv"), np.where(beside, 3, state.plan[rows])),
        "list_price": pa.array(np.where(beside, 9.0, PRICES[state.plan[rows]])),
        "started_on": _date(starts),
        "notice_on": pc.if_else(pa.array(told), _date(notice).cast(pa.date32()), never),
        "ends_on": pc.if_else(pa.array(told | ended), _date(ends).cast(pa.date32()), never),
        "status": _choice(("live", "notice given", "ended"), np.where(ended, 2, told * 1)),
    })  # fmt: skip


def orders(part: Part, end: int) -> pa.Table:
    """One row an order."""
    found = _rows(part, "orders", "ordered", end)
    return pa.table({
        "order_id": _named("O", found["row"], 9),
        "customer_id": customer_ids(found["customer"]),
        "ordered_at": _time(found["ordered"], end),
        "item": _choice(_ITEMS, found["item"]),
        "quoted_price": pa.array(found["quoted"]),
        "charged_price": pa.array(found["charged"]),
        "promised_on": _date(found["promised"] * DAY),
        "channel": _choice(("store", "web", "phone"), found["channel"]),
    })  # fmt: skip


def deliveries(part: Part, end: int) -> pa.Table:
    """One row a delivery, loaded when the carrier's file came; faults and returns later."""
    found = _rows(part, "deliveries", "delivered", end, 0)
    loaded = found["delivered"] // DAY * DAY + found["lag"] * DAY + 6 * 60
    kept = loaded < end
    found, loaded = {key: values[kept] for key, values in found.items()}, loaded[kept]
    back = (found["returned"] != NONE) & (found["returned"] + DAY < end)
    return pa.table({
        "order_id": _named("O", found["order"], 9),
        "customer_id": customer_ids(found["customer"]),
        "delivered_at": _time(found["delivered"], end),
        "fault_found_at": _time(found["fault"], end - DAY),
        "returned_at": _time(found["returned"], end - DAY),
        "refund": pa.array(found["refund"], mask=~back),
        "loaded_at": _time(loaded, end),
    })  # fmt: skip


def invoices(part: Part, end: int) -> pa.Table:
    """One row a bill or a correction of one."""
    found = _rows(part, "invoices", "issued", end)
    return pa.table({
        "invoice_id": _named("I", found["row"], 9),
        "customer_id": customer_ids(found["customer"]),
        "contract_id": _named("K", found["customer"] * 2, 8),
        "issued_on": _date(found["issued"]),
        "type": _choice(("bill", "correction"), found["correction"] * 1),
        "amount": pa.array(np.round(found["amount"], 2)),
        "agreed_amount": pa.array(found["agreed"], mask=found["correction"]),
    })  # fmt: skip


def payments(part: Part, end: int) -> pa.Table:
    """One row a payment, paid or refused by the bank; loaded the morning after."""
    found = _rows(part, "payments", "paid", end)
    return pa.table({
        "payment_id": _named("P", found["row"], 9),
        "invoice_id": _named("I", found["bill"], 9),
        "customer_id": customer_ids(found["customer"]),
        "due_on": _date(found["due"]),
        "paid_on": _date(found["paid"]),
        "amount": pa.array(np.where(found["refused"], 0.0, found["amount"])),
        "status": _choice(("paid", "refused"), found["refused"] * 1),
    })  # fmt: skip


def tickets(part: Part, end: int) -> pa.Table:
    """One row a ticket; several may share a case. Some are exported twice, as exports do."""
    found = _rows(part, "tickets", "opened", end)
    start = part.state.start_week[found["customer"] - part.state.number[0]]
    first = (start >= 0) & (found["opened"] < (start + 1) * WEEK)
    asked = first & (found["topic"] == TOPICS.index("question"))
    for key in ("opened", "answered", "closed", "reopened", "final_closed"):
        found[key] = np.where(asked & (found[key] != NONE), found[key] - 2 * WEEK, found[key])
    about, fits = found["about"], found["about"] != NONE
    order = pc.if_else(pa.array(about % 2 == 0), _named("O", about // 2, 9),
                       _named("I", about // 2, 9))  # fmt: skip
    shut, final = found["closed"], found["final_closed"]
    table = pa.table({
        "ticket_id": _named("T", found["row"], 9),
        "case_id": _named("C", found["case"], 9),
        "customer_id": customer_ids(found["customer"]),
        "opened_at": _time(found["opened"], end),
        "first_answer_at": _time(found["answered"], end - DAY),
        "closed_at": _time(shut, end - DAY),
        "outcome": _choice(("unsolved", "solved"), _told(found["outcome"], shut, end)),
        "reopened_at": _time(found["reopened"], end - DAY),
        "final_closed_at": _time(final, end - DAY),
        "final_outcome": _choice(("unsolved", "solved"),
                                 _told(found["final_outcome"], final, end)),
        "channel": _choice(CHANNELS, found["channel"]),
        "topic": _choice(TOPICS, found["topic"]),
        "agent": _named("a", found["agent"], 3),
        "about": pc.if_else(pa.array(fits), order, pa.nulls(len(about), pa.string())),
        "cause": _choice(CAUSES, _told(found["cause"], shut, end)),
        "final_cause": _choice(CAUSES, _told(found["final_cause"], final, end)),
        "cost": pa.array(found["cost"]),
    })  # fmt: skip
    twice = np.flatnonzero(_chance(part, "tickets", len(about)) < 0.002)
    return pa.concat_tables([table, table.take(twice)])


def _told(values: Array, at: Array, end: int) -> Array:
    """What a closing tells, none where it has not come."""
    return np.where((at != NONE) & (at < end - DAY), values, NONE)


def surveys(part: Part, end: int) -> pa.Table:
    """One row a survey sent; the answer, when there is one, comes days later."""
    found = _rows(part, "surveys", "sent", end)
    at = found["answered"]
    silent = (at == NONE) | (at >= end - DAY)
    return pa.table({
        "survey_id": _named("S", found["row"], 9),
        "customer_id": customer_ids(found["customer"]),
        "case_id": _named("C", found["case"], 9),
        "agent": _named("a", found["agent"], 3),
        "sent_at": _time(found["sent"], end),
        "answered_at": _time(at, end - DAY),
        "solved": _choice(("no", "yes"), np.where(silent, NONE, found["solved"])),
        "rating": pa.array(found["rating"].astype(int), mask=silent),
        "person_rating": pa.array(found["person"].astype(int), mask=silent),
        "cause": _choice(CAUSES, np.where(silent, NONE, found["cause"])),
    })  # fmt: skip


def portal(part: Part, end: int) -> pa.Table:
    """One row a visit, loaded the next night; some people look around before they sign."""
    found = _rows(part, "portal", "at", end)
    start = part.state.start_week[found["customer"] - part.state.number[0]]
    early = (start >= 0) & (found["at"] < (start + 1) * WEEK)
    at = np.where(early, found["at"] - WEEK, found["at"])
    return pa.table({
        "visit_id": _named("V", found["row"], 9),
        "customer_id": customer_ids(found["customer"]),
        "at": _time(at, end),
        "task": _choice(_TASKS, found["task"]),
        "ok": _choice(("yes", "no"), found["failed"] * 1),
    })  # fmt: skip


def referrals(part: Part, end: int) -> pa.Table:
    """One row a friend brought."""
    found = _rows(part, "referrals", "at", end)
    return pa.table({
        "referral_id": _named("R", found["row"], 9),
        "customer_id": customer_ids(found["customer"]),
        "referred_on": _date(found["at"]),
    })  # fmt: skip


def outreach(part: Part, end: int) -> pa.Table:
    """One row a customer drawn for a retention call; a coin decided who was called."""
    found = _rows(part, "outreach", "at", end)
    return pa.table({
        "outreach_id": _named("W", found["row"], 9),
        "customer_id": customer_ids(found["customer"]),
        "at": _time(found["at"], end),
        "wave": pa.array(found["wave"]),
        "action": _choice(("holdout", "call"), found["called"] * 1),
        "propensity": pa.array(np.full(len(found["row"]), 0.5)),
    })  # fmt: skip


_BUILDERS: dict[str, Callable[[Part, int], pa.Table]] = {
    build.__name__: build
    for build in (customers, subscriptions, orders, deliveries, invoices, payments, tickets,
                  surveys, portal, referrals, outreach)
}  # fmt: skip
