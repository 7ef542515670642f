"""What would become of the customers: the truth per customer and snapshot, from the latent state.

From a snapshot on the future is played `BRANCHES` times per customer without letting anyone leave;
the probability of having left is carried along instead (Rao-Blackwell), so that few branches do.
"""

from dataclasses import replace

import numpy as np

from examples.telecom.books import NoBooks
from examples.telecom.customers import Array, State, hazard
from examples.telecom.mechanism import HORIZON, NOTICE
from examples.telecom.weeks import World, live, notice_late

BRANCHES = 16


def foresee(
    state: State, week: int, world: World, seed: int, marks: tuple[int, ...] = ()
) -> dict[str, Array]:
    """Of each active customer at the start of `week`, over HORIZON weeks:

    number, churn_probability, expected_value (net, of margin less cost), outreach_effect: churn
    probability if contacted now less that if not, with the same chance in both futures. marks:
    weeks for which `left_within_N` is added, the chance of having left within so many.
    """
    rows = np.flatnonzero(state.active)
    alone = _branches(state, rows, week, world, seed, treated=False)
    called = _branches(state, rows, week, world, seed, treated=True)
    later: dict[str, Array] = {}
    if marks:
        far = _branches(
            state, rows, week, world, seed, treated=False, weeks=max(marks), marks=marks
        )
        later = {f"left_within_{mark}": left for mark, left in zip(marks, far[2:], strict=True)}
    return {
        "number": state.number[rows],
        "churn_probability": alone[0],
        "expected_value": alone[1],
        "outreach_effect": called[0] - alone[0],
        **later,
    }


def _branches(
    state: State,
    rows: Array,
    week: int,
    world: World,
    seed: int,
    treated: bool,
    weeks: int = HORIZON,
    marks: tuple[int, ...] = (),
) -> tuple[Array, ...]:
    """Mean chance of having left within the weeks, and value; then the chance at each mark."""
    branches = state.rows(np.repeat(rows, BRANCHES))
    if treated:
        branches.treated_until[:] = week + world.plain.outreach_weeks - 1
    chance = replace(world, rng=np.random.default_rng(seed), books=NoBooks())
    length, notice_share = len(branches), world.plain.notice_share
    staying, gone, value = np.ones(length), np.zeros(length), np.zeros(length)
    staying[branches.leave_week < week + weeks + NOTICE] = 0
    notices = [np.zeros(length) for _ in range(NOTICE)]
    at_marks: dict[int, Array] = {}
    for now in range(week, week + weeks):
        notice_late(branches, now, chance)
        leaves = staying * -np.expm1(-hazard(branches, now, world.plain).sum(axis=1))
        staying -= leaves
        notices.append(notice_share * leaves)
        gone += (1 - notice_share) * leaves + notices.pop(0)
        gone[branches.leave_week == now] = 1
        value += (1 - gone) * live(branches, now, chance)
        if now + 1 - week in marks:
            at_marks[now + 1 - week] = _mean(gone)
    return _mean(gone), _mean(value), *(at_marks[mark] for mark in marks)


def _mean(values: Array) -> Array:
    return np.asarray(values.reshape(-1, BRANCHES).mean(axis=1))
