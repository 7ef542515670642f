"""What went wrong, slow and obvious: promises, bills, payments, the portal, the journey.

Written from what each feature means, as `purchases.py` is, whose rules these join.
"""

import calendar
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.reference.purchases import (
    Customer,
    Event,
    Number,
    inside,
    mean,
    money_of,
    over,
    purchase_ages,
    rule,
)
from tests.reference.service_care import Case, cases_of, contacts_of, in_time, minute, overdue_age

FAILING = ("delivery", "invoice", "payment", "resolution")


@dataclass(frozen=True)
class Promise:
    """An order promised for a day: how long ago all things were, None what is not known."""

    order_id: str
    age: int
    due: int
    came: int | None
    wrong: int | None
    over_quote: Fraction
    quoted: bool

    @property
    def days_late(self) -> int | None:
        """So far, of what has not come; None while it may still come in time."""
        if self.came is None:
            return self.due if self.due > 0 else None
        return self.due - self.came

    @property
    def late(self) -> bool:
        return self.days_late is not None and self.days_late > 0

    @property
    def awaited(self) -> bool:
        return self.came is None and self.due > 0


@dataclass(frozen=True)
class Bill:
    """A bill, and the agreed price of the bill before on its contract."""

    event: Event
    age: int
    before: Fraction | None

    @property
    def agreed(self) -> Fraction | None:
        return agreed_price(self.event)

    @property
    def excess(self) -> Fraction:
        return above(self.event)

    @property
    def dearer(self) -> Fraction:
        """By how much its agreed price rose, if by more than one percent."""
        if self.agreed is None or not self.before or self.before < 0:
            return Fraction(0)
        rise = self.agreed - self.before
        return rise if rise * 100 > self.before else Fraction(0)


@dataclass(frozen=True)
class Failure:
    """Something that went wrong; lag: days to the complaint; silent: without one."""

    cause: str
    age: int
    order_id: str | None
    lag: int | None = None
    silent: bool = False


@dataclass(frozen=True)
class Contract:
    """An episode of a contract: when it began, its plan, when it ended if it has."""

    name: str | None
    age: int
    plan: str | None
    ended: int | None


def above(event: Event) -> Fraction:
    """Money above what was quoted; nothing where a side is unknown."""
    if event["amount"] is None or event["quoted_amount"] is None:
        return Fraction(0)
    return max(Fraction(0), money_of(event) - money_of(event, "quoted_amount"))


def agreed_price(event: Event) -> Fraction | None:
    return None if event["quoted_amount"] is None else money_of(event, "quoted_amount")


def last(ages: Iterable[int | None]) -> int | None:
    return min((age for age in ages if age is not None), default=None)


def first(ages: Iterable[int | None]) -> int | None:
    return max((age for age in ages if age is not None), default=None)


def is_correction(event: Event) -> bool:
    return bool(event["topic"] == "correction")


def is_refused(event: Event) -> bool:
    return bool(event["topic"] == "refused")


# --- promises


def promises_of(customer: Customer) -> list[Promise]:
    placed: defaultdict[str, list[Event]] = defaultdict(list)
    for line in customer.of_kind("purchase"):
        if line["order_id"] is not None:
            placed[line["order_id"]].append(line)
    promised = {
        order: max(days)
        for order, lines in placed.items()
        if (days := [line["promised_day"] for line in lines if line["promised_day"] is not None])
    }
    history_days = customer.history_days.get("delivery", -1)
    return [
        build_promise(customer, name, placed[name], day)
        for name, day in promised.items()
        if customer.snapshot - day <= history_days
    ]


def build_promise(customer: Customer, name: str, lines: Sequence[Event], day: int) -> Promise:
    deliveries = [event for event in customer.of_kind("delivery") if event["order_id"] == name]
    back = [event for event in customer.of_kind("return") if event["order_id"] == name]
    came = first(customer.age(event) for event in deliveries if event["cause"] is None)
    faults = [event for event in deliveries if event["cause"] is not None]
    wrong = first(customer.age(event) for event in [*faults, *back])
    return Promise(
        name,
        age=max(customer.age(line) for line in lines),
        due=customer.snapshot - day,
        came=wrong if came is None else came,
        wrong=wrong,
        over_quote=sum((above(line) for line in lines), Fraction(0)),
        quoted=any(line["quoted_amount"] is not None for line in lines),
    )


