"""Off-policy value: what a targeting policy would bring, from the randomised experiment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.components.base import Floats
from retention.stats.bootstrap import Interval, bootstrap
from retention.uplift.metrics import REPLICATES, rank_share, treatment_probability


@dataclass(frozen=True)
class TargetingPolicy:
    """Contact the customers with the highest predicted gain."""

    capacity: int  # contacts
    eligible: int  # customers
    threshold: float = 0.0  # currency; nobody is contacted whose predicted gain is not above it
    cost: float = 0.0  # of a contact, currency

    def __post_init__(self) -> None:
        if self.eligible <= 0 or self.capacity < 0 or self.cost < 0:
            raise ValueError("a proposal needs eligible > 0, capacity >= 0 and cost >= 0")


@dataclass(frozen=True)
class PolicyEstimate:
    """A number and its 95 % interval over resampled customers."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class PolicyValue:
    """One round among the eligible customers, against contacting nobody."""

    contacts: PolicyEstimate  # customers
    customers_saved: PolicyEstimate  # customers
    money_saved: PolicyEstimate  # currency
    cost: PolicyEstimate  # currency
    net: PolicyEstimate  # currency


def treated_under_policy(policy: TargetingPolicy, gain: Floats, rank: Floats) -> Floats:
    """Probability that a policy contacts each row.

    Parameters
    ----------
    policy : TargetingPolicy
    gain : ndarray of shape (n,)
        Predicted, currency.
    rank : ndarray of shape (n,)
        Of the row by gain, as `metrics.rank_share` gives it.

    Returns
    -------
    ndarray of shape (n,)
    """
    contact_share = min(policy.capacity / policy.eligible, 1.0)
    return treatment_probability(rank, contact_share) * (gain > policy.threshold)


def evaluate_policy(
    policy: TargetingPolicy,
    gain: ArrayLike,
    saved: ArrayLike,
    money: ArrayLike,
    customer: ArrayLike,
    fold: ArrayLike | None = None,
    n: int = REPLICATES,
    seed: int = 0,
) -> PolicyValue:
    """Estimate a policy's value by AIPW.

    Each row stands for its share of the eligible customers, so the rows must be selected as the
    eligible customers will be; the randomisation answers for the rest.

    Parameters
    ----------
    policy : TargetingPolicy
    gain : array-like of shape (n,)
        Currency, predicted by a model that has not seen the row's customer.
    saved, money : array-like of shape (n,)
        Doubly robust scores of the customers and of the currency that a contact saves.
    customer : array-like of shape (n,)
    fold : array-like of shape (n,), optional
        Whose model predicted; rows are ranked within their fold. None: all rows are one fold.
    n : int
        Bootstrap replicates.
    seed : int

    Returns
    -------
    PolicyValue

    References
    ----------
    Robins & Rotnitzky (1995), Semiparametric efficiency in multivariate regression models with
    missing data; Dudik, Langford & Li (2011), Doubly robust policy evaluation and learning.
    """

    def totals(gain: Floats, rank: Floats, saved: Floats, money: Floats) -> dict[str, float]:
        contacts = policy.eligible * treated_under_policy(policy, gain, rank)
        money_saved, cost = float((contacts * money).mean()), policy.cost * float(contacts.mean())
        return {
            "contacts": float(contacts.mean()),
            "customers_saved": float((contacts * saved).mean()),
            "money_saved": money_saved,
            "cost": cost,
            "net": money_saved - cost,
        }

    predicted = np.asarray(gain, dtype=float)
    rank = rank_share(predicted, np.zeros(len(predicted)) if fold is None else fold)
    arrays = [predicted, rank, np.asarray(saved, dtype=float), np.asarray(money, dtype=float)]
    values, intervals = totals(*arrays), bootstrap(totals, customer, arrays, n, seed)
    return PolicyValue(**{name: PolicyEstimate(values[name], intervals[name]) for name in values})
