"""Propose what the rows of a file are: its key, its events, or that they are customers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

from retention.commands.init.columns import NUMBERS, GuessedColumn, Look, has_role, plain_name
from retention.commands.init.shapes import lines_below_a_header, log_of_states
from retention.sources.reader import identifier

_CASE_NAMES: Final = (
    "ticket",
    "case",
    "conversation",
    "support",
    "helpdesk",
    "incident",
    "complaint",
)
_PAYMENT_NAMES: Final = ("payment", "charge", "payout")
_PURCHASE_NAMES: Final = (
    "order",
    "sale",
    "purchase",
    "receipt",
    "basket",
    "invoice",
    "transaction",
    "line",
)
_BEGIN: Final = (
    "start",
    "begin",
    "opened",
    "created",
    "since",
    "activated",
    "order",
    "purchase",
    "sold",
)
_NUMBER_WORDS: Final = r"_?(id|no|nr|number|code|key)"
_COUNTED: Final = ("amount", "quantity")
_MOST_PAIRS: Final = 30
_DELETED: Final = re.compile(r"(^|_)(deleted|voided)(_at|_on)?$")
_VISIT: Final = re.compile(
    r"(^|_)(visits?|usage|used|logins?|sessions?|portal|pages?|clicks?|views?|app)(_|$)"
)
_MINOR_UNIT: Final = re.compile(r"(^|_)(cents?|pence|paisa|minor)(_|$)")


@dataclass
class Proposal:
    """What a file is mapped to."""

    look: Look
    section: dict[str, Any] = field(default_factory=dict)  # its keys in params.yaml
    evidence: dict[str, str] = field(default_factory=dict)  # by key
    is_customers: bool = False
    recipe: str | None = None

    @property
    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.section.get("events", [])]

    def note(self, key: str, value: Any, evidence: str) -> None:
        self.section[key], self.evidence[key] = value, evidence


def sql(column: GuessedColumn) -> str:
    """A column as params.yaml names it alone."""
    return column.name


def in_sql(column: GuessedColumn) -> str:
    """A column as it stands within SQL."""
    return column.name if column.name.isidentifier() else identifier(column.name)


# Who


def customer_column(look: Look, others: Sequence[Look]) -> tuple[str, str] | None:
    """SQL of the customer of a row, and why; None where no column names one."""
    ids = [column for column in look.with_role("customer") if not column.is_time and column.filled]
    if ids:
        shared = {column.name: _shared_with(look, column, others) for column in ids}
        best = max(
            ids, key=lambda c: (bool(shared[c.name]), plain_name(c.name).endswith("id"), c.filled)
        )
        rest = [column.name for column in ids if column != best]
        why = f"{best.distinct:,} ids in {look.rows:,} rows{shared[best.name]}"
        return sql(best), why + (f"; or {', '.join(rest)}" if rest else "")
    emails = look.with_role("email")
    if emails:
        why = (
            "no column is an id of customers; an address is personal data and stands in the feature"
            " table then: better export an id"
        )
        return f"lower(trim({in_sql(emails[0])}))", why
    return None


def _shared_with(look: Look, column: GuessedColumn, others: Sequence[Look]) -> str:
    """In which other files most ids of a column stand, in words."""
    ids = look.values(column)
    for other in others:
        for there in other.with_role("customer"):
            shared = len(ids & other.values(there))
            if ids and shared / len(ids) >= 0.5:
                return f", {shared / len(ids):.0%} of them also in {there.name} of {other.name}"
    return ""


def join_for(look: Look, others: Sequence[Look]) -> tuple[dict[str, Any], str, str] | None:
    """A join to the file that has the customer of a column here: join, customer, evidence."""
    for other in others:
        found_there = customer_column(other, [])
        if found_there is None or found_there[0] not in other.columns:
            continue
        keys = [c for c in other.columns.values() if c.filled == c.distinct == other.rows > 1]
        for here, there in product(look.columns.values(), keys):
            if here.is_time or there.is_time or not _may_name(here, there):
                continue
            ids = look.values(here)
            shared = len(ids & other.values(there)) / len(ids) if ids else 0.0
            if shared >= 0.9 and len(ids) > 1:
                customer = found_there[0]
                name = customer if customer not in look.columns else f"{other.name}_{customer}"
                partner = dict(other.table.options) | {
                    "on": {here.name: there.name},
                    "columns": {name: customer},
                }
                why = f"{shared:.0%} of the values of {here.name} stand in {there.name}"
                return {other.name: partner}, name, f"{why} of {other.name}, which has {customer}"
    return None


def _may_name(here: GuessedColumn, there: GuessedColumn) -> bool:
    """Whether a column may name the rows of another file.

    Small numbers stand in every file, so they must be called alike.
    """
    if here.kind == "text":
        return True
    stems = [re.sub(rf"{_NUMBER_WORDS}$", "", plain_name(c.name)) for c in (here, there)]
    return here.kind == "integer" and stems[0] == stems[1] != ""


# The key


def propose_key(look: Look) -> tuple[list[str] | str, str]:
    """Columns that are unique and filled in every row, and why."""
    full = [c for c in look.columns.values() if c.filled == look.rows and c.kind not in NUMBERS[1:]]
    ids = [c for c in full if not c.is_time]
    for column in ids:
        if column.distinct == look.rows:
            return [column.name], f"unique in all {look.rows:,} rows"
    wanted = ("order", "case", "contract", "line", "item", "customer")
    named = [c for c in full if any(c in look.with_role(role) for role in wanted)]
    pairs = [(a, b) for i, a in enumerate(named) for b in named[i + 1 :]]
    pairs += [(a, b) for a in named for b in full if b.is_time]
    for pair in pairs[:_MOST_PAIRS]:
        if look.distinct_of(pair) == look.rows:
            return [column.name for column in pair], f"together unique in all {look.rows:,} rows"
    return "row_number", "no column or pair is unique; a row that is exported twice counts twice"


# What


def propose(look: Look, others: Sequence[Look]) -> Proposal:
    """The mapping of one file; without events where nothing in it can be placed in time."""
    proposal = Proposal(look)
    who = customer_column(look, others)
    if _are_people(look):
        person = _id_of_people(look, others) or who
        if person:
            _map_customers(proposal, person)
            return proposal
    joined = None if who else join_for(look, others)
    key, why = propose_key(look)
    proposal.note("key", key, why)
    if joined:
        join, customer, evidence = joined
        proposal.note("join", join, evidence)
        who = customer, "from the joined file"
    if who and look.times():
        below = lines_below_a_header(look, who[0])
        if below:
            proposal.note("fill_down", *below)
        _map_events(proposal, *who)
        _declare_types(proposal)
    return proposal


def _are_people(look: Look) -> bool:
    """Whether a row is a customer: a name or an address for each, no money, nothing that ends."""
    people = [look.first(role) for role in ("name", "email", "phone")]
    per_row = [column for column in people if column and column.distinct > 0.9 * look.rows]
    money = look.first("total", *NUMBERS) or look.first("price", *NUMBERS)
    other = look.with_role("contract") or look.with_role("case") or _ends(look)
    return bool(per_row) and not money and not other


def _id_of_people(look: Look, others: Sequence[Look]) -> tuple[str, str] | None:
    """The unique column whose values most sources use for their customers, and why."""
    best: tuple[float, str, str] = (0.0, "", "")
    for column in look.columns.values():
        if column.is_time or not column.distinct == column.filled == look.rows:
            continue
        is_address = has_role(column.name, "email")
        for other in others:
            for there in other.with_role("email" if is_address else "customer"):
                ids, sought = (
                    {v.strip().lower() for v in x}
                    for x in (look.values(column), other.values(there))
                )
                shared = len(ids & sought) / max(1, len(sought))
                text = f"lower(trim({in_sql(column)}))" if is_address else sql(column)
                why = f"{shared:.0%} of {there.name} of {other.name} stand in {column.name}"
                best = max(best, (shared, text, why))
    return best[1:] if best[0] >= 0.5 else None


def _map_customers(proposal: Proposal, who: tuple[str, str]) -> None:
    look = proposal.look
    proposal.is_customers = True
    columns = {"customer_id": who[0]}
    for role in ("name", "email", "phone", "region", "language"):
        column = look.first(role)
        if column and column.name not in columns.values():
            columns[role] = column.name
    joined = next(iter(look.times()), None)
    if joined:
        columns["joined_at"] = joined.name
        proposal.note("types", {joined.name: joined.kind}, "the first time of a customer's row")
        _declare_form(proposal, [joined])
    proposal.note("columns", columns, f"a row is a customer: {who[1]}")


def _ends(look: Look) -> list[GuessedColumn]:
    return [column for column in look.times() if column in look.with_role("end")]


def _begin(look: Look) -> GuessedColumn:
    """When a row happened: a time of that name, else the first that is filled in most rows."""
    others = [column for column in look.times() if column not in _ends(look)] or look.times()
    named = [c for c in others if any(word in plain_name(c.name) for word in _BEGIN)]
    fullest = max(column.filled for column in others)
    return next((c for c in (*named, *others) if c.filled >= 0.99 * fullest), others[0])


def _map_events(proposal: Proposal, customer: str, why: str) -> None:
    look = proposal.look
    begin = _begin(look)
    event: dict[str, Any] = {"customer_id": customer, "occurred_at": sql(begin)}
    deleted = [c for c in look.times() if _DELETED.search(plain_name(c.name)) and c != begin]
    if deleted:
        event["deleted_at"] = sql(deleted[0])
    others = [column.name for column in look.times() if column != begin]
    proposal.evidence["customer_id"] = why
    proposal.evidence["occurred_at"] = f"{begin.filled / look.rows:.0%} filled" + (
        f"; or {', '.join(others)}" if others else ""
    )
    end = next(iter(_ends(look)), None)
    name = plain_name(look.name)
    log = log_of_states(look)
    if log and not end:
        _map_log(proposal, event, *log)
    elif end and (look.with_role("case") or any(word in name for word in _CASE_NAMES)):
        _map_case(proposal, event, end)
    elif end and not any(word in name for word in _PURCHASE_NAMES):
        _map_contract(proposal, event, end)
    else:
        _map_fact(proposal, event, name)


def _with_columns(look: Look, event: dict[str, Any], **roles: str) -> dict[str, Any]:
    """The event with the columns of some roles that the file has."""
    taken = set(event.values())
    for column, role in roles.items():
        match = next((c for c in look.with_role(role) if c.name not in taken), None)
        if match:
            event[column] = match.name
            taken.add(match.name)
    return event


def _map_case(proposal: Proposal, event: dict[str, Any], end: GuessedColumn) -> None:
    look = proposal.look
    case = look.first("case") or next(
        (look.columns[c] for c in proposal.section["key"] if c in look.columns), None
    )
    ids = {"case_id": case.name} if case else {}
    opened = _with_columns(look, event | ids, channel="channel", topic="topic")
    solved = event | ids | {"occurred_at": end.name}
    proposal.note(
        "events",
        [
            {"kind": "contact"} | opened,
            {"kind": "resolution", "where": f"{in_sql(end)} is not null"} | solved,
        ],
        f"a case that begins and, in {end.filled:,} of {look.rows:,} rows, ends on {end.name}",
    )


def _map_log(
    proposal: Proposal,
    event: dict[str, Any],
    state: GuessedColumn,
    begun: list[str],
    done: list[str],
) -> None:
    """A log of a case's states: what begins it is a contact, what ends it a resolution."""
    look = proposal.look
    case = look.first("case")
    ids = {"case_id": case.name} if case else {}
    opened = _with_columns(look, event | ids, channel="channel", topic="topic")
    events = [{"kind": "resolution", "changes": {"column": state.name, "to": done}} | event | ids]
    if begun:
        contact = {"kind": "contact", "changes": {"column": state.name, "to": begun}}
        events.insert(0, contact | opened)
    states = ", ".join(sorted(look.values(state)))
    proposal.note("events", events, f"a log of states of {ids['case_id']}: {states}")


