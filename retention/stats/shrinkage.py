"""Shrinkage of measured effects to what was believed of them before, with partial pooling.

Beliefs b and effects s of K actions: s - b is normal with covariance scale x T, where
T = error^2 (shared b b' + (1 - shared) diag(b^2)): a belief errs by a share of itself, part of
which all actions have in common, as who believes too much of one believes too much of all. A
measured effect y is s and noise of a known standard error. Then the posterior is normal, and the
mean of an action that was not measured moves with those that were.

The scale is 1, the stated strength of the beliefs, unless what was measured contradicts it: it is
then the one that makes the measurements most likely (empirical Bayes), so that beliefs which were
wrong by much are soon forgotten.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar

from retention.stats.intervals import Floats

SHARED: Final = 0.5  # of the variance of beliefs
MAX_SCALE: Final = 1e4


@dataclass(frozen=True)
class Shrunk:
    """K effects, given what was believed and what was measured."""

    mean: Floats  # (K,)
    covariance: Floats  # (K, K) of the posterior
    sampling_error: Floats  # (K,) of the mean, by the noise of what was measured; 0 without any


def shrink(belief: Floats, error: float, measured: Floats, standard_error: Floats) -> Shrunk:
    """Combine beliefs with measurements.

    Parameters
    ----------
    belief : ndarray of shape (K,)
        Mean of the prior; an effect believed to be 0 stays so.
    error : float
        Standard deviation of a belief, as a share of it.
    measured : ndarray of shape (K,)
        nan where nothing was measured.
    standard_error : ndarray of shape (K,)
        Of `measured`, above 0.

    Returns
    -------
    Shrunk

    References
    ----------
    Efron & Morris (1975), Data analysis using Stein's estimator and its generalizations; Gelman &
    Hill (2007), Data Analysis Using Regression and Multilevel Models, ch. 12.
    """
    is_measured = np.isfinite(measured) & np.isfinite(standard_error)
    stated = error**2 * (SHARED * np.outer(belief, belief) + (1 - SHARED) * np.diag(belief**2))
    noise = np.diag(standard_error[is_measured] ** 2)
    surprise = measured[is_measured] - belief[is_measured]
    prior = _scale(stated[np.ix_(is_measured, is_measured)], noise, surprise) * stated
    weight = np.linalg.solve(prior[np.ix_(is_measured, is_measured)] + noise, prior[is_measured]).T
    covariance = prior - weight @ prior[is_measured]
    return Shrunk(
        mean=belief + weight @ surprise,
        covariance=(covariance + covariance.T) / 2,
        sampling_error=np.sqrt(np.einsum("ij,jk,ik->i", weight, noise, weight)),
    )


def _scale(stated: Floats, noise: Floats, surprise: Floats) -> float:
    """The scale of the prior, at least 1, under which the surprise is most likely."""
    if not stated.any():
        return 1.0

    def loss(log_scale: float) -> float:
        covariance = np.exp(log_scale) * stated + noise
        _, log_determinant = np.linalg.slogdet(covariance)
        return float(log_determinant + surprise @ np.linalg.solve(covariance, surprise))

    best = minimize_scalar(loss, bounds=(0.0, np.log(MAX_SCALE)), method="bounded")
    return float(np.exp(best.x)) if best.fun < loss(0.0) else 1.0
