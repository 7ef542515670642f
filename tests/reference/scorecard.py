"""Every measure of the scorecard, slow and obvious: loops over events, from what each one means.

A company is a list of events; days are day numbers. `measures` gives (part, whole) of the period
start <= day < end, as known at `today`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Event = dict[str, Any]
Sums = tuple[float, float]

WRITTEN = {"email", "letter", "chat", "portal", "web", "app", "form"}
ANSWER_MINUTES, RESOLUTION_DAYS, JUDGED_DAYS = 24 * 60, 5, 28


@dataclass(frozen=True, eq=False)
class Company:
    """The events known before today, in order of time, and after how many days silence is long."""

    events: Sequence[Event]
    today: int
    silence_days: int

    def of_kind(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["kind"] == kind]

    def groups(self, kind: str, *names: str) -> dict[tuple[Any, ...], list[Event]]:
        """The events of a kind by columns; without the last of them an event is its own group."""
        grouped = defaultdict(list)
        for event in self.of_kind(kind):
            last = event[names[-1]] or event["event_id"]
            grouped[(*(event[name] for name in names[:-1]), last)].append(event)
        return grouped


def company(events: Sequence[Event], today: int, silence_days: int) -> Company:
    known_events = [event for event in events if event["known_day"] < today]
    ordered = sorted(known_events, key=lambda event: (event["occurred_minute"], event["event_id"]))
    return Company(ordered, today, silence_days)


def measures(shop: Company, name: str, start: int, end: int) -> Sums:
    return MEASURES[name](shop, start, end)


def share_of_days(rows: Iterator[tuple[int, float]], start: int, end: int) -> Sums:
    inside = [part for day, part in rows if start <= day < end]
    return sum(inside), len(inside)


def per_customer_days(shop: Company, days: list[int], start: int, end: int) -> Sums:
    present = sum(
        begins <= day < until for begins, until in stays(shop) for day in range(start, end)
    )
    return sum(start <= day < end for day in days), present / 100 / 28


def stays(shop: Company) -> Iterator[tuple[int, int]]:
    """The first day of each contract, and the day after the one on which it ended."""
    began: dict[str, int] = {}
    for event in shop.events:
        if event["kind"] == "start":
            began[event["customer_id"]] = event["occurred_day"]
        if event["kind"] == "cancel":
            yield began.pop(event["customer_id"]), event["occurred_day"] + 1
    for day in began.values():
        yield day, shop.today


def contacts_on(shop: Company, keep: Callable[[Event], bool]) -> list[int]:
    return [event["occurred_day"] for event in shop.of_kind("contact") if keep(event)]


def is_complaint(event: Event) -> bool:
    return event["topic"] in ("complaint", "billing")


def is_spoken(event: Event) -> bool:
    return event["channel"] is not None and event["channel"] not in WRITTEN


# --- orders


def orders(shop: Company) -> list[tuple[str, int]]:
    grouped = shop.groups("purchase", "customer_id", "order_id")
    return [
        (str(key[0]), min(line["occurred_day"] for line in lines)) for key, lines in grouped.items()
    ]


def repeat_business(shop: Company) -> Iterator[tuple[int, float]]:
    placed = orders(shop)
    since = min(day for _, day in placed) + shop.silence_days
    for who, day in placed:
        if day >= since:
            yield day, any(other == who and earlier < day for other, earlier in placed)


@cache
def promised_orders(shop: Company) -> list[dict[str, Any]]:
    since = min(event["occurred_day"] for event in shop.events)
    collected = []
    for (who, name), lines in shop.groups("purchase", "customer_id", "order_id").items():
        promised = [line["promised_day"] for line in lines if line["promised_day"] is not None]
        if lines[0]["order_id"] is None or not promised or max(promised) < since:
            continue
        about = [
            event
            for event in shop.events
            if event["kind"] in ("delivery", "return")
            and (event["customer_id"], event["order_id"]) == (who, name)
        ]
        arrived = [e["occurred_day"] for e in about if e["kind"] == "delivery" and not e["cause"]]
        faulty = [e["occurred_day"] for e in about if e["kind"] == "return" or e["cause"]]
        quoted = [line for line in lines if line["quoted_amount"] is not None]
        order = {
            "day": min(line["occurred_day"] for line in lines),
            "promised": max(promised),
            "came": min(arrived) if arrived else min(faulty, default=shop.today),
            "fault": min(faulty, default=None),
            "quoted": bool(quoted),
            "over": any(line["amount"] > line["quoted_amount"] for line in quoted),
        }
        collected.append(order)
    return collected


def rework(shop: Company, start: int, end: int) -> Sums:
    placed = promised_orders(shop)
    faults = [order["fault"] for order in placed if order["fault"] is not None]
    return (
        sum(start <= day < end for day in faults),
        sum(start <= order["day"] < end for order in placed),
    )


def touches(shop: Company, start: int, end: int) -> Sums:
    called = [event["occurred_day"] for event in shop.of_kind("contact")]
    placed = [day for _, day in orders(shop) if day >= min(called)]
    return sum(start <= day < end for day in called), sum(start <= day < end for day in placed)


# --- cases


@cache
def cases(shop: Company) -> list[tuple[int, list[Event], list[Event], list[Event]]]:
    """First day, contacts, responses, resolutions."""
    collected = []
    for (who, name), contacts in shop.groups("contact", "customer_id", "case_id").items():
        replies = [
            [e for e in shop.of_kind(kind) if (e["customer_id"], e["case_id"]) == (who, name)]
            for kind in ("response", "resolution")
        ]
        collected.append((contacts[0]["occurred_day"], contacts, replies[0], replies[1]))
    return collected


def answers(shop: Company) -> Iterator[tuple[int, float | None]]:
    """Day of each case, and the minutes to its first answer."""
    for day, contacts, responses, resolutions in cases(shop):
        minutes = [event["occurred_minute"] for event in (*responses, *resolutions)]
        asked = contacts[0]["occurred_minute"]
        yield day, max(min(minutes) - asked, 0) if minutes else None


def judged(shop: Company) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each case as it stood four weeks after its first contact, since ends are on record."""
    ends = [resolutions[-1]["occurred_day"] for *_, resolutions in cases(shop) if resolutions]
    for day, *events in cases(shop):
        contacts, _, resolutions = (
            [event for event in part if event["occurred_day"] < day + JUDGED_DAYS]
            for part in events
        )
        if not ends or day + JUDGED_DAYS < min(ends):
            continue
        last = resolutions[-1] if resolutions else None
        closed = last and last["occurred_minute"] >= contacts[-1]["occurred_minute"]
        yield (
            day,
            {
                "days": last["occurred_day"] - day if last and closed else JUDGED_DAYS,
                "solved": bool(last and closed and last["resolved"] is not False),
                "contacts": len(contacts),
                "reopened": bool(resolutions)
                and resolutions[0]["occurred_minute"] < contacts[-1]["occurred_minute"],
            },
        )


