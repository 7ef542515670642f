"""Selection under limits: at most one option per customer, for the greatest total gain.

Gains and spending are whole cents and limits whole numbers, so sums are exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from retention.core.params import Policy
from retention.policy import owners
from retention.policy.solver import Bools, Ints, Problem, solve

RAISE: Final = 0.2  # share by which a limit is raised to price it


@dataclass(frozen=True)
class Limit:
    """A limit of the policy."""

    kind: str  # total, owner, channel or budget
    name: str  # of the owner or channel, else ""
    maximum: int  # customers; cents of a budget

    def raised(self) -> "Limit":
        """The limit raised by RAISE, by at least one customer or one unit of currency."""
        step = 100 if self.kind == "budget" else 1
        return replace(self, maximum=self.maximum + max(step, round(self.maximum * RAISE)))


@dataclass(frozen=True)
class ShadowPrice:
    """What a limit costs; the fields are keys of a list's manifest."""

    name: str
    kind: str  # as `Limit.kind`
    limit: float  # customers; currency of a budget
    more: float  # by how much the limit is raised, in the same unit
    worth: float  # what that would gain, currency


def policy_limits(policy: Policy, capacity: int, spent: int = 0) -> tuple[Limit, ...]:
    """List the limits of a policy.

    Parameters
    ----------
    policy : Policy
    capacity : int
        Customers on the list.
    spent : int
        Cents of the budget that are spent already.

    Returns
    -------
    tuple of Limit
    """
    limits = [Limit("total", "", capacity)]
    limits += [
        Limit("owner", name, maximum) for name, maximum in owners.owner_capacities(policy).items()
    ]
    limits += [Limit("channel", name, maximum) for name, maximum in policy.channels.items()]
    if policy.budget is not None:
        limits.append(Limit("budget", "", max(0, round(policy.budget * 100) - spent)))
    return tuple(limits)


def relax_for_holdout(limits: Sequence[Limit], holdout_share: float) -> tuple[Limit, ...]:
    """Raise limits so that holding out a share of the selected leaves as many as they allow.

    Parameters
    ----------
    limits : sequence of Limit
    holdout_share : float in [0, 1)

    Returns
    -------
    tuple of Limit
    """
    return tuple(
        replace(limit, maximum=round(limit.maximum / (1 - holdout_share))) for limit in limits
    )


def usage_matrix(options: pd.DataFrame, limits: Sequence[Limit]) -> Ints:
    """Say what each option uses of each limit.

    Parameters
    ----------
    options : DataFrame of n rows
        spend (cents), channel, owner.
    limits : sequence of Limit, m

    Returns
    -------
    ndarray of int, shape (m, n)
        Customers, or cents of a budget.
    """
    usage = [_usage(options, limit) for limit in limits]
    return np.array(usage, dtype=np.int64).reshape(len(limits), len(options))


def _usage(options: pd.DataFrame, limit: Limit) -> Ints:
    if limit.kind == "total":
        return np.ones(len(options), dtype=np.int64)
    if limit.kind == "budget":
        return options["spend"].to_numpy(dtype=np.int64)
    return np.asarray(options[limit.kind] == limit.name, dtype=np.int64)


def _maxima(limits: Sequence[Limit]) -> Ints:
    return np.array([limit.maximum for limit in limits], dtype=np.int64)


def total_gain(options: pd.DataFrame) -> int:
    """Sum the gain of options.

    Parameters
    ----------
    options : DataFrame
        gain, cents.

    Returns
    -------
    int
        Cents.
    """
    return int(options["gain"].sum())


