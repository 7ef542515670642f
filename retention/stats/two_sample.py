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
MIN_ARM_SIZE: Final = 30  # customers in each arm, below which no interval is given
MIN_EVENTS: Final = 5  # of them who differ from most: the usual bound of the normal approximation


@dataclass(frozen=True)
class EffectEstimate:
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
    def significant(self) -> bool:
        """Whether the interval leaves out zero; False without one."""
        return self.low > 0 or self.high < 0


def difference_in_proportions(
    treated_churned: int, treated: int, control_churned: int, control: int
) -> EffectEstimate:
    """Of shares, from counts: Wald's interval with each arm's own variance.

    z is of the pooled share, as that is the variance if nothing differs; p_value goes with it.
    """
    n = np.array([treated, control])
    churned = np.array([treated_churned, control_churned])
    rates = np.divide(churned, n, out=np.full(2, np.nan), where=n > 0)
    if not _is_estimable(n, np.minimum(churned, n - churned)):
        return _without_interval(n, rates)
    error = float(np.sqrt((rates * (1 - rates) / n).sum()))
    pooled = churned.sum() / n.sum()
    difference = float(rates[0] - rates[1])
    z = difference / float(np.sqrt(pooled * (1 - pooled) * (1 / n).sum()))
    return _estimate(n, rates, error, Z, z)


def difference_in_means(treated_values: ArrayLike, control_values: ArrayLike) -> EffectEstimate:
    """Of means: variances of their own (Welch 1947); the values of either arm, (its customers,)."""
    arms = [np.asarray(one, dtype=float) for one in (treated_values, control_values)]
    n = np.array([len(one) for one in arms])
    means = np.array([one.mean() if len(one) else np.nan for one in arms])
    if not _is_estimable(n, [_events(one) for one in arms]):
        return _without_interval(n, means)
    error, freedom = welch(*arms)
    z = float(means[0] - means[1]) / error
    return _estimate(n, means, error, float(stdtrit(freedom, (1 + LEVEL) / 2)), z)


def welch(arm_a: Floats, arm_b: Floats) -> tuple[float, float]:
    """Standard error of the difference of two means, and its degrees of freedom (Welch 1947)."""
    n = np.array([len(arm_a), len(arm_b)])
    parts = np.array([arm_a.var(ddof=1), arm_b.var(ddof=1)]) / n
    return float(np.sqrt(parts.sum())), float(parts.sum() ** 2 / (parts**2 / (n - 1)).sum())


def hajek_difference(
    outcome: ArrayLike, treated: ArrayLike, propensity: ArrayLike, customers: ArrayLike
) -> EffectEstimate:
    """Of means weighted by 1 / P(the arm), for draws of unequal shares. All arguments (rows,).

    Each arm's weights sum to one (Hajek 1971). propensity: P(treated), within (0, 1), ValueError
    otherwise. The error is of the sum of each customer's influence, so that a customer of several
    campaigns counts once; with one row each and one propensity it is Welch's.
    """
    y, p = np.asarray(outcome, dtype=float), validate_propensity(propensity)
    is_treated = np.asarray(treated, dtype=bool)
    arms = is_treated, ~is_treated
    n = np.array([arm.sum() for arm in arms])
    weights = [np.where(arm, 1 / p, 0.0) for arm, p in zip(arms, (p, 1 - p), strict=True)]
    means = np.array([w @ y / w.sum() if n else np.nan for w, n in zip(weights, n, strict=True)])
    if not _is_estimable(n, [_events(y[arm]) for arm in arms]):
        return _without_interval(n, means)
    one, other = (
        w * (y - m) / w.sum() * np.sqrt(n / (n - 1))
        for w, m, n in zip(weights, means, n, strict=True)
    )
    codes, _ = pd.factorize(np.asarray(customers))
    error = float(np.sqrt((np.bincount(codes, one - other) ** 2).sum()))
    return _estimate(n, means, error, Z, float(means[0] - means[1]) / error)


def validate_propensity(propensity: ArrayLike) -> Floats:
    """The chances of being treated; ValueError where one is no chance."""
    chance = np.asarray(propensity, dtype=float)
    if not ((chance > 0) & (chance < 1)).all():
        raise ValueError("a propensity is not between 0 and 1: there was no draw")
    return chance


def two_sided_p_value(z: float) -> float:
    """P(a standard normal lies further out than z, either way)."""
    return float(2 * ndtr(-abs(z)))


def _events(values: Floats) -> int:
    """How many differ from the most frequent value; of 0 and 1 the fewer of both."""
    _, times = np.unique(values, return_counts=True)
    return len(values) - int(times.max(initial=0))


def _is_estimable(n: ArrayLike, events: ArrayLike) -> bool:
    return bool(np.min(n) >= MIN_ARM_SIZE and np.min(events) >= MIN_EVENTS)


def _estimate(
    n: ArrayLike, means: Floats, error: float, critical_value: float, z: float
) -> EffectEstimate:
    """`times` the standard error is half the interval."""
    treated, control = (int(one) for one in np.asarray(n))
    difference, half = float(means[0] - means[1]), critical_value * error
    return EffectEstimate(
        treated, control, float(means[0]), float(means[1]), difference,
        error, difference - half, difference + half, z, two_sided_p_value(z),
    )  # fmt: skip


def _without_interval(n: ArrayLike, means: Floats) -> EffectEstimate:
    return _estimate(n, means, np.nan, np.nan, np.nan)
