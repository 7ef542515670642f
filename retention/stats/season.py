"""How far a period usually lies from the centre at its time of the year.

What comes again every year is normal. The shift of a period is the mean of the same period of
other years, drawn to zero by how little the years agree (empirical Bayes): the variance of a season
is the covariance of two years, which an event of a single year does not raise.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retention.stats.intervals import Floats

MIN_PAIRS: Final = 8  # periods with the same one of another year; fewer show no season


def seasonal_shift(
    deviation: Floats, variance: Floats, n_slots: int, min_pairs: int = MIN_PAIRS
) -> tuple[Floats, Floats]:
    """Estimate the shift of each period by its season, from the same periods of other years.

    Parameters
    ----------
    deviation : ndarray of float
        (n,) from the centre, in order of time; nan of periods that are not learnt from.
    variance : ndarray of float
        (n,) by chance, in the square of the deviation's unit, above 0; nan allowed where the
        deviation is.
    n_slots : int
        Periods in a year.
    min_pairs : int
        Pairs of periods a year apart that it takes.

    Returns
    -------
    shift, error : ndarray of float
        (n,) in the deviation's unit; error is the standard deviation of the season that remains
        unknown. Both are 0 with fewer pairs, and where the years do not agree.

    References
    ----------
    Efron & Morris (1975), Journal of the American Statistical Association 70, 311-319.
    """
    n = len(deviation)
    of_record = np.isfinite(deviation) & np.isfinite(variance)
    deviation = _without_drift(deviation, variance, of_record)
    pairs = of_record[n_slots:] & of_record[: max(n - n_slots, 0)]
    products = (deviation[n_slots:] * deviation[: max(n - n_slots, 0)])[pairs]
    between = max(float(products.mean()), 0.0) if len(products) >= min_pairs else 0.0
    if between == 0.0:
        return np.zeros(n), np.zeros(n)
    slot = np.arange(n) % n_slots
    weight = np.where(of_record, 1 / np.where(of_record, variance, 1.0), 0.0)
    weighted = weight * np.where(of_record, deviation, 0.0)
    # Its own value would hide what is unusual about a period.
    precision = np.bincount(slot, weight, n_slots)[slot] - weight
    total = np.bincount(slot, weighted, n_slots)[slot] - weighted
    posterior = 1 / (1 / between + np.maximum(precision, 0.0))
    return posterior * total, np.sqrt(posterior)


def _without_drift(deviation: Floats, variance: Floats, of_record: NDArray[np.bool_]) -> Floats:
    """Take the straight line through the known periods out: a drift over years is no season."""
    if of_record.sum() < MIN_PAIRS:
        return deviation
    place = np.arange(len(deviation), dtype=float)
    line = np.polyfit(place[of_record], deviation[of_record], 1, w=1 / np.sqrt(variance[of_record]))
    return np.asarray(deviation - np.polyval(line, place))