def drop_dominated(options: pd.DataFrame, limits: Sequence[Limit]) -> pd.DataFrame:
    """Drop options that another one of the same customer beats in gain and in every limit.

    Of options of equal gain the cheaper stays, then the one that comes first.

    Parameters
    ----------
    options : DataFrame of n rows
        customer_id, channel, gain, price, spend (cents).
    limits : sequence of Limit

    Returns
    -------
    DataFrame
        Rows of `options`, in their order.
    """
    # Options of one customer differ only in what they use of a channel and of the budget: total
    # and owner are the customer's. Channels without a limit are equal, so they become one ("").
    limited = [limit.name for limit in limits if limit.kind == "channel"]
    has_budget = any(limit.kind == "budget" for limit in limits)
    # Best gain first within a customer: an option can only be beaten by one above it.
    ranked = options.assign(position=np.arange(len(options)))
    ranked = ranked.sort_values(
        ["customer_id", "gain", "price", "position"], ascending=[True, False, True, True]
    )
    customer = ranked["customer_id"]
    spend = ranked["spend"].astype(float) if has_budget else pd.Series(0.0, index=ranked.index)
    is_unlimited = ~ranked["channel"].isin(limited)
    channel = ranked["channel"].mask(is_unlimited, "")
    # The lowest spend above an option in the same channel; NaN (beats nothing) if there is none.
    running = spend.groupby([customer, channel]).cummin()
    same_channel = running.groupby([customer, channel]).shift()
    # The same for options above it in channels without a limit, which use no channel at all.
    running = spend.where(is_unlimited, np.inf).groupby(customer).cummin()
    unlimited_channel = running.groupby(customer).shift()
    is_dominated = (same_channel <= spend) | (unlimited_channel <= spend)
    return ranked[~is_dominated].sort_values("position").drop(columns="position")


def select_options(options: pd.DataFrame, limits: Sequence[Limit]) -> pd.DataFrame:
    """Select the options with the greatest total gain within the limits.

    Parameters
    ----------
    options : DataFrame of n rows
        customer_id, channel, owner (null: no limit applies), gain, price, spend (cents), and
        rank, the customer's, which breaks ties; a customer's options in their order.
    limits : sequence of Limit

    Returns
    -------
    DataFrame
        Rows of `options`, at most one per customer. Ties are broken as in `break_ties`.

    Raises
    ------
    RuntimeError
        If the solver fails.
    """
    rivals = _rivals(options, limits)
    if rivals.empty:
        return options.iloc[:0]
    problem = _problem(rivals, limits)
    selected, _ = solve(problem, _core(rivals, limits))
    return rivals[break_ties(rivals, selected, problem.usage, problem.limits)]


def _rivals(options: pd.DataFrame, limits: Sequence[Limit]) -> pd.DataFrame:
    """Options that can be part of an optimum, by the customer's rank."""
    gaining = options[options["gain"] > 0]
    return drop_dominated(gaining, limits).sort_values("rank", kind="stable")


def _core(rivals: pd.DataFrame, limits: Sequence[Limit]) -> Bools:
    """(n,) options to begin with: all that gain as much as the least that a greedy choice takes."""
    lowest_taken = greedy_selection(rivals, limits)["gain"].min()
    return np.asarray(rivals["gain"] >= np.fmin(lowest_taken, rivals["gain"].max()), dtype=bool)


def _problem(rivals: pd.DataFrame, limits: Sequence[Limit]) -> Problem:
    customer, _ = pd.factorize(rivals["customer_id"])
    gain = rivals["gain"].to_numpy(dtype=np.int64)
    return Problem(gain, usage_matrix(rivals, limits), _maxima(limits), customer.astype(np.int64))


