"""What a proposed policy would bring, from the randomised experiment, before anybody is called."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.components.base import Floats
from retention.stats.bootstrap import Interval, bootstrap
from retention.uplift.metrics import REPLICATES, placed, within


@dataclass(frozen=True)
class Proposal:
    """Contact those with the greatest predicted gain, up to `capacity` of `eligible` customers,
    and nobody whose predicted gain is not above `threshold` (money). A contact costs `cost`."""

    capacity: int
    eligible: int
    threshold: float = 0.0
    cost: float = 0.0

    def __post_init__(self) -> None:
        if self.eligible <= 0 or self.capacity < 0 or self.cost < 0:
            raise ValueError("a proposal needs eligible > 0, capacity >= 0 and cost >= 0")


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval over resampled customers."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Expected:
    """Of one round among the eligible, against contacting nobody; money in currency."""

    contacts: Estimate
    customers_saved: Estimate
    money_saved: Estimate
    cost: Estimate
    net: Estimate


def contacted(proposal: Proposal, gain: Floats, place: Floats) -> Floats:
    """(n,) the chance that the proposal contacts a row, by its predicted gain and its place."""
    share = min(proposal.capacity / proposal.eligible, 1.0)
    return within(place, share) * (gain > proposal.threshold)


def expected(
    proposal: Proposal,
    gain: ArrayLike,
    scores: ArrayLike,
    worth: ArrayLike,
    customer: ArrayLike,
    fold: ArrayLike | None = None,
    n: int = REPLICATES,
    seed: int = 0,
) -> Expected:
    """The proposal's result by AIPW: each row stands for its share of the eligible.

    All (n,): the gain predicted by a model that has not seen the row's customer, the doubly robust
    scores of the effect on leaving, what keeping the customer is worth (money), and the fold
    whose model predicted, as rows are ranked within their fold. The rows must be drawn as the
    eligible will be; the randomisation answers for the rest.
    """

    def results(by: Floats, place: Floats, saved: Floats, money: Floats) -> dict[str, float]:
        each = proposal.eligible * contacted(proposal, by, place)
        rescued, cost = float((each * money).mean()), proposal.cost * float(each.mean())
        return {
            "contacts": float(each.mean()),
            "customers_saved": float((each * saved).mean()),
            "money_saved": rescued,
            "cost": cost,
            "net": rescued - cost,
        }

    by, kept = np.asarray(gain, dtype=float), -np.asarray(scores, dtype=float)
    place = placed(by, np.zeros(len(by)) if fold is None else fold)
    arrays = [by, place, kept, kept * np.asarray(worth, dtype=float)]
    found, intervals = results(*arrays), bootstrap(results, customer, arrays, n, seed)
    return Expected(**{name: Estimate(found[name], intervals[name]) for name in found})
