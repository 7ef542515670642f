"""The interval of the expected calibration error, which noise alone makes greater than it is.

The error is a sum of absolute gaps, one a bin. A percentile interval adds the noise of the resample
to that of the sample, so that it often lies above the truth, and above the figure itself.
"""

from typing import Final

import numpy as np

from models.components.base import Floats
from retention.stats import bootstrap
from retention.training.metric_intervals import MeasuredRows
from retention.training.metrics import BINS

TAIL: Final = 0.025
_FACTORS: Final = np.arange(0.0, 2.51, 0.05)
"""Times the gaps found, that may be true."""


def interval(y: Floats, p: Floats, sample: MeasuredRows, n: int, seed: int) -> tuple[float, float]:
    """95 % interval of the expected calibration error, by inverting a test.

    Gaps g were found, with noise e as resampled customers show it. True gaps c g are believed
    where sum |c g + e| is not mostly above or mostly below sum |g|; the ends are the least and the
    greatest such c, times sum |g|. The upper end is not below that of the percentile interval, for
    where gaps are great noise adds little and the percentiles are right.

    Parameters
    ----------
    y, p : ndarray of shape (rows,)
        Outcomes (0 or 1) and probabilities.
    sample : MeasuredRows
    n : int
        Resamples.
    seed : int

    Returns
    -------
    low, high : float
        nan without rows.

    References
    ----------
    Davison & Hinkley (1997), Bootstrap Methods and their Application, 5.2 and 4.4 (tests by
    resampling, and intervals from them); Naeini, Cooper & Hauskrecht (2015), as `metrics.ece`.
    """
    if not len(y):
        return float("nan"), float("nan")
    day = np.zeros(len(y), dtype=np.int64) if sample.day is None else np.asarray(sample.day)
    weight = np.ones(len(y)) if sample.weight is None else sample.weight
    days, of_day = np.unique(day, return_inverse=True)
    bins = of_day * BINS + np.minimum((p * BINS).astype(int), BINS - 1)

    def gaps(rows: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> Floats:
        """Of every day and bin, in shares of the day's customers; their |sum| is the error."""
        off = np.bincount(bins[rows], (weight * (p - y))[rows], len(days) * BINS)
        size = np.bincount(of_day[rows], weight[rows], len(days))
        shares = off.reshape(len(days), BINS) / np.where(size > 0, size, 1.0)[:, None]
        return np.asarray(shares.ravel() / len(days))

    observed = gaps(np.arange(len(y)))
    error = float(np.abs(observed).sum())
    noise = np.stack(
        [gaps(rows) - observed for rows in bootstrap.resamples(sample.customers, n, seed)]
    )
    would_show = np.stack([np.abs(factor * observed + noise).sum(axis=1) for factor in _FACTORS])
    not_below = _FACTORS[(would_show >= error).mean(axis=1) >= TAIL]
    not_above = _FACTORS[(would_show <= error).mean(axis=1) >= TAIL]
    low = float(not_below.min(initial=1.0)) * error
    high = float(not_above.max(initial=0.0)) * error
    return low, max(high, float(np.quantile(np.abs(observed + noise).sum(axis=1), 1 - TAIL)))
