"""The choice under limits: at most one option a customer, so that most is gained in all.

Gains and spending are whole cents and limits whole numbers, so that what is added up is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from retention.core.params import Policy
from retention.policy import owners
from retention.policy.solver import Bools, Ints, Problem, solve

RAISE: Final = 0.2  # by how much a limit is raised to see what it costs


@dataclass(frozen=True)
class Limit:
    """kind: total, owner, channel or budget. most: customers, or cents where it is the budget."""

    kind: str
    name: str
    maximum: int

    def raised(self) -> "Limit":
        least = 100 if self.kind == "budget" else 1
        return replace(self, maximum=self.maximum + max(least, round(self.maximum * RAISE)))


@dataclass(frozen=True)
class ShadowPrice:
    """A limit that keeps money back: raised by `more`, it would bring `worth` (money).

    limit and more are customers, or money where the kind is budget.
    """

    name: str
    kind: str
    limit: float
    more: float
    worth: float


def policy_limits(policy: Policy, capacity: int, spent: int = 0) -> tuple[Limit, ...]:
    """Every limit there is. spent: cents of the budget that are gone already."""
    found = [Limit("total", "", capacity)]
    found += [Limit("owner", name, most) for name, most in owners.owner_capacities(policy).items()]
    found += [Limit("channel", name, most) for name, most in policy.channels.items()]
    if policy.budget is not None:
        found.append(Limit("budget", "", max(0, round(policy.budget * 100) - spent)))
    return tuple(found)


def relax_for_holdout(limits: Sequence[Limit], share: float) -> tuple[Limit, ...]:
    """The limits under which so many are within reach that `share` of them can be left out."""
    return tuple(replace(one, maximum=round(one.maximum / (1 - share))) for one in limits)


def usage_matrix(found: pd.DataFrame, limits: Sequence[Limit]) -> Ints:
    """(limits, options): what an option takes of a limit."""
    told = [_use(found, one) for one in limits]
    return np.array(told, dtype=np.int64).reshape(len(limits), len(found))


def _use(found: pd.DataFrame, limit: Limit) -> Ints:
    if limit.kind == "total":
        return np.ones(len(found), dtype=np.int64)
    if limit.kind == "budget":
        return found["spend"].to_numpy(dtype=np.int64)
    return np.asarray(found[limit.kind] == limit.name, dtype=np.int64)


def _most(limits: Sequence[Limit]) -> Ints:
    return np.array([one.maximum for one in limits], dtype=np.int64)


def total_gain(found: pd.DataFrame) -> int:
    """Cents."""
    return int(found["gain"].sum())


def drop_dominated(found: pd.DataFrame, limits: Sequence[Limit]) -> pd.DataFrame:
    """Without options that another of the same customer beats in gain and in every limit.

    Of equal gain the cheaper stays, then the one that comes first.
    """
    limited = [one.name for one in limits if one.kind == "channel"]
    budget = any(one.kind == "budget" for one in limits)
    by = found.assign(at=np.arange(len(found)))
    by = by.sort_values(["customer_id", "gain", "price", "at"], ascending=[True, False, True, True])
    spend = by["spend"].astype(float) if budget else pd.Series(0.0, index=by.index)
    free = ~by["channel"].isin(limited)
    way = by["channel"].mask(free, "")
    same = spend.groupby([by["customer_id"], way]).cummin()
    least = same.groupby([by["customer_id"], way]).shift()
    open_to_all = spend.where(free, np.inf).groupby(by["customer_id"]).cummin()
    open_before = open_to_all.groupby(by["customer_id"]).shift()
    kept = by[~((least <= spend) | (open_before <= spend))]
    return kept.sort_values("at").drop(columns="at")


def select_options(found: pd.DataFrame, limits: Sequence[Limit]) -> pd.DataFrame:
    """The rows of `found` chosen: the greatest gain within the limits.

    found: options with owner (null: no limit) and rank (of the customer; the same rule orders
    equals), those of a customer in their order. Of choices that gain the same, see `settled`.
    """
    rivals = drop_dominated(found[found["gain"] > 0], limits).sort_values("rank", kind="stable")
    if rivals.empty:
        return found.iloc[:0]
    problem = _problem(rivals, limits)
    chosen, _ = solve(problem, _seed(rivals, limits))
    return rivals[break_ties(rivals, chosen, problem.use, problem.limit)]


def _seed(rivals: pd.DataFrame, limits: Sequence[Limit]) -> Bools:
    """Options that may well matter: all that gain as much as the least that `greedy` takes."""
    least = greedy_selection(rivals, limits)["gain"].min()
    return np.asarray(rivals["gain"] >= np.fmin(least, rivals["gain"].max()), dtype=bool)


def _problem(rivals: pd.DataFrame, limits: Sequence[Limit]) -> Problem:
    codes, _ = pd.factorize(rivals["customer_id"])
    gain = rivals["gain"].to_numpy(dtype=np.int64)
    return Problem(gain, usage_matrix(rivals, limits), _most(limits), codes.astype(np.int64))


def break_ties(rivals: pd.DataFrame, chosen: Bools, use: Ints, most: Ints) -> Bools:
    """Of equal gain the cheaper of a customer's options, and the customer who ranks higher.

    One pass over the options whose gain another one shares, best rank first: each takes the place
    of the chosen one with the lowest rank below it, where the limits allow the swap.
    """
    kept = chosen.copy()
    gain = rivals["gain"].to_numpy()
    codes, _ = pd.factorize(rivals["customer_id"])
    taken = np.zeros(codes.max() + 1, dtype=bool)
    taken[codes[kept]] = True
    spare = most - use[:, kept].sum(axis=1)
    both = pd.Series(kept).groupby(gain).transform("nunique").to_numpy() == 2
    for at in np.flatnonzero(both & ~kept):
        rival = kept & (gain == gain[at])
        rival &= codes == codes[at] if taken[codes[at]] else codes > codes[at]
        rival[: at + 1] = False
        fits = np.flatnonzero(rival & (use + spare[:, None] >= use[:, [at]]).all(axis=0))
        if len(fits):
            out = fits[-1]
            kept[[at, out]] = True, False
            taken[codes[out]], taken[codes[at]] = False, True
            spare += use[:, out] - use[:, at]
    return kept


def greedy_selection(found: pd.DataFrame, limits: Sequence[Limit]) -> pd.DataFrame:
    """The rows of `found` chosen one by one, the greatest gain first, while the limits allow."""
    by = found[found["gain"] > 0].sort_values(
        ["gain", "rank"], ascending=[False, True], kind="stable"
    )
    use, left = usage_matrix(by, limits).T, _most(limits)
    codes, customers = pd.factorize(by["customer_id"])
    free, chosen = np.ones(len(customers), dtype=bool), []
    for at, code in enumerate(codes):
        if free[code] and (use[at] <= left).all():
            free[code] = False
            left = left - use[at]
            chosen.append(at)
    return by.iloc[chosen]


def shadow_prices(found: pd.DataFrame, limits: Sequence[Limit]) -> tuple[ShadowPrice, ...]:
    """The limits that keep money back, and what each costs; in their order."""
    rivals = drop_dominated(found[found["gain"] > 0], limits).sort_values("rank", kind="stable")
    if rivals.empty:
        return ()
    now = _problem(rivals, limits)
    chosen, core = solve(now, _seed(rivals, limits))
    told = []
    for at in map(int, np.flatnonzero(_binds(now, chosen))):
        more = limits[at].raised()
        most = np.where(np.arange(len(limits)) == at, more.maximum, now.limit)
        by, _ = solve(replace(now, limit=most), core)
        told.append(_told(limits[at], more, int(now.gain[by].sum() - now.gain[chosen].sum())))
    return tuple(one for one in told if one.worth > 0)


def _binds(problem: Problem, chosen: Bools) -> Bools:
    """(limits,) whether what takes most of a limit would no longer fit below it."""
    used = problem.use[:, chosen].sum(axis=1)
    return np.asarray(used + problem.use.max(axis=1) > problem.limit)


def _told(limit: Limit, more: Limit, cents: int) -> ShadowPrice:
    unit = 100 if limit.kind == "budget" else 1
    by = (more.maximum - limit.maximum) / unit
    return ShadowPrice(limit.name, limit.kind, limit.maximum / unit, by, cents / 100)