def due_in(customer: Customer, days: int) -> list[Promise]:
    return [promise for promise in promises_of(customer) if inside(promise.due, days)]


@rule("delivery")
def orders_due(customer: Customer, days: int) -> Number:
    return len(due_in(customer, days))


@rule("delivery")
def late_orders(customer: Customer, days: int) -> Number:
    return len([promise for promise in due_in(customer, days) if promise.late])


@rule("delivery")
def on_time_rate(customer: Customer, days: int) -> Number:
    return mean([not promise.late for promise in due_in(customer, days)])


@rule("delivery")
def mean_days_late(customer: Customer, days: int) -> Number:
    return mean([promise.days_late for promise in due_in(customer, days) if promise.late])


@rule("delivery")
def most_days_late(customer: Customer, days: int) -> Number:
    return first(promise.days_late for promise in due_in(customer, days) if promise.late)


@rule("delivery")
def days_since_late(customer: Customer) -> Number:
    return last(promise.due for promise in promises_of(customer) if promise.late)


@rule("delivery")
def awaited_orders(customer: Customer) -> Number:
    return len([promise for promise in promises_of(customer) if promise.awaited])


@rule("delivery")
def awaited_days(customer: Customer) -> Number:
    return first(promise.due for promise in promises_of(customer) if promise.awaited)


def placed_in(customer: Customer, days: int) -> list[Promise]:
    return [promise for promise in promises_of(customer) if inside(promise.age, days)]


@rule("delivery")
def over_quote(customer: Customer, days: int) -> Number:
    return sum((promise.over_quote for promise in placed_in(customer, days)), Fraction(0))


@rule("delivery")
def over_quote_share(customer: Customer, days: int) -> Number:
    return mean([promise.over_quote > 0 for promise in placed_in(customer, days) if promise.quoted])


@rule("delivery")
def wrong_orders(customer: Customer, days: int) -> Number:
    wrong = [promise.wrong for promise in promises_of(customer) if promise.wrong is not None]
    return len([age for age in wrong if inside(age, days)])


@rule("delivery")
def days_since_wrong(customer: Customer) -> Number:
    return last(promise.wrong for promise in promises_of(customer))


@rule("delivery")
def wrong_rate(customer: Customer, days: int) -> Number:
    return over(wrong_orders(customer, days), orders_due(customer, days))


# --- billing


def bills_of(customer: Customer) -> list[Bill]:
    """In order of time."""
    bills: list[Bill] = []
    price: dict[str, Fraction | None] = {}
    for event in sorted(customer.of_kind("invoice"), key=in_time):
        if not is_correction(event):
            contract = event["contract_id"]
            bills.append(Bill(event, customer.age(event), price.get(contract)))
            if contract is not None:
                price[contract] = agreed_price(event)
    return bills


def overcharging(customer: Customer) -> list[Bill]:
    return [bill for bill in bills_of(customer) if bill.excess > 0]


def risen_bills(customer: Customer) -> list[Bill]:
    return [bill for bill in bills_of(customer) if bill.dearer > 0]


def of_last_day(bills: Sequence[Bill]) -> list[Bill]:
    return [bill for bill in bills if bill.age == min(other.age for other in bills)]


@rule("invoice")
def overcharges(customer: Customer, days: int) -> Number:
    return len([bill for bill in overcharging(customer) if inside(bill.age, days)])


@rule("invoice")
def overcharged_money(customer: Customer, days: int) -> Number:
    return sum((b.excess for b in overcharging(customer) if inside(b.age, days)), Fraction(0))


@rule("invoice")
def last_overcharge(customer: Customer) -> Number:
    shares = [over(bill.excess, bill.agreed) for bill in of_last_day(overcharging(customer))]
    return max((ratio for ratio in shares if ratio is not None), default=None)


@rule("invoice")
def days_since_overcharge(customer: Customer) -> Number:
    return last(bill.age for bill in overcharging(customer))