def _map_contract(proposal: Proposal, event: dict[str, Any], end: GuessedColumn) -> None:
    look = proposal.look
    contract = look.first("contract")
    ids = {"contract_id": contract.name} if contract else {}
    proposal.note(
        "events",
        [
            {"kind": "start"} | event | ids,
            {"kind": "cancel", "where": f"{in_sql(end)} is not null"}
            | event
            | ids
            | {"occurred_at": end.name},
        ],
        f"a contract that begins and, in {end.filled:,} of {look.rows:,} rows, ends on {end.name}",
    )


def _map_moment(proposal: Proposal, event: dict[str, Any], name: str) -> None:
    """A customer and a time alone: a visit where a name says so, else a purchase of unknown price.

    Features of visits speak of the portal, which nobody has seen in such a file.
    """
    look = proposal.look
    names = map(plain_name, (name, *look.columns))
    kind, other = "purchase", "visit"
    if any(_VISIT.search(each) for each in names):
        kind, other = other, kind
    moment = _with_columns(look, {"kind": kind} | event, channel="channel", topic="topic")
    why = f"a customer and a time without money; it could be kind: {other}, or a word of your own"
    proposal.note("events", [moment], why)


def _map_fact(proposal: Proposal, event: dict[str, Any], name: str) -> None:
    look = proposal.look
    money, why = _money(look)
    if look.first("rating", *NUMBERS) and not money:
        proposal.note(
            "events", [{"kind": "survey"} | event], "a rating; scale it to 0 to 1 and map rating:"
        )
        return
    if not money:
        _map_moment(proposal, event, name)
        return
    is_payment = any(word in name for word in _PAYMENT_NAMES)
    kind, opposite = ("payment", None) if is_payment else ("purchase", "return")
    event = _with_columns(look, event, order_id="order", item_id="item", channel="channel")
    quantity = look.first("quantity", *NUMBERS)
    if quantity and quantity.name != money:
        event["quantity"] = quantity.name
    event["amount"] = money
    if _MINOR_UNIT.search(plain_name(money)):
        event["unit"] = "cents"
    events = [{"kind": kind} | event]
    negative = _negative_rows(proposal, money) if opposite else 0
    if negative:
        events = [
            {"kind": kind, "where": f"{money} >= 0"} | event,
            {"kind": opposite, "where": f"{money} < 0"} | event,
        ]
    below = f"; {negative:,} rows are below zero" if negative else ""
    proposal.note("events", events, f"{why}{below}")


