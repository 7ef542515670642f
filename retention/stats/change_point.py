"""The period from which a metric has another level."""

from typing import Final

import numpy as np
from scipy.stats import norm

from retention.stats.intervals import Floats

MIN_SIDE: Final = 3  # periods on either side of a change
ALPHA: Final = 0.01


def change_point(deviation: Floats, sigma: Floats) -> int | None:
    """Find the one split that best divides a series into two levels, where chance does not make it.

    Parameters
    ----------
    deviation : ndarray of float
        (n,) from any fixed centre, in order of time, its season taken out; nan where unknown.
    sigma : ndarray of float
        (n,) standard deviation of each, in the same unit; from moving ranges, which a change of
        level hardly widens.

    Returns
    -------
    int or None
        The index of the first period of the new level. None where no split has a p-value below
        ALPHA, adjusted for the number of splits after Bonferroni.

    References
    ----------
    Hawkins (1977), Journal of the American Statistical Association 72, 180-186.
    """
    of_record = np.flatnonzero(np.isfinite(deviation) & np.isfinite(sigma) & (sigma > 0))
    splits = np.arange(MIN_SIDE, len(of_record) - MIN_SIDE + 1)
    if not len(splits):
        return None
    weight = 1 / sigma[of_record] ** 2
    weights, sums = np.cumsum(weight), np.cumsum(weight * deviation[of_record])
    before, after = weights[splits - 1], weights[-1] - weights[splits - 1]
    change = (sums[-1] - sums[splits - 1]) / after - sums[splits - 1] / before
    z = np.abs(change) / np.sqrt(1 / before + 1 / after)
    best = int(np.argmax(z))
    if 2 * norm.sf(z[best]) * len(splits) >= ALPHA:
        return None
    return int(of_record[splits[best]])
