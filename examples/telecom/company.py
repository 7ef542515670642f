"""The company from its first week to its last: who leaves, why in truth, and what is written."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from examples.telecom.books import Books
from examples.telecom.customers import Array, State, hazard, population
from examples.telecom.mechanism import HORIZON, NOTICE, Mechanism
from examples.telecom.truth import foresee
from examples.telecom.weeks import DAY, WEEK, World, live, notice_late

FIRST = dt.date(2023, 1, 2)  # the Monday on which the books begin
CHUNK = 50_000
_ROWS = 20_000_000  # numbers reserved for a table's rows in one chunk


@dataclass(frozen=True)
class Part:
    """What became of some of the customers. `truth` has one entry a snapshot's week."""

    state: State
    books: Books
    leaving: dict[str, Array]
    truth: dict[int, dict[str, Array]]


def simulate(
    customers: int,
    weeks: int,
    seed: int,
    plain: Mechanism,
    snapshots: tuple[int, ...] = (),
    margin: float = 1.0,
    marks: tuple[int, ...] = (),
) -> Iterator["Part"]:
    """All customers, in parts of CHUNK that know nothing of one another. As `part` takes them."""
    for index, first in enumerate(range(0, customers, CHUNK)):
        size = min(CHUNK, customers - first)
        yield part(index, size, weeks, seed, plain, snapshots, margin, marks)


def part(
    index: int,
    count: int,
    weeks: int,
    seed: int,
    plain: Mechanism,
    snapshots: tuple[int, ...] = (),
    margin: float = 1.0,
    marks: tuple[int, ...] = (),
) -> Part:
    """One chunk. `snapshots` are the weeks at whose start the truth is told; marks: see foresee."""
    rng = np.random.default_rng([seed, index])
    state = population(count, 1 + index * CHUNK, weeks, rng)
    world = World(
        plain, rng, Books(index * _ROWS), bill_days(weeks + max(HORIZON, *marks, 0)), margin
    )
    leaving, truth = [], {}
    for week in range(weeks):
        state.active |= state.start_week == week
        if week in snapshots:
            old = without_newcomers(state, week)
            truth[week] = foresee(old, week, world, seed + week, marks)
        notice_late(state, week, world)
        leaving.append(leave(state, week, world))
        live(state, week, world)
        if week % 4 == 2:
            reach_out(state, week, world)
    if weeks in snapshots:
        truth[weeks] = foresee(state, weeks, world, seed + weeks, marks)
    return Part(state, world.books, _joined(leaving), truth)


def without_newcomers(state: State, week: int) -> State:
    """Only those who were customers before the week began."""
    old = state.rows(np.arange(len(state)))
    old.active &= old.start_week < week
    return old


def leave(state: State, week: int, world: World) -> dict[str, Array]:
    """Draw who decides to leave; most give notice. Returns the decisions: number, week, day.

    `day` is the last day's place in its week, `cause` the part of the hazard that it was, 0 for
    no reason of ours, else 1 + the place in CAUSES.
    """
    rng = world.rng
    parts = hazard(state, week, world.plain)
    free = state.active & (state.leave_week > 10**5) & (state.start_week < week)
    rows = world.chance(np.flatnonzero(free), -np.expm1(-parts[free].sum(axis=1)))
    shares = parts[rows].cumsum(axis=1)
    cause = (rng.random(len(rows))[:, None] * shares[:, -1:] > shares).sum(axis=1)
    notice = rng.random(len(rows)) < world.plain.notice_share
    state.leave_week[rows] = week + np.where(notice, NOTICE, 0)
    state.active[state.leave_week == week] = False
    return {
        "number": state.number[rows],
        "week": state.leave_week[rows],
        "day": rng.integers(0, 7, len(rows)),
        "notice": notice,
        "cause": cause,
    }


def reach_out(state: State, week: int, world: World) -> None:
    """Every four weeks some customers are randomised: half of them are called."""
    plain = world.plain
    free = np.flatnonzero(state.active & (state.leave_week > 10**5))
    rows = world.chance(free, plain.outreach_share)
    called = world.rng.random(len(rows)) < 0.5
    state.treated_until[rows[called]] = week + plain.outreach_weeks
    world.books.add(
        "outreach",
        customer=state.number[rows],
        at=world.moment(week, rows),
        called=called,
        wave=week // 4,
    )


def bill_days(weeks: int) -> Array:
    """Weeks x 29: on which day of a week a day of the month falls, -1 if on none."""
    days = np.full((weeks, 29), -1)
    for week, day in product(range(weeks), range(7)):
        date = FIRST + dt.timedelta(days=7 * week + day)
        if date.day <= 28:
            days[week, date.day] = day
    return days


def _joined(parts: list[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def minute(leaving: dict[str, Array]) -> Array:
    """When the contract of a leaver ends, in minutes."""
    return np.asarray(leaving["week"] * WEEK + leaving["day"] * DAY)