@rule("invoice")
def corrections(customer: Customer, days: int) -> Number:
    events = [event for event in customer.of_kind("invoice") if is_correction(event)]
    return len([event for event in events if inside(customer.age(event), days)])


@rule("invoice")
def last_rise(customer: Customer) -> Number:
    shares = [over(bill.dearer, bill.before) for bill in of_last_day(risen_bills(customer))]
    return max((ratio for ratio in shares if ratio is not None), default=None)


@rule("invoice")
def days_since_rise(customer: Customer) -> Number:
    return last(bill.age for bill in risen_bills(customer))


@rule("invoice")
def risen(customer: Customer, days: int) -> Number:
    return sum((b.dearer for b in risen_bills(customer) if inside(b.age, days)), Fraction(0))


def amounts(bills: Iterable[Bill]) -> list[Fraction]:
    return [money_of(bill.event) for bill in bills]


def known_bills(customer: Customer) -> list[Bill]:
    return [bill for bill in bills_of(customer) if bill.event["amount"] is not None]


@rule("invoice")
def mean_bill(customer: Customer, days: int) -> Number:
    return mean(amounts(bill for bill in known_bills(customer) if inside(bill.age, days)))


@rule("invoice", days=365)
def bill_change(customer: Customer) -> Number:
    year = [bill for bill in known_bills(customer) if inside(bill.age, 365)]
    return over(mean(amounts(of_last_day(year))), mean(amounts(year)))


def delays(customer: Customer, days: int) -> list[int]:
    """Days from the due day to each payment that was made."""
    return [
        event["occurred_day"] - event["promised_day"]
        for event in customer.of_kind("payment")
        if inside(customer.age(event), days) and not is_refused(event)
        if event["promised_day"] is not None
    ]


@rule("payment")
def late_payments(customer: Customer, days: int) -> Number:
    return len([delay for delay in delays(customer, days) if delay > 0])


@rule("payment")
def payment_delay(customer: Customer, days: int) -> Number:
    return mean(delays(customer, days))


def refusals(customer: Customer) -> list[int]:
    return [customer.age(event) for event in customer.of_kind("payment") if is_refused(event)]


@rule("payment")
def refused_payments(customer: Customer, days: int) -> Number:
    return len([age for age in refusals(customer) if inside(age, days)])


@rule("payment")
def days_since_refused(customer: Customer) -> Number:
    return last(refusals(customer))


# --- portal and advocacy


def visits_in(customer: Customer, days: int, skip: int = 0) -> list[Event]:
    return [v for v in customer.of_kind("visit") if inside(customer.age(v), days, skip)]


def failed_in(customer: Customer, days: int) -> list[Event]:
    return [visit for visit in visits_in(customer, days) if visit["resolved"] is False]


@rule("visit")
def visits(customer: Customer, days: int) -> Number:
    return len(visits_in(customer, days))


@rule("visit", days=210)
def visits_to_usual(customer: Customer) -> Number:
    months = 6
    return over(len(visits_in(customer, 30)) * months, len(visits_in(customer, 180, skip=30)))


@rule("visit")
def days_since_visit(customer: Customer) -> Number:
    return last(customer.ages("visit"))


@rule("visit")
def failed_tasks(customer: Customer, days: int) -> Number:
    return len(failed_in(customer, days))


@rule("visit")
def failed_tasks_share(customer: Customer, days: int) -> Number:
    return over(len(failed_in(customer, days)), len(visits_in(customer, days)))


@rule("referral")
def referrals(customer: Customer, days: int) -> Number:
    return len([age for age in customer.ages("referral") if inside(age, days)])


@rule("referral")
def days_since_referral(customer: Customer) -> Number:
    return last(customer.ages("referral"))


@rule("referral", days=545)
def referrals_stopped(customer: Customer) -> Number:
    ages = customer.ages("referral")
    return int(any(180 < age <= 545 for age in ages) and not any(age <= 180 for age in ages))


# --- contracts


def contracts_of(customer: Customer) -> list[Contract]:
    """The episodes of all contracts, of those without a name too."""
    by_contract: defaultdict[str | None, list[Event]] = defaultdict(list)
    for event in customer.events:
        if event["kind"] in ("start", "cancel"):
            by_contract[event["contract_id"]].append(event)
    return [
        episode
        for name, events in by_contract.items()
        for episode in episodes_of(customer, name, events)
    ]