def _money(look: Look) -> tuple[str, str]:
    """SQL of the money of a row, and why; both empty without any."""
    price, quantity = look.first("price", *NUMBERS), look.first("quantity", *NUMBERS)
    totals = [
        c for c in look.with_role("total") if c.kind in NUMBERS and c not in (quantity, price)
    ]
    if price and quantity:
        others = "".join(f"; or {column.name}" for column in totals[:1])
        return f"{in_sql(quantity)} * {in_sql(price)}", f"a price times a quantity{others}"
    if totals or price:
        best = [*totals, *([price] if price else [])][0]
        rest = [column.name for column in totals if column != best]
        others = f"; or {', '.join(rest)}" if rest else ""
        return sql(best), f"{best.name} is a number whose name is money's{others}"
    return "", ""


def _negative_rows(proposal: Proposal, money: str) -> int:
    """How many rows have money below zero; by the text of the columns that the SQL reads."""
    look = proposal.look
    read = [c for c in look.columns.values() if c.name in money and c.kind in NUMBERS]
    minus = " or ".join(f"trim({c.raw.text_sql}) like '%-%'" for c in read) or "false"
    return look.table.sample.count(minus)[0]


# Types and formats


def _declare_types(proposal: Proposal) -> None:
    """Types of the columns that the mapping reads."""
    look = proposal.look
    events = proposal.section["events"]
    texts = [str(text) for event in events for text in event.values()]
    sums = [str(event[key]) for event in events for key in _COUNTED if key in event]
    counted = {c.name for c in look.columns.values() if c.kind in NUMBERS and _stands_in(c, sums)}
    used = [
        column
        for column in look.columns.values()
        if column.name in counted or (column.is_time and _stands_in(column, texts))
    ]
    types = {c.name: "decimal" if c.kind == "integer" and _is_amount(c) else c.kind for c in used}
    odd = [
        f"{column.misfits:,} of {column.filled:,} values of {column.name} do not fit: their rows"
        " will be rejected"
        for column in used
        if column.misfits
    ]
    proposal.note("types", types, "; ".join(odd) or "every value fits")
    _declare_form(proposal, [column for column in used if column.is_time])


def _stands_in(column: GuessedColumn, texts: Sequence[str]) -> bool:
    return any(text == column.name or in_sql(column) in text.split() for text in texts)


def _is_amount(column: GuessedColumn) -> bool:
    return "quantity" not in plain_name(column.name) and "qty" not in plain_name(column.name)


def _declare_form(proposal: Proposal, times: Sequence[GuessedColumn]) -> None:
    """The formats of the times that are read, with the others that would fit as well."""
    look = proposal.look
    if look.form:
        unsure = [
            f"{column.name} also fits {', '.join(column.forms[1:3])}"
            for column in times
            if len(column.forms) > 1
        ]
        odd = any(column.misfits for column in look.columns.values())
        fits = "fits all other values" if odd else "fits every value"
        proposal.note("format", look.form, "; ".join(unsure) or fits)
