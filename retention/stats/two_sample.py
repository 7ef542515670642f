"""Intention to treat: the effect of assigning customers to contact, reached or not.

The estimand is the mean over all randomised customers of the outcome when assigned to contact less
the outcome when held out. Customers are compared by the arm they were assigned to, whatever was
done afterwards: those who were reached differ from those who were not, so a comparison of these
would compare customers, not what was done.

Everywhere effect = treated - control: of churn, negative is good.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

from retention.stats.intervals import LEVEL, Z95, Floats

MIN_ARM_SIZE: Final = 30  # customers in each arm, below which no interval is given
MIN_EVENTS: Final = 5  # of them who differ from most: the usual bound of the normal approximation


@dataclass(frozen=True)
class EffectEstimate:
    """The difference of the means of two arms: proportions of customers, or money each.

    The inference is nan where an arm has fewer than MIN_ARM_SIZE customers, or fewer than
    MIN_EVENTS who differ from the rest.
    """

    treated: int  # customers of the arm
    control: int
    treated_mean: float
    control_mean: float
    difference: float  # treated_mean - control_mean
    standard_error: float
    low: float  # of the 95 % interval
    high: float
    z: float
    p_value: float  # two-sided, of no difference

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero; False without one."""
        return self.low > 0 or self.high < 0


def difference_in_proportions(
    treated_churned: int, treated: int, control_churned: int, control: int
) -> EffectEstimate:
    """Estimate the difference of two proportions, with Wald's interval.

    z and p_value use the pooled proportion, which gives the variance if nothing differs.

    Parameters
    ----------
    treated_churned, control_churned : int
        Customers of the arm with the event.
    treated, control : int
        Customers of the arm.

    Returns
    -------
    EffectEstimate
        Proportions, 0 to 1.
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
    return _estimate(n, rates, error, Z95, z)


def difference_in_means(treated_values: ArrayLike, control_values: ArrayLike) -> EffectEstimate:
    """Estimate the difference of two means, each with its own variance (Welch's t).

    Parameters
    ----------
    treated_values, control_values : array_like of float, shape (customers of the arm,)
        The outcome of each customer.

    Returns
    -------
    EffectEstimate
        In the unit of the outcome. z is the t statistic; its p_value is that of a normal.

    References
    ----------
    Welch (1947), Biometrika 34, 28-35.
    """
    arms = [np.asarray(values, dtype=float) for values in (treated_values, control_values)]
    n = np.array([len(values) for values in arms])
    means = np.array([values.mean() if len(values) else np.nan for values in arms])
    if not _is_estimable(n, [_events(values) for values in arms]):
        return _without_interval(n, means)
    error, degrees = welch(*arms)
    z = float(means[0] - means[1]) / error
    return _estimate(n, means, error, float(stdtrit(degrees, (1 + LEVEL) / 2)), z)


def welch(arm_a: Floats, arm_b: Floats) -> tuple[float, float]:
    """Compute the standard error of a difference of two means, and its degrees of freedom.

    Parameters
    ----------
    arm_a, arm_b : ndarray of float, shape (customers of the arm,)
        At least two values each.

    Returns
    -------
    standard_error, degrees : float
        In the unit of the values; degrees by Welch & Satterthwaite.

    References
    ----------
    Welch (1947), Biometrika 34, 28-35.
    """
    n = np.array([len(arm_a), len(arm_b)])
    parts = np.array([arm_a.var(ddof=1), arm_b.var(ddof=1)]) / n
    return float(np.sqrt(parts.sum())), float(parts.sum() ** 2 / (parts**2 / (n - 1)).sum())


def hajek_difference(
    outcome: ArrayLike, treated: ArrayLike, propensity: ArrayLike, customers: ArrayLike
) -> EffectEstimate:
    """Estimate the difference of means weighted by 1 / P(the arm), for unequal propensities.

    The weights of each arm sum to one. The error is that of the sum of each customer's influence,
    so a customer of several campaigns counts once; with one row each and one propensity it is
    Welch's.

    Parameters
    ----------
    outcome : array_like of float, shape (rows,)
    treated : array_like of bool, shape (rows,)
    propensity : array_like of float, shape (rows,)
        P(treated), within (0, 1).
    customers : array_like, shape (rows,)
        Whose row it is.

    Returns
    -------
    EffectEstimate
        In the unit of the outcome.

    Raises
    ------
    ValueError
        A propensity is not within (0, 1).

    References
    ----------
    Hajek (1971), in Foundations of Statistical Inference, 236.
    """
    y, chance = np.asarray(outcome, dtype=float), validate_propensity(propensity)
    is_treated = np.asarray(treated, dtype=bool)
    arms = is_treated, ~is_treated
    n = np.array([arm.sum() for arm in arms])
    chances = (chance, 1 - chance)
    weights = [np.where(arm, 1 / p, 0.0) for arm, p in zip(arms, chances, strict=True)]
    means = np.array(
        [w @ y / w.sum() if size else np.nan for w, size in zip(weights, n, strict=True)]
    )
    if not _is_estimable(n, [_events(y[arm]) for arm in arms]):
        return _without_interval(n, means)
    treated_influence, control_influence = (
        w * (y - mean) / w.sum() * np.sqrt(size / (size - 1))
        for w, mean, size in zip(weights, means, n, strict=True)
    )
    codes, _ = pd.factorize(np.asarray(customers))
    influence = np.bincount(codes, treated_influence - control_influence)
    error = float(np.sqrt((influence**2).sum()))
    return _estimate(n, means, error, Z95, float(means[0] - means[1]) / error)


def validate_propensity(propensity: ArrayLike) -> Floats:
    """Return the propensities as floats; ValueError where one is not within (0, 1)."""
    chance = np.asarray(propensity, dtype=float)
    if not ((chance > 0) & (chance < 1)).all():
        raise ValueError("a propensity is not between 0 and 1: there was no draw")
    return chance


def two_sided_p_value(z: float) -> float:
    """Return P(|Z| > |z|) of a standard normal Z."""
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
    """With an interval of `critical_value` standard errors to each side."""
    treated, control = (int(size) for size in np.asarray(n))
    difference, half = float(means[0] - means[1]), critical_value * error
    return EffectEstimate(
        treated=treated,
        control=control,
        treated_mean=float(means[0]),
        control_mean=float(means[1]),
        difference=difference,
        standard_error=error,
        low=difference - half,
        high=difference + half,
        z=z,
        p_value=two_sided_p_value(z),
    )


def _without_interval(n: ArrayLike, means: Floats) -> EffectEstimate:
    return _estimate(n, means, np.nan, np.nan, np.nan)