def episodes_of(customer: Customer, name: str | None, events: list[Event]) -> list[Contract]:
    """One contract's life, from day to day: whether it was live at the end of each."""
    began: int | None = None
    spans: list[tuple[int, int | None]] = []  # ages of beginning and end
    live_by_age: dict[int, bool] = {}
    live, is_withdrawn, has_started = False, False, False
    for moment in sorted({minute(event) for event in events}):
        now = [event for event in events if minute(event) == moment]
        kinds = {event["kind"] for event in now}
        if len(kinds) == 1:  # with both it is a change of plan
            is_start = "start" in kinds
            is_withdrawn = is_withdrawn or not (is_start or has_started)
            live = is_start and (has_started or not is_withdrawn)
            has_started = has_started or is_start
        live_by_age[customer.age(now[0])] = live
    for age in sorted(live_by_age, reverse=True):
        if live_by_age[age] and began is None:
            began = age
        elif not live_by_age[age] and began is not None:
            spans.append((began, age))
            began = None
    if began is not None:
        spans.append((began, None))
    return [Contract(name, age, plan_since(age, customer, events), end) for age, end in spans]


def plan_since(age: int, customer: Customer, events: list[Event]) -> str | None:
    """The plan that the newest start since an episode began states."""
    stated = [
        (minute(event), event["topic"])
        for event in events
        if event["kind"] == "start" and event["topic"] and customer.age(event) <= age
    ]
    newest = max((moment for moment, _ in stated), default=None)
    return min((topic for moment, topic in stated if moment == newest), default=None)


def live_of(customer: Customer) -> list[Contract]:
    return [contract for contract in contracts_of(customer) if contract.ended is None]


def ends_ahead(customer: Customer) -> list[int]:
    """Days to the ends of live contracts of which notice was given since they last ended."""
    names = [contract.name for contract in live_of(customer)]
    ends: dict[str | None, int] = {}
    for contract in contracts_of(customer):
        if contract.ended is not None:
            ends[contract.name] = min(contract.ended, ends.get(contract.name, contract.ended))
    return [
        event["effective_day"] - customer.snapshot
        for event in customer.of_kind("notice")
        if event["contract_id"] in names and event["effective_day"] is not None
        if customer.age(event) < ends.get(event["contract_id"], customer.age(event) + 1)
        if event["effective_day"] >= customer.snapshot
    ]


@rule("start")
def contract_age(customer: Customer) -> Number:
    return first(contract.age for contract in live_of(customer))


@rule("start")
def days_to_renewal(customer: Customer) -> Number:
    today = dt.date(1970, 1, 1) + dt.timedelta(days=customer.snapshot)
    return last(
        next(
            days
            for days in range(367)
            if is_anniversary(today - dt.timedelta(days=contract.age), today + dt.timedelta(days))
        )
        for contract in live_of(customer)
    )


def is_anniversary(start: dt.date, date: dt.date) -> bool:
    """Whether a day has the date of another, the last of February being that of 29 February."""
    is_leap = calendar.isleap(date.year)
    day = 28 if (start.month, start.day) == (2, 29) and not is_leap else start.day
    return (date.month, date.day) == (start.month, day)


@rule("start")
def live_contracts(customer: Customer) -> Number:
    return len(live_of(customer))


@rule("start")
def plan(customer: Customer) -> str | None:
    oldest = contract_age(customer)
    return min((c.plan for c in live_of(customer) if c.age == oldest and c.plan), default=None)


@rule("notice")
def notice_given(customer: Customer) -> Number:
    return int(bool(ends_ahead(customer)))


@rule("notice")
def days_to_end(customer: Customer) -> Number:
    return last(ends_ahead(customer))


# --- journey


def failures_of(customer: Customer) -> list[Failure]:
    shown = shown_failures(customer)
    named = {(failure.order_id, failure.cause) for failure in shown if failure.order_id is not None}
    of_cases = [failure for case in cases_of(customer) if (failure := case_failure(case))]
    new = [failure for failure in of_cases if not is_shown(failure, named)]
    return [with_complaint(failure, customer) for failure in shown] + new


