"""Randomisation checks: sample ratio mismatch, and balance of what was known before."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import chi2

from retention.stats.intervals import Floats
from retention.stats.two_sample import two_sided_p_value, validate_propensity

ALPHA: Final = 0.01  # a check that every list repeats must not raise false alarms


@dataclass(frozen=True)
class Balance:
    """How far the arms differ from a randomised assignment with the stated propensities."""

    columns: (
        pd.DataFrame
    )  # index: column; treated, control: its means; standardized_mean_difference
    srm_p_value: float  # sample ratio mismatch: of arms as large as the propensities say
    joint_p_value: float  # of all columns together; nan where none varies

    @property
    def is_balanced(self) -> bool:
        """Whether neither test rejects the randomisation."""
        return not (self.srm_p_value < ALPHA or self.joint_p_value < ALPHA)


def balance(covariates: pd.DataFrame, treated: ArrayLike, propensity: ArrayLike) -> Balance:
    """Test the arms against the propensities, by their sizes and by covariates.

    Given the customers, only the assignment is random: with a = treated and e = P(treated), the
    sum over customers of (a - e)(x - mean) has the covariance of the sum of
    e (1 - e)(x - mean)(x - mean)', whatever the columns are, and its square over that is
    chi-squared with as many degrees of freedom as columns are independent. One column that strays
    is no proof: with 100 held out, one sound column in three differs by more than 0.1.

    Parameters
    ----------
    covariates : DataFrame, shape (customers, columns)
        Numbers known at the assignment; a null counts as the column's mean.
    treated : array_like of bool, shape (customers,)
    propensity : array_like of float, shape (customers,)
        P(treated), within (0, 1).

    Returns
    -------
    Balance

    Raises
    ------
    ValueError
        A propensity is not within (0, 1).

    References
    ----------
    Hansen & Bowers (2008), Statistical Science 23, 219-236.
    """
    arm, chance = np.asarray(treated, dtype=float), validate_propensity(propensity)
    x = covariates.astype(float).fillna(covariates.mean()).fillna(0.0).to_numpy()
    variance = chance * (1 - chance)
    srm_p_value = np.nan
    if variance.sum() > 0:
        surplus = float((arm - chance).sum())
        srm_p_value = two_sided_p_value(surplus / float(np.sqrt(variance.sum())))
    table = _mean_differences(x, arm / chance, (1 - arm) / (1 - chance))
    return Balance(
        columns=table.set_axis(covariates.columns),
        srm_p_value=srm_p_value,
        joint_p_value=_joint_p_value(x, arm - chance, variance),
    )


def _mean_differences(x: Floats, treated_weight: Floats, control_weight: Floats) -> pd.DataFrame:
    """Weighted by 1 / P(the arm): unequal propensities are no imbalance."""
    treated_mean, treated_variance = _moments(x, treated_weight)
    control_mean, control_variance = _moments(x, control_weight)
    scale = np.sqrt((treated_variance + control_variance) / 2)
    difference = np.zeros(len(scale))
    np.divide(treated_mean - control_mean, scale, out=difference, where=scale > 0)
    return pd.DataFrame(
        {
            "treated": treated_mean,
            "control": control_mean,
            "standardized_mean_difference": difference,
        }
    )


def _moments(x: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted mean and variance of each column; nan without rows."""
    total = weights.sum()
    if total == 0:
        return np.full(x.shape[1], np.nan), np.full(x.shape[1], np.nan)
    mean = weights @ x / total
    return mean, weights @ (x - mean) ** 2 / total


def _joint_p_value(x: Floats, surplus: Floats, variance: Floats) -> float:
    if not variance.sum() > 0:
        return np.nan
    # Centred by the assignment's variance, so that the sizes of the arms are no part of it.
    centred = x - variance @ x / variance.sum()
    size = np.sqrt(variance @ centred**2)
    # A constant column is left out, up to rounding; the others are scaled to keep the rank stable.
    centred = centred[:, size > 1e-9 * np.abs(x).max(axis=0, initial=0.0)]
    centred = centred / np.sqrt(variance @ centred**2)
    covariance = (centred * variance[:, None]).T @ centred
    degrees = int(np.linalg.matrix_rank(covariance, hermitian=True))
    score = surplus @ centred
    if not degrees:
        return np.nan
    return float(chi2.sf(score @ np.linalg.pinv(covariance, hermitian=True) @ score, degrees))