def break_ties(rivals: pd.DataFrame, selected: Bools, usage: Ints, maxima: Ints) -> Bools:
    """Among selections of equal gain prefer cheaper options and customers of better rank.

    Parameters
    ----------
    rivals : DataFrame of n rows
        customer_id, gain (cents), by the customer's rank, and a customer's cheaper option first.
    selected : ndarray of bool, shape (n,)
        An optimal selection.
    usage : ndarray of int, shape (m, n)
        As `usage_matrix`.
    maxima : ndarray of int, shape (m,)
        Of the limits.

    Returns
    -------
    ndarray of bool, shape (n,)
        A selection of the same total gain within the limits.
    """
    result = selected.copy()
    gain = rivals["gain"].to_numpy()
    customer, _ = pd.factorize(rivals["customer_id"])
    has_option = np.zeros(customer.max() + 1, dtype=bool)
    has_option[customer[result]] = True
    spare = maxima - usage[:, result].sum(axis=1)
    # Only where some options of one gain are selected and some are not is there a tie to break.
    is_tied = pd.Series(result).groupby(gain).transform("nunique").to_numpy() == 2
    # One pass over the options left out, best rank first: swap each for a selected one below it.
    for i in np.flatnonzero(is_tied & ~result):
        # A customer keeps at most one option: one who has an option may only change it for this
        # one; otherwise the option of a customer of lower rank may make room.
        swappable = result & (gain == gain[i])
        if has_option[customer[i]]:
            swappable &= customer == customer[i]
        else:
            swappable &= customer > customer[i]
        swappable[: i + 1] = False  # rows above rank higher, or are cheaper
        # The swap has to fit: what the other option frees, and what is spare, covers this one.
        fits = (usage + spare[:, None] >= usage[:, [i]]).all(axis=0)
        candidates = np.flatnonzero(swappable & fits)
        if len(candidates):
            out = candidates[-1]  # of the lowest rank
            result[[i, out]] = True, False
            has_option[customer[out]], has_option[customer[i]] = False, True
            spare += usage[:, out] - usage[:, i]
    return result


def greedy_selection(options: pd.DataFrame, limits: Sequence[Limit]) -> pd.DataFrame:
    """Select options one by one, the greatest gain first, while the limits allow.

    Parameters
    ----------
    options : DataFrame of n rows
        As `select_options` takes it.
    limits : sequence of Limit

    Returns
    -------
    DataFrame
        Rows of `options`, at most one per customer.
    """
    ranked = options[options["gain"] > 0].sort_values(
        ["gain", "rank"], ascending=[False, True], kind="stable"
    )
    usage, left = usage_matrix(ranked, limits).T, _maxima(limits)
    codes, customers = pd.factorize(ranked["customer_id"])
    is_free, selected = np.ones(len(customers), dtype=bool), []
    for i, customer in enumerate(codes):
        if is_free[customer] and (usage[i] <= left).all():
            is_free[customer] = False
            left = left - usage[i]
            selected.append(i)
    return ranked.iloc[selected]


def shadow_prices(options: pd.DataFrame, limits: Sequence[Limit]) -> tuple[ShadowPrice, ...]:
    """Price the limits that bind: what would be gained if one of them were raised.

    Parameters
    ----------
    options : DataFrame of n rows
        As `select_options` takes it.
    limits : sequence of Limit

    Returns
    -------
    tuple of ShadowPrice
        Of limits that cost money, in their order.

    Raises
    ------
    RuntimeError
        If the solver fails.
    """
    rivals = _rivals(options, limits)
    if rivals.empty:
        return ()
    problem = _problem(rivals, limits)
    selected, core = solve(problem, _core(rivals, limits))
    prices = []
    for i in map(int, np.flatnonzero(_may_bind(problem, selected))):
        raised = limits[i].raised()
        maxima = np.where(np.arange(len(limits)) == i, raised.maximum, problem.limits)
        better, _ = solve(replace(problem, limits=maxima), core)
        gained = int(problem.gain[better].sum() - problem.gain[selected].sum())
        prices.append(_shadow_price(limits[i], raised, gained))
    return tuple(price for price in prices if price.worth > 0)


def _may_bind(problem: Problem, selected: Bools) -> Bools:
    """(m,) whether the option that uses most of a limit would no longer fit below it."""
    used = problem.usage[:, selected].sum(axis=1)
    return np.asarray(used + problem.usage.max(axis=1) > problem.limits)


def _shadow_price(limit: Limit, raised: Limit, gained: int) -> ShadowPrice:
    unit = 100 if limit.kind == "budget" else 1
    more = (raised.maximum - limit.maximum) / unit
    return ShadowPrice(limit.name, limit.kind, limit.maximum / unit, more, gained / 100)
