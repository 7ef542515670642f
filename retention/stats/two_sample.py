"""Intention to treat: what assigning customers to contact changed, whether or not it reached them.

What is estimated is the mean, over all customers within reach whom the draw put into one arm or
the other, of the outcome when assigned to contact less the outcome when held out. Nobody changes
arms by what was done afterwards: those who were reached differ from those who were not, and to
compare them would compare customers, not what was done.

Everywhere effect = treated - control: of leaving, negative is good.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

Floats = NDArray[np.float64]

LEVEL: Final = 0.95
Z: Final = 1.959963984540054  # the standard normal's 97.5 % point
LEAST: Final = 30  # customers in each arm, below which no interval is given
LEAST_APART: Final = 5  # of them who differ from most: the usual bound of the normal approximation


@dataclass(frozen=True)
class Difference:
    """Of the arms' means: shares of customers, or money each.

    standard_error, low, high (95 %), z and p_value (two-sided, of no difference) are nan where an
    arm has fewer than LEAST customers, or fewer than LEAST_APART who differ from the rest.
    """

    treated: int
    control: int
    treated_mean: float
    control_mean: float
    difference: float
    standard_error: float
    low: float
    high: float
    z: float
    p_value: float

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out zero; False without one."""
        return self.low > 0 or self.high < 0


def proportion(
    treated_churned: int, treated: int, control_churned: int, control: int
) -> Difference:
    """Of shares, from counts: Wald's interval with each arm's own variance.

    z is of the pooled share, as that is the variance if nothing differs; p_value goes with it.
    """
    many = np.array([treated, control])
    churned = np.array([treated_churned, control_churned])
    share = np.divide(churned, many, out=np.full(2, np.nan), where=many > 0)
    if not _measurable(many, np.minimum(churned, many - churned)):
        return _unmeasured(many, share)
    error = float(np.sqrt((share * (1 - share) / many).sum()))
    pooled = churned.sum() / many.sum()
    apart = float(share[0] - share[1])
    z = apart / float(np.sqrt(pooled * (1 - pooled) * (1 / many).sum()))
    return _difference(many, share, error, Z, z)


def mean(treated_values: ArrayLike, control_values: ArrayLike) -> Difference:
    """Of means: variances of their own (Welch 1947); the values of either arm, (its customers,)."""
    arms = [np.asarray(one, dtype=float) for one in (treated_values, control_values)]
    many = np.array([len(one) for one in arms])
    means = np.array([one.mean() if len(one) else np.nan for one in arms])
    if not _measurable(many, [_apart(one) for one in arms]):
        return _unmeasured(many, means)
    error, freedom = welch(*arms)
    z = float(means[0] - means[1]) / error
    return _difference(many, means, error, float(stdtrit(freedom, (1 + LEVEL) / 2)), z)


def welch(one: Floats, other: Floats) -> tuple[float, float]:
    """Standard error of the difference of two means, and its degrees of freedom (Welch 1947)."""
    many = np.array([len(one), len(other)])
    parts = np.array([one.var(ddof=1), other.var(ddof=1)]) / many
    return float(np.sqrt(parts.sum())), float(parts.sum() ** 2 / (parts**2 / (many - 1)).sum())


def weighted(
    outcome: ArrayLike, treated: ArrayLike, propensity: ArrayLike, customers: ArrayLike
) -> Difference:
    """Of means weighted by 1 / P(the arm), for draws of unequal shares. All arguments (rows,).

    Each arm's weights sum to one (Hajek 1971). propensity: P(treated), within (0, 1), ValueError
    otherwise. The error is of the sum of each customer's influence, so that a customer of several
    campaigns counts once; with one row each and one propensity it is Welch's.
    """
    y, chance = np.asarray(outcome, dtype=float), drawn(propensity)
    mine = np.asarray(treated, dtype=bool)
    arms = mine, ~mine
    many = np.array([arm.sum() for arm in arms])
    weights = [np.where(arm, 1 / p, 0.0) for arm, p in zip(arms, (chance, 1 - chance), strict=True)]
    means = np.array([w @ y / w.sum() if n else np.nan for w, n in zip(weights, many, strict=True)])
    if not _measurable(many, [_apart(y[arm]) for arm in arms]):
        return _unmeasured(many, means)
    one, other = (
        w * (y - m) / w.sum() * np.sqrt(n / (n - 1))
        for w, m, n in zip(weights, means, many, strict=True)
    )
    codes, _ = pd.factorize(np.asarray(customers))
    error = float(np.sqrt((np.bincount(codes, one - other) ** 2).sum()))
    return _difference(many, means, error, Z, float(means[0] - means[1]) / error)


def drawn(propensity: ArrayLike) -> Floats:
    """The chances of being treated; ValueError where one is no chance."""
    chance = np.asarray(propensity, dtype=float)
    if not ((chance > 0) & (chance < 1)).all():
        raise ValueError("a propensity is not between 0 and 1: there was no draw")
    return chance


def two_sided(z: float) -> float:
    """P(a standard normal lies further out than z, either way)."""
    return float(2 * ndtr(-abs(z)))


def _apart(values: Floats) -> int:
    """How many differ from the most frequent value; of 0 and 1 the fewer of both."""
    _, times = np.unique(values, return_counts=True)
    return len(values) - int(times.max(initial=0))


def _measurable(many: ArrayLike, apart: ArrayLike) -> bool:
    return bool(np.min(many) >= LEAST and np.min(apart) >= LEAST_APART)


def _difference(many: ArrayLike, means: Floats, error: float, times: float, z: float) -> Difference:
    """`times` the standard error is half the interval."""
    treated, control = (int(one) for one in np.asarray(many))
    apart, half = float(means[0] - means[1]), times * error
    return Difference(
        treated, control, float(means[0]), float(means[1]), apart,
        error, apart - half, apart + half, z, two_sided(z),
    )  # fmt: skip


def _unmeasured(many: ArrayLike, means: Floats) -> Difference:
    return _difference(many, means, np.nan, np.nan, np.nan)
