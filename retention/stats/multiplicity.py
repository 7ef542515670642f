"""p-values of several tests, adjusted for their number."""

import numpy as np

from retention.stats.intervals import Floats


def holm(p: Floats, n_tests: int = 0) -> Floats:
    """Adjust p-values by Holm's step-down procedure.

    Parameters
    ----------
    p : ndarray of float, shape (n,)
        p-values; nan for a test that was not made, which does not count among the tests.
    n_tests : int
        Tests that may be made in all, where more are planned than were made so far.

    Returns
    -------
    ndarray of float, shape (n,)
        At most 1; nan where p is.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    adjusted = np.full(len(p), np.nan)
    finite = np.flatnonzero(np.isfinite(p))
    order = finite[np.argsort(p[finite], kind="stable")]
    steps = p[order] * (max(len(order), n_tests) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
