"""Who the customers are: constant traits and the state that service changes, one row a customer."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from examples.telecom.mechanism import CAUSES, Mechanism

Array = np.ndarray[Any, np.dtype[Any]]

WEEKS_BEFORE = 260  # the oldest contract began five years before the books do
CHANNELS = ("phone", "email", "office", "portal", "chat")
REGIONS = ("north", "south", "east", "west", "islands")
ACQUIRED = ("shop", "web", "partner", "telesales")
PLANS = ("mobile", "broadband", "cable")
PRICES = np.array([18.0, 32.0, 47.0])
RISES = np.array([0.05, 0.07, 0.09])  # a year, by plan
_NEVER = 10**6


@dataclass
class State:
    """Arrays with one row a customer. Weeks count from the first week of the books.

    Traits stand first; from `active` on it is what the weeks change.
    """

    number: Array  # of the customer, from 1
    start_week: Array
    bill_day: Array  # of the month, 1 to 28
    plan: Array
    acquired: Array
    region: Array
    preferred: Array  # position in CHANNELS
    older: Array
    frailty: Array
    voice: Array  # probability of saying so when something fails
    impossible: Array  # cannot be pleased
    risky: Array  # pays when there is money
    sleepy: Array  # has forgotten us, and had better not be reminded
    price_sense: Array
    rise_week: Array  # of the year in which the tariff rises, -1 for a fixed price
    engagement: Array

    active: Array
    leave_week: Array  # once notice is given
    price: Array
    hurt: Array  # customers x CAUSES
    warmth: Array  # 0 to 1: good service remembered
    treated_until: Array
    late_due: Array  # a late order that will be noticed next week
    late_order: Array
    defect_due: Array  # week in which a hidden defect shows
    defect_order: Array
    defect_amount: Array
    case: Array  # number of the open case, 0 without one
    case_cause: Array
    case_topic: Array
    case_order: Array
    case_next: Array  # week of the next contact on it
    case_tries: Array
    case_row: Array  # its last row in the tickets
    case_closed: Array  # that row was closed, unsolved
    case_reopened: Array

    def __len__(self) -> int:
        return len(self.number)

    def rows(self, selected: Array) -> "State":
        """A copy of some rows, which may repeat."""
        return State(**{field.name: getattr(self, field.name)[selected] for field in fields(self)})

    @property
    def total(self) -> Array:
        """All hurts of a customer together."""
        return np.asarray(self.hurt.sum(axis=1))


def population(count: int, first: int, weeks: int, rng: np.random.Generator) -> State:
    """`count` customers, numbered from `first`: a little over half are there when the books begin.

    Arrivals afterwards are even over the weeks.
    """
    there = rng.random(count) < 0.55
    before = -np.minimum(rng.exponential(80, count), WEEKS_BEFORE).astype(int) - 1
    start = np.where(there, before, rng.integers(0, weeks, count))
    older = rng.random(count) < 0.2
    plan = rng.choice(3, count, p=[0.45, 0.35, 0.2])
    sleepy = rng.random(count) < 0.2
    quiet = rng.random(count) < 0.35
    impossible = rng.random(count) < 0.03
    voice = np.where(impossible, 0.9, np.where(quiet, 0.12, 0.65))
    plain = rng.choice(5, count, p=[0.42, 0.24, 0.04, 0.12, 0.18])
    engagement = np.where(sleepy, 0.12, 1.15) * np.exp(rng.normal(0, 0.35, count))
    none = np.zeros(count, dtype=np.int64)
    return State(
        number=np.arange(first, first + count),
        start_week=start,
        bill_day=rng.integers(1, 29, count),
        plan=plan,
        acquired=rng.choice(4, count, p=[0.3, 0.35, 0.2, 0.15]),
        region=rng.choice(5, count, p=[0.3, 0.3, 0.2, 0.15, 0.05]),
        preferred=np.where(older & (rng.random(count) < 0.6), CHANNELS.index("office"), plain),
        older=older,
        frailty=np.exp(rng.normal(0, 1, count)),
        voice=voice,
        impossible=impossible,
        risky=rng.random(count),
        sleepy=sleepy,
        price_sense=rng.gamma(4, 0.25, count),
        rise_week=np.where(rng.random(count) < 0.5, rng.integers(0, 52, count), -1),
        engagement=engagement,
        active=start < 0,
        leave_week=np.full(count, _NEVER),
        price=np.round(PRICES[plan] * np.exp(rng.normal(0, 0.2, count)), 2),
        hurt=np.zeros((count, len(CAUSES))),
        warmth=np.where(there, rng.random(count) * 0.3, 0.0),
        treated_until=np.full(count, -1),
        late_due=np.zeros(count, dtype=bool),
        late_order=none.copy(),
        defect_due=np.full(count, -1),
        defect_order=none.copy(),
        defect_amount=np.zeros(count),
        case=none.copy(),
        case_cause=none.copy(),
        case_topic=none.copy(),
        case_order=none.copy(),
        case_next=np.full(count, -1),
        case_tries=none.copy(),
        case_row=none.copy(),
        case_closed=np.zeros(count, dtype=bool),
        case_reopened=np.zeros(count, dtype=bool),
    )


def hazard(state: State, week: int, plain: Mechanism) -> Array:
    """Weekly hazard by cause: customers x (1 + CAUSES); column 0 is no reason of ours.

    The parts add up, as competing risks do: a departure's main cause is drawn by its share.
    """
    tenure = week - state.start_week
    year = np.cos(2 * np.pi * (week - 2) / 52)
    anniversary = (np.abs(((tenure + 26) % 52) - 26) <= 2) & (tenure > 26)
    base = (
        plain.base_hazard
        * (1 + plain.season * year)
        * (1 + plain.young * np.exp(-tenure / plain.young_weeks))
        * np.where(anniversary, plain.renewal, 1.0)
        * np.where(state.acquired == ACQUIRED.index("telesales"), plain.telesales, 1.0)
        * state.frailty**plain.frailty
        * (1 + plain.impossible * plain.service_effect * state.impossible)
    )
    buffer = np.exp(-plain.warmth_buffer * state.warmth)
    buffer /= 1 + plain.tenure_buffer * np.minimum(tenure, 156) / 156
    parts = np.column_stack([base, buffer[:, None] * state.hurt * plain.effects])
    treated = state.treated_until >= week
    return np.asarray(parts * np.where(treated, np.exp(-outreach(state, plain)), 1.0)[:, None])


def outreach(state: State, plain: Mechanism) -> Array:
    """What a contact takes from the log hazard; negative for those whom it disturbs."""
    helped = plain.persuaded + plain.persuaded_hurt * (state.total > 0.4)
    return np.asarray(plain.outreach_effect * (helped - plain.disturbed * state.sleepy))
