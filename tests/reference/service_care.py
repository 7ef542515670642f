"""How the customer was cared for, slow and obvious: contacts, cases, answers to surveys.

Written from what each feature means, as `purchases.py` is, whose rules these join.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tests.reference.purchases import (
    Customer,
    Event,
    Number,
    inside,
    less,
    mean,
    money_of,
    orders_in,
    over,
    rule,
)

ANSWER_MINUTES, RESOLUTION_DAYS = 24 * 60, 5
"""The service level of a company that names none."""

TROUBLES = ("complaint", "billing", "technical_request")


@dataclass(frozen=True)
class Contact:
    """One contact; the gaps in days to the one before, None where there is none."""

    event: Event
    age: int
    case: str
    case_gap: int | None
    topic_gap: int | None
    channel_before: str | None

    @property
    def topic(self) -> str | None:
        return text(self.event, "topic")

    @property
    def channel(self) -> str | None:
        return text(self.event, "channel")


@dataclass(frozen=True)
class Case:
    """Contacts on one matter, in order, with its answers and its ends."""

    name: str
    contacts: Sequence[Contact]
    responses: Sequence[Event]
    resolutions: Sequence[Event]
    snapshot: int

    @property
    def age(self) -> int:
        return max(contact.age for contact in self.contacts)

    @property
    def last_age(self) -> int:
        return min(contact.age for contact in self.contacts)

    @property
    def first_minute(self) -> int:
        return min(minute(contact.event) for contact in self.contacts)

    @property
    def last_minute(self) -> int:
        return max(minute(contact.event) for contact in self.contacts)

    def about(self, *topics: str) -> bool:
        return any(contact.topic in topics for contact in self.contacts)

    @property
    def first_answer(self) -> Event | None:
        """A response or an end, whichever came first."""
        return min([*self.responses, *self.resolutions], key=in_time, default=None)

    @property
    def answer_minutes(self) -> int | None:
        """One that is dated before the contact came at once."""
        first = self.first_answer
        return None if first is None else max(0, minute(first) - self.first_minute)

    @property
    def last_ends(self) -> list[Event]:
        """The last end; several that came at the same minute count together."""
        latest = max((minute(end) for end in self.resolutions), default=None)
        return [end for end in self.resolutions if minute(end) == latest]

    @property
    def ended_age(self) -> int | None:
        """Days since the last end, whether or not the customer came back."""
        return min(
            (self.snapshot - int(end["occurred_day"]) for end in self.last_ends), default=None
        )

    @property
    def open(self) -> bool:
        return not any(minute(end) >= self.last_minute for end in self.resolutions)

    @property
    def reopened(self) -> bool:
        return any(minute(end) < self.last_minute for end in self.resolutions)

    @property
    def days_to_end(self) -> int | None:
        return None if self.ended_age is None else self.age - self.ended_age

    @property
    def solved(self) -> bool | None:
        """An end that says nothing of its outcome solved the case."""
        if self.open:
            return None
        return all(end["resolved"] is not False for end in self.last_ends)

    @property
    def solved_once(self) -> bool | None:
        return None if self.solved is None else self.solved and len(self.contacts) == 1

    @property
    def cause(self) -> str | None:
        """The cause of the last end."""
        return min((end["cause"] for end in self.last_ends if end["cause"]), default=None)

    @property
    def order_id(self) -> str | None:
        named = [
            contact.event["order_id"] for contact in self.contacts if contact.event["order_id"]
        ]
        return min(named, default=None)


@dataclass(frozen=True)
class Answer:
    """One event of a survey: the question or an answer."""

    event: Event
    age: int
    asked: bool
    rating: float | None
    person: float | None
    solved: bool | None
    unanswered: bool | None


def minute(event: Event) -> int:
    return int(event["occurred_minute"])


def in_time(event: Event) -> tuple[int, str]:
    return minute(event), event["event_id"]


def text(event: Event, column: str) -> str | None:
    value: str | None = event[column]
    return value


def contacts_of(customer: Customer) -> list[Contact]:
    """The contacts in order of time. One without a case is a case of its own."""
    contacts: list[Contact] = []
    for event in sorted(customer.of_kind("contact"), key=in_time):
        case, age = event["case_id"] or event["event_id"], customer.age(event)
        on_case = [contact for contact in contacts if contact.case == case]
        on_topic = [
            contact for contact in contacts if event["topic"] and contact.topic == event["topic"]
        ]
        contacts.append(
            Contact(
                event,
                age,
                case,
                case_gap=on_case[-1].age - age if on_case else None,
                topic_gap=on_topic[-1].age - age if on_topic else None,
                channel_before=on_case[-1].channel if on_case else None,
            )
        )
    return contacts


def cases_of(customer: Customer) -> list[Case]:
    """What the contacts of one case_id, its answers and its ends make up."""
    by_case: defaultdict[str, list[Contact]] = defaultdict(list)
    for contact in contacts_of(customer):
        by_case[contact.case].append(contact)
    return [
        Case(
            name,
            contacts,
            of_case(customer.of_kind("response"), name),
            of_case(customer.of_kind("resolution"), name),
            customer.snapshot,
        )
        for name, contacts in by_case.items()
    ]


def of_case(events: Iterable[Event], case: str) -> list[Event]:
    return [event for event in events if event["case_id"] == case]


def answers_of(customer: Customer) -> list[Answer]:
    """The survey events in order of time."""
    events = sorted(customer.of_kind("survey"), key=in_time)
    return [build_answer(event, events[i + 1 :], customer) for i, event in enumerate(events)]


def build_answer(event: Event, later: Sequence[Event], customer: Customer) -> Answer:
    person = event["topic"] == "person"
    asked = is_question(event)
    following = next(
        (follower for follower in later if follower["case_id"] == event["case_id"]), None
    )
    rating: Any = event["rating"]
    return Answer(
        event,
        customer.age(event),
        asked,
        rating=None if person else rating,
        person=rating if person else None,
        solved=event["resolved"],
        unanswered=(following is None or is_question(following)) if asked else None,
    )


def is_question(event: Event) -> bool:
    """A question says nothing itself."""
    values = any(event[column] is not None for column in ("rating", "resolved", "cause"))
    return not values and event["topic"] != "person"


def among(ages: Iterable[int | None], days: int) -> int:
    """How many lie in the `days` days before the snapshot."""
    return len([age for age in ages if age is not None and inside(age, days)])


def contacts_in(customer: Customer, days: int) -> list[Contact]:
    return [contact for contact in contacts_of(customer) if inside(contact.age, days)]


def about(customer: Customer, days: int, topic: str) -> int:
    return len([contact for contact in contacts_in(customer, days) if contact.topic == topic])


# --- contacts


@rule("contact")
def contacts(customer: Customer, days: int) -> Number:
    return len(contacts_in(customer, days))


@rule("contact")
def complaints(customer: Customer, days: int) -> Number:
    return about(customer, days, "complaint")


@rule("contact")
def billing_contacts(customer: Customer, days: int) -> Number:
    return about(customer, days, "billing")


@rule("contact")
def technical_requests(customer: Customer, days: int) -> Number:
    return about(customer, days, "technical_request")


@rule("contact")
def questions(customer: Customer, days: int) -> Number:
    return about(customer, days, "question")


@rule("contact")
def information_requests(customer: Customer, days: int) -> Number:
    return about(customer, days, "information")


@rule("contact")
def suggestions(customer: Customer, days: int) -> Number:
    return about(customer, days, "suggestion")


@rule("contact")
def praise(customer: Customer, days: int) -> Number:
    return about(customer, days, "praise")


@rule("contact")
def days_since_contact(customer: Customer) -> Number:
    return min(customer.ages("contact"), default=None)


@rule("contact")
def days_since_complaint(customer: Customer) -> Number:
    complained = [contact.age for contact in contacts_of(customer) if contact.topic == "complaint"]
    return min(complained, default=None)


@rule("contact", "response", "resolution")
def service_cost(customer: Customer, days: int) -> Number:
    events = [
        event for kind in ("contact", "response", "resolution") for event in customer.of_kind(kind)
    ]
    return sum(
        (money_of(event, "cost") for event in events if inside(customer.age(event), days)),
        Fraction(0),
    )


# --- channels


def share_through(customer: Customer, days: int, *channels: str) -> Number:
    with_channel = [contact.channel for contact in contacts_in(customer, days) if contact.channel]
    return mean([channel in channels for channel in with_channel])


@rule("contact")
def phone_share(customer: Customer, days: int) -> Number:
    return share_through(customer, days, "phone")


@rule("contact")
def email_share(customer: Customer, days: int) -> Number:
    return share_through(customer, days, "email")


@rule("contact")
def office_share(customer: Customer, days: int) -> Number:
    return share_through(customer, days, "office", "store")


@rule("contact")
def online_share(customer: Customer, days: int) -> Number:
    return share_through(customer, days, "portal", "web", "chat", "app")


@rule("contact")
def channel_switches(customer: Customer, days: int) -> Number:
    return len(
        [
            contact
            for contact in contacts_in(customer, days)
            if contact.channel
            and contact.channel_before
            and contact.channel != contact.channel_before
        ]
    )


@rule("contact")
def usual_channel(customer: Customer) -> str | None:
    used = Counter(contact.channel for contact in contacts_of(customer) if contact.channel)
    return min(used, key=lambda channel: (-used[channel], channel), default=None)


@rule("contact", days=365)
def unusual_channel_share(customer: Customer) -> Number:
    recent = [contact.channel for contact in contacts_in(customer, 365) if contact.channel]
    return mean([channel != usual_channel(customer) for channel in recent])


# --- touches


def purchases_or_bills(customer: Customer) -> int:
    """Orders of a year; of who ordered nothing, bills. A correction is no bill."""
    bills = [bill for bill in customer.of_kind("invoice") if bill["topic"] != "correction"]
    ordered = len(orders_in(customer, 365))
    return ordered or among((customer.age(bill) for bill in bills), 365)


@rule("purchase", "invoice", days=365)
def dealings_last_year(customer: Customer) -> Number:
    return purchases_or_bills(customer)


@rule("contact", days=365)
def contacts_expected(customer: Customer) -> Number:
    """Only who deals with the company counts for what is usual."""
    if not purchases_or_bills(customer):
        return None
    customers = [
        replace(
            customer,
            events=[event for event in customer.all_events if event["customer_id"] == name],
        )
        for name in {event["customer_id"] for event in customer.all_events}
    ]
    dealing = [other for other in customers if purchases_or_bills(other)]
    touched = sum(len(contacts_in(other, 365)) for other in dealing)
    return Fraction(
        purchases_or_bills(customer) * touched, sum(purchases_or_bills(other) for other in dealing)
    )


@rule()
def touches_per_purchase(customer: Customer) -> Number:
    return over(contacts(customer, 365), dealings_last_year(customer))


@rule()
def contacts_excess(customer: Customer) -> Number:
    n_contacts, expected = contacts(customer, 365), contacts_expected(customer)
    if n_contacts is None or not expected:
        return None
    return Fraction((n_contacts - expected) / math.sqrt(expected))


def soon_again(gaps: Iterable[int | None], max_days: int) -> int:
    return len([gap for gap in gaps if gap is not None and gap <= max_days])


@rule("contact")
def case_repeats_week(customer: Customer, days: int) -> Number:
    return soon_again((contact.case_gap for contact in contacts_in(customer, days)), 7)


@rule("contact")
def case_repeats_month(customer: Customer, days: int) -> Number:
    return soon_again((contact.case_gap for contact in contacts_in(customer, days)), 30)


@rule("contact")
def topic_repeats_week(customer: Customer, days: int) -> Number:
    return soon_again((contact.topic_gap for contact in contacts_in(customer, days)), 7)


@rule("contact")
def topic_repeats_month(customer: Customer, days: int) -> Number:
    return soon_again((contact.topic_gap for contact in contacts_in(customer, days)), 30)


# --- resolution


def answered_in(customer: Customer, days: int) -> list[int]:
    """Minutes waited for the first answers of these days."""
    return [
        case.answer_minutes or 0
        for case in cases_of(customer)
        if case.first_answer and inside(customer.age(case.first_answer), days)
    ]


def ended_in(customer: Customer, days: int) -> list[Case]:
    """Cases that ended, and stayed so."""
    return [case for case in cases_of(customer) if not case.open and among([case.ended_age], days)]


def open_of(customer: Customer) -> list[Case]:
    return [case for case in cases_of(customer) if case.open]


def unsolved_age(case: Case) -> int | None:
    """Days since it showed: a bad end, or a due day without one; taken up again, that day."""
    if case.solved is not None:
        return None if case.solved else case.ended_age
    return overdue_age(case)


def overdue_age(case: Case) -> int | None:
    """Days since the due day that passed, or was broken; since a case taken up again later was."""
    due = case.age - RESOLUTION_DAYS
    end = 0 if case.open or case.ended_age is None else case.ended_age
    if due <= end:
        return None
    return min(due, case.last_age) if case.reopened else due


@rule("contact")
def cases(customer: Customer, days: int) -> Number:
    return among((case.age for case in cases_of(customer)), days)


@rule("contact")
def contacts_per_case(customer: Customer, days: int) -> Number:
    return mean([len(case.contacts) for case in cases_of(customer) if inside(case.age, days)])


@rule("response", "resolution")
def hours_to_answer(customer: Customer, days: int) -> Number:
    return over(mean(answered_in(customer, days)), 60)


@rule("response", "resolution")
def longest_wait(customer: Customer, days: int) -> Number:
    return over(max(answered_in(customer, days), default=None), 60)


@rule("response", "resolution")
def answered_in_time(customer: Customer, days: int) -> Number:
    due = [case for case in cases_of(customer) if inside(case.age - 1, days)]
    waits = [case.answer_minutes for case in due]
    return mean([wait is not None and wait <= ANSWER_MINUTES for wait in waits])


@rule("resolution")
def days_to_resolution(customer: Customer, days: int) -> Number:
    return mean([case.days_to_end for case in ended_in(customer, days)])


@rule("resolution")
def ended_in_time(customer: Customer, days: int) -> Number:
    due = [case for case in cases_of(customer) if inside(case.age - RESOLUTION_DAYS, days)]
    took = [None if case.open else case.days_to_end for case in due]
    return mean([length is not None and length <= RESOLUTION_DAYS for length in took])


@rule("resolution")
def open_cases(customer: Customer) -> Number:
    return len(open_of(customer))


@rule("resolution")
def oldest_open_case(customer: Customer) -> Number:
    return max((case.age for case in open_of(customer)), default=None)


@rule("resolution")
def open_complaints(customer: Customer) -> Number:
    return len([case for case in open_of(customer) if case.about("complaint")])


# --- solutions


def last_ended(customer: Customer) -> list[Case]:
    """The case that ended last, or those that ended at the same minute."""
    ended = [
        (max(minute(end) for end in case.resolutions), case)
        for case in cases_of(customer)
        if not case.open
    ]
    latest = max((when for when, _ in ended), default=None)
    return [case for when, case in ended if when == latest]


@rule("resolution")
def solved_once(customer: Customer, days: int) -> Number:
    return mean([int(bool(case.solved_once)) for case in ended_in(customer, days)])


@rule("resolution")
def unsolved_cases(customer: Customer, days: int) -> Number:
    return among((unsolved_age(case) for case in cases_of(customer)), days)


@rule("resolution")
def days_since_unsolved(customer: Customer) -> Number:
    ages = [unsolved_age(case) for case in cases_of(customer)]
    return min((age for age in ages if age is not None), default=None)


@rule("resolution")
def reopened(customer: Customer, days: int) -> Number:
    return among((case.last_age for case in cases_of(customer) if case.reopened), days)


@rule("resolution")
def last_case_solved_once(customer: Customer) -> Number:
    return min((int(bool(case.solved_once)) for case in last_ended(customer)), default=None)


@rule("resolution")
def last_case_days(customer: Customer) -> Number:
    return max((case.days_to_end or 0 for case in last_ended(customer)), default=None)


@rule("resolution")
def complaints_solved_once(customer: Customer, days: int) -> Number:
    ended = [case for case in ended_in(customer, days) if case.about("complaint")]
    return len([case for case in ended if case.solved_once])


@rule("resolution")
def complaints_unsolved(customer: Customer, days: int) -> Number:
    about_complaint = [case for case in cases_of(customer) if case.about("complaint")]
    return among((unsolved_age(case) for case in about_complaint), days)


def repaired_before(case: Case, customer: Customer) -> list[Case]:
    """Other troubles that were solved in the sixty days before this one."""
    return [
        earlier
        for earlier in cases_of(customer)
        if earlier.solved
        and earlier.about(*TROUBLES)
        and earlier.name != case.name
        and all(minute(end) <= case.first_minute for end in earlier.resolutions)
        and (earlier.ended_age or 0) - case.age <= 60
    ]


@rule("resolution")
def second_failures(customer: Customer, days: int) -> Number:
    troubles = [case for case in cases_of(customer) if case.about(*TROUBLES)]
    return among((case.age for case in troubles if repaired_before(case, customer)), days)


# --- satisfaction


def ratings_of(customer: Customer, days: int | None = None) -> list[Answer]:
    """Ratings of the service, in order of time; the lower first within a minute."""
    rated = [answer for answer in answers_of(customer) if answer.rating is not None]
    inside_window = [answer for answer in rated if days is None or inside(answer.age, days)]
    return sorted(inside_window, key=lambda answer: (-minute(answer.event), answer.rating or 0))


def persons_in(customer: Customer, days: int) -> list[Fraction]:
    """Ratings of who served."""
    answers = [answer for answer in answers_of(customer) if inside(answer.age, days)]
    return [Fraction(answer.person) for answer in answers if answer.person is not None]


def causes_of(customer: Customer) -> list[Answer]:
    return [answer for answer in answers_of(customer) if not answer.asked and answer.event["cause"]]


@rule("survey")
def rating_mean(customer: Customer, days: int) -> Number:
    return mean([Fraction(answer.rating or 0) for answer in ratings_of(customer, days)])


@rule("survey")
def rating_lowest(customer: Customer, days: int) -> Number:
    rated = [Fraction(answer.rating or 0) for answer in ratings_of(customer, days)]
    return min(rated, default=None)


@rule("survey")
def last_rating(customer: Customer) -> Number:
    return next((Fraction(answer.rating or 0) for answer in ratings_of(customer)), None)


@rule("survey")
def days_since_rating(customer: Customer) -> Number:
    return min((answer.age for answer in ratings_of(customer)), default=None)


@rule("survey")
def rating_trend(customer: Customer) -> Number:
    before = [Fraction(answer.rating or 0) for answer in ratings_of(customer)[1:]]
    return less(last_rating(customer), mean(before))


@rule("survey")
def said_solved(customer: Customer, days: int) -> Number:
    answers = [answer for answer in answers_of(customer) if inside(answer.age, days)]
    return mean([int(answer.solved) for answer in answers if answer.solved is not None])


@rule("survey")
def last_said_solved(customer: Customer) -> Number:
    answers = [answer for answer in answers_of(customer) if answer.solved is not None]
    latest = max((minute(answer.event) for answer in answers), default=None)
    last = [bool(answer.solved) for answer in answers if minute(answer.event) == latest]
    return int(all(last)) if last else None


@rule("survey")
def unanswered(customer: Customer, days: int) -> Number:
    """A question of the last fortnight may still be answered."""
    asked = [answer for answer in answers_of(customer) if answer.asked and 14 < answer.age <= days]
    return mean([int(bool(answer.unanswered)) for answer in asked])


@rule("survey")
def person_mean(customer: Customer, days: int) -> Number:
    return mean(persons_in(customer, days))


@rule("survey")
def person_lowest(customer: Customer, days: int) -> Number:
    return min(persons_in(customer, days), default=None)


@rule("survey")
def person_low(customer: Customer, days: int) -> Number:
    return len([rating for rating in persons_in(customer, days) if rating <= Fraction(1, 4)])


@rule("survey")
def dissatisfied(customer: Customer, days: int) -> Number:
    return among((answer.age for answer in causes_of(customer)), days)


@rule("survey")
def last_dissatisfaction(customer: Customer) -> str | None:
    causes = [(-minute(answer.event), str(answer.event["cause"])) for answer in causes_of(customer)]
    return min(causes)[1] if causes else None


@rule("resolution", "survey")
def treated_badly(customer: Customer, days: int) -> Number:
    blamed = ("unprofessional", "treated_badly", "impersonal")
    events = [*customer.of_kind("resolution"), *customer.of_kind("survey")]
    return among((customer.age(event) for event in events if event["cause"] in blamed), days)