# --- surveys, bills, payments, visits


def rated(shop: Company, of_person: bool) -> Iterator[tuple[int, float]]:
    for event in shop.of_kind("survey"):
        if event["rating"] is not None and (event["topic"] == "person") == of_person:
            yield event["occurred_day"], event["rating"]


def agreed_bills(shop: Company) -> Iterator[tuple[int, float]]:
    for event in shop.of_kind("invoice"):
        if event["topic"] != "correction" and event["quoted_amount"] is not None:
            yield event["occurred_day"], event["amount"] <= event["quoted_amount"]


def fallen_silent(shop: Company, start: int, end: int) -> Sums:
    """Purchases that no other followed for longer than the rule; not in the first days."""
    by_customer = defaultdict(set)
    for event in shop.of_kind("purchase"):
        by_customer[event["customer_id"]].add(event["occurred_day"])
    since = min(min(days) for days in by_customer.values())
    fell, present = [], 0
    for days in by_customer.values():
        ordered = sorted(days)
        for day, following in zip(ordered, [*ordered[1:], shop.today], strict=True):
            silent = following - day > shop.silence_days
            if silent and day >= since + shop.silence_days:
                fell.append(day)
            present += sum(
                start <= there < end for there in range(day, day + 1 if silent else following)
            )
    return sum(start <= day < end for day in fell), present / 100 / 28


def _days(shop: Company, kind: str) -> list[int]:
    return [event["occurred_day"] for event in shop.of_kind(kind)]


MEASURES: dict[str, Callable[[Company, int, int], Sums]] = {
    "customers_lost": lambda shop, start, end: per_customer_days(
        shop, _days(shop, "cancel"), start, end
    ),
    "fallen_silent": fallen_silent,
    "complaints_written": lambda shop, start, end: per_customer_days(
        shop,
        contacts_on(shop, lambda e: is_complaint(e) and e["channel"] in WRITTEN),
        *(start, end),
    ),
    "complaints_spoken": lambda shop, start, end: per_customer_days(
        shop, contacts_on(shop, lambda e: is_complaint(e) and is_spoken(e)), start, end
    ),
    "referrals": lambda shop, start, end: per_customer_days(
        shop, _days(shop, "referral"), start, end
    ),
    "repeat_business": lambda shop, *period: share_of_days(repeat_business(shop), *period),
    "on_time": lambda shop, *period: share_of_days(
        ((o["promised"], o["came"] <= o["promised"]) for o in promised_orders(shop)), *period
    ),
    "as_quoted": lambda shop, *period: share_of_days(
        ((o["day"], not o["over"]) for o in promised_orders(shop) if o["quoted"]), *period
    ),
    "rework": rework,
    "first_answer": lambda shop, *period: share_of_days(
        ((day, minutes / 60) for day, minutes in answers(shop) if minutes is not None), *period
    ),
    "answered_in_time": lambda shop, *period: share_of_days(
        (
            (day, minutes is not None and minutes <= ANSWER_MINUTES)
            for day, minutes in answers(shop)
        ),
        *period,
    ),
    "turnaround": lambda shop, *period: share_of_days(
        ((day, case["days"]) for day, case in judged(shop)), *period
    ),
    "ended_in_time": lambda shop, *period: share_of_days(
        ((day, case["solved"] and case["days"] <= RESOLUTION_DAYS) for day, case in judged(shop)),
        *period,
    ),
    "solved_once": lambda shop, *period: share_of_days(
        ((day, case["solved"] and case["contacts"] == 1) for day, case in judged(shop)), *period
    ),
    "reopened": lambda shop, *period: share_of_days(
        ((day, case["reopened"]) for day, case in judged(shop)), *period
    ),
    "touches": touches,
    "bills_as_agreed": lambda shop, *period: share_of_days(agreed_bills(shop), *period),
    "payments_refused": lambda shop, *period: share_of_days(
        ((e["occurred_day"], e["topic"] == "refused") for e in shop.of_kind("payment")), *period
    ),
    "satisfaction": lambda shop, *period: share_of_days(rated(shop, False), *period),
    "said_solved": lambda shop, *period: share_of_days(
        (
            (e["occurred_day"], e["resolved"])
            for e in shop.of_kind("survey")
            if e["resolved"] is not None
        ),
        *period,
    ),
    "person": lambda shop, *period: share_of_days(rated(shop, True), *period),
    "portal_failed": lambda shop, *period: share_of_days(
        ((e["occurred_day"], e["resolved"] is False) for e in shop.of_kind("visit")), *period
    ),
}
