"""Standard errors of means over rows that are grouped."""

import numpy as np
from numpy.typing import NDArray

from retention.stats.intervals import Floats


def standard_error(difference: Floats, customers: NDArray[np.object_]) -> float:
    """Standard error of the mean of paired differences, clustered by customer.

    Parameters
    ----------
    difference : ndarray of shape (n,)
        Of two models' losses on each row.
    customers : ndarray of shape (n,)
        Ids; the rows of a customer are correlated.

    Returns
    -------
    float
        In the unit of `difference`.

    References
    ----------
    Liang & Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika
    73.
    """
    _, code = np.unique(customers.astype(str), return_inverse=True)
    clusters = np.bincount(code, weights=difference - difference.mean())
    return float(np.sqrt((clusters**2).sum()) / len(difference))
