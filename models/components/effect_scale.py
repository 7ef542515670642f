"""The scale on which the effect of a contact is modelled, so that it fits every base rate.

Churn is modelled in log-odds: with the log-odds `base` of a customer between the arms, a treated
one has mean expit(base + (1 - e) f) and an untreated one expit(base - e f), whose difference is
the effect. Where few leave this is a share of the risk, where nearly all leave a share of the
chance to stay, and both probabilities stay within 0 and 1. Money is modelled in multiples of the
money expected of the customer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.components.base import Floats
from models.components.uplift import Outcome

_FLOOR = 0.1  # of the mean
_POWER = 1.5  # variance of money: dispersion * mean ** 1.5, as for the Tweedie loss of value models
_NEWTON_STEPS = 30
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class EffectScale:
    """Mean, score and information of an outcome whose base is known, in the effect f."""

    outcome: Outcome
    floor: float = 0.0  # currency; customers who are expected to bring less count as bringing this
    dispersion: float = 1.0  # currency ** (2 - 1.5)

    @classmethod
    def fit(cls, outcome: Outcome, y: Floats, base: Floats) -> "EffectScale":
        """The scale of an outcome.

        Parameters
        ----------
        outcome : {"churn", "money"}
        y : ndarray of shape (n,)
            0 or 1, or currency.
        base : ndarray of shape (n,)
            Log-odds or currency expected of each row.

        Returns
        -------
        EffectScale
        """
        if outcome == "churn":
            return cls(outcome)
        floor = max(_FLOOR * float(np.abs(y).mean()), 1e-9)
        dispersion = ((y - base) ** 2 / np.maximum(base, floor) ** _POWER).mean()
        return cls(outcome, floor, max(float(dispersion), 1e-12))

    def _unit(self, base: Floats) -> Floats:
        return np.maximum(base, self.floor)

    def mean(self, base: Floats, f: Floats) -> Floats:
        """Expected outcome, shape (n,): a probability, or currency."""
        if self.outcome == "churn":
            return np.asarray(expit(base + f))
        return np.asarray(base + self._unit(base) * f)

    def arms(self, base: Floats, f: Floats, propensity: Floats) -> tuple[Floats, Floats]:
        """Expected outcomes, each (n,): not treated, treated."""
        return self.mean(base, -propensity * f), self.mean(base, (1 - propensity) * f)

    def bounded(self, untreated: Floats, effect: Floats) -> Floats:
        """Effects, shape (n,), that keep a probability within 0 and 1."""
        if self.outcome == "money":
            return effect
        return np.asarray(np.clip(effect, -untreated, 1 - untreated))

    def score(self, base: Floats, f: Floats, y: Floats) -> Floats:
        """Derivative of the log-likelihood by f, shape (n,)."""
        residual = y - self.mean(base, f)
        if self.outcome == "churn":
            return residual
        return np.asarray(residual * self._unit(base) ** (1 - _POWER) / self.dispersion)

    def information(self, base: Floats, f: Floats) -> Floats:
        """Fisher information about f, shape (n,)."""
        if self.outcome == "churn":
            p = self.mean(base, f)
            return p * (1 - p)
        return np.asarray(self._unit(base) ** (2 - _POWER) / self.dispersion)


@dataclass(frozen=True)
class EffectData:
    """What an effect f is fitted to; every array is (n,)."""

    scale: EffectScale
    y: Floats
    base: Floats  # log-odds or currency between the arms, from other customers
    contrast: Floats  # treated less propensity: what f is multiplied by

    def take(self, rows: NDArray[np.bool_]) -> "EffectData":
        """The rows of a mask of shape (n,)."""
        return EffectData(self.scale, self.y[rows], self.base[rows], self.contrast[rows])

    def slope(self, f: Floats) -> Floats:
        """Derivative of the log-likelihood by f, shape (n,)."""
        return self.contrast * self.scale.score(self.base, self.contrast * f, self.y)

    def curvature(self, f: Floats) -> Floats:
        """Information about f, shape (n,)."""
        return self.contrast**2 * self.scale.information(self.base, self.contrast * f)


def fit_linear_effect(
    data: EffectData,
    design: Floats,
    precision: Floats,
    centre: Floats,
    at_least: Floats | None = None,
) -> Floats:
    """Coefficients of f = design @ coefficients, by penalised likelihood (Newton's method).

    Parameters
    ----------
    data : EffectData of n rows
    design : ndarray of shape (n, k)
    precision : ndarray of shape (k,)
        Of the coefficients' normal prior.
    centre : ndarray of shape (k,)
        Its mean.
    at_least : ndarray of shape (k,), optional
        Lower bounds, -inf for none; a coefficient below its bound is set to it, and the others are
        fitted again.

    Returns
    -------
    ndarray of shape (k,)
    """
    is_free, coefficients = np.ones(design.shape[1], dtype=bool), centre.copy()
    while True:
        coefficients = _newton(data, design, precision, centre, coefficients, is_free)
        too_low = is_free & (coefficients < (-np.inf if at_least is None else at_least))
        if at_least is None or not too_low.any():
            return coefficients
        is_free &= ~too_low
        coefficients = np.where(too_low, at_least, coefficients)


def _newton(
    data: EffectData,
    design: Floats,
    precision: Floats,
    centre: Floats,
    start: Floats,
    is_free: NDArray[np.bool_],
) -> Floats:
    coefficients, columns = start.copy(), design[:, is_free]
    for _ in range(_NEWTON_STEPS if is_free.any() else 0):
        f = design @ coefficients
        gradient = columns.T @ data.slope(f)
        gradient -= (precision * (coefficients - centre))[is_free]
        hessian = (columns * data.curvature(f)[:, None]).T @ columns
        hessian[np.diag_indices_from(hessian)] += precision[is_free] + 1e-12
        step = np.linalg.solve(hessian, gradient)
        coefficients[is_free] += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < _TOLERANCE:
            break
    return coefficients