def is_shown(failure: Failure, named: set[tuple[str, str]]) -> bool:
    """A concern not addressed is whatever failure its order shows; another cause only its own."""
    if failure.cause == "not_addressed":
        return failure.order_id in {order for order, _ in named}
    return (failure.order_id, failure.cause) in named


def shown_failures(customer: Customer) -> list[Failure]:
    """What orders, bills and payments show by themselves."""
    shown = []
    for promise in promises_of(customer):
        shown += [Failure("late", promise.due, promise.order_id)] if promise.late else []
        shown += (
            [Failure("overcharged", promise.age, promise.order_id)]
            if promise.over_quote > 0
            else []
        )
        if promise.wrong is not None:
            shown.append(Failure("not_right_first_time", promise.wrong, promise.order_id))
    shown += of_bills("overcharged", overcharging(customer))
    shown += of_bills("price_rise", risen_bills(customer))
    return shown + [
        Failure("payment_failed", customer.age(event), event["order_id"])
        for event in customer.of_kind("payment")
        if is_refused(event)
    ]


def of_bills(cause: str, bills: Iterable[Bill]) -> list[Failure]:
    return [Failure(cause, bill.age, bill.event["order_id"]) for bill in bills]


def case_failure(case: Case) -> Failure | None:
    """The cause of the end of a case; without one, that it was late or solved nothing."""
    if case.cause is not None and case.cause != "not_addressed":
        return Failure(case.cause, ended(case), case.order_id)
    badly = case.cause is not None or case.solved is False
    since = overdue_age(case) or (ended(case) if badly else None)
    return None if since is None else Failure("not_addressed", since, case.order_id)


def ended(case: Case) -> int:
    assert case.ended_age is not None
    return case.ended_age


def with_complaint(failure: Failure, customer: Customer) -> Failure:
    """The failure with the complaint about it."""
    complained = first(
        contact.age
        for contact in contacts_of(customer)
        if contact.topic in ("complaint", "billing")
        and failure.order_id is not None
        and contact.event["order_id"] == failure.order_id
    )
    lag = None if complained is None else max(0, failure.age - complained)
    return Failure(failure.cause, failure.age, failure.order_id, lag, silent=lag is None)


def failures_in(customer: Customer, days: int) -> list[Failure]:
    return [failure for failure in failures_of(customer) if inside(failure.age, days)]


@rule(*FAILING)
def failures(customer: Customer, days: int) -> Number:
    return len(failures_in(customer, days))


@rule(*FAILING)
def failure_weight(customer: Customer) -> Number:
    return sum(
        (Fraction(0.5 ** (failure.age / 70)) for failure in failures_of(customer)), Fraction(0)
    )


@rule("contact")
def silent_failures(customer: Customer, days: int) -> Number:
    return len([failure for failure in failures_in(customer, days) if failure.silent])


@rule(*FAILING)
def complaint_lag(customer: Customer, days: int) -> Number:
    return mean([failure.lag for failure in failures_in(customer, days) if failure.lag is not None])


@rule(*FAILING)
def failure_causes(customer: Customer, days: int) -> Number:
    return len({failure.cause for failure in failures_in(customer, days)})


@rule(*FAILING, days=180)
def first_cause(customer: Customer) -> str | None:
    recent = failures_in(customer, 180)
    return min((o.cause for o in recent if o.age == first(x.age for x in recent)), default=None)


@rule(*FAILING)
def onboarding_failures(customer: Customer) -> Number:
    began = first(contract.age for contract in contracts_of(customer))
    began = first(purchase_ages(customer)) if began is None else began
    failures_found = failures_of(customer)
    return 0 if began is None else len([o for o in failures_found if began - 60 < o.age <= began])


@rule()
def journey_stage(customer: Customer) -> Number:
    began: Any = contract_age(customer)
    began = first(purchase_ages(customer)) if began is None else began
    if began is None or began <= 90:
        return None if began is None else int(began > 30)
    near = any((began + days) % 365 == 0 for days in range(-30, 31))
    return 3 if near else 2
