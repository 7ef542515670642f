"""Conformal prediction interval of a customer's realised value."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import isotonic_regression

from models.components.base import Floats, State
from retention.stats import weighted
from retention.stats.weighted import Weights

MAX_BINS = 20
ROWS_PER_BIN = 50  # a 10 % quantile of fewer rows is one customer's purse


class ValueInterval:
    """Conformal quantiles of the actual value given the expected one, for any value model.

    Out-of-fold pairs (expected, actual) are cut into bins of equal count by expected value. In
    each, the k-th smallest actual with k = floor((n + 1)(1 - level) / 2), and the k-th largest,
    cover `level` of new customers of any distribution that are exchangeable with these
    (Mondrian bins). Customers of a later window are so only as far as nothing changes with
    time, so that the coverage out of time is measured and not promised. Where fewer than k lie
    below the lower end, as where many bring nothing, the upper end leaves out as many more: two
    equal tails would cover too many. The ends are made non-decreasing in the expected value and
    interpolated between the bins' mean expected values; above the last they grow in proportion
    to it, and below the first the lower end falls so, lest it lie above what is expected of
    customers who are all but lost. Where few buy, the interval is [0, 0] and the mean may lie
    above it: that is correct for a quantile.

    References
    ----------
    Vovk, Gammerman & Shafer (2005), Algorithmic Learning in a Random World.
    """

    def __init__(self, level: float = 0.8) -> None:
        self.level = level
        self.centre: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def fit(self, expected: ArrayLike, actual: ArrayLike, weight: Weights = None) -> Self:
        """Fit the interval.

        Parameters
        ----------
        expected : array-like of shape (n,)
            Out-of-fold expected values, account currency.
        actual : array-like of shape (n,)
            Realised values, account currency.
        weight : ndarray of shape (n,), optional
            Customers that each row stands for; a row counts as so many equal ones
            (Tibshirani et al. 2019, Conformal prediction under covariate shift, NeurIPS 32).

        Returns
        -------
        The interval itself.

        Raises
        ------
        ValueError
            If lengths differ, there is no row, or a number is not finite.
        """
        mean, real = np.asarray(expected, dtype=float), np.asarray(actual, dtype=float)
        if mean.shape != real.shape or mean.ndim != 1 or len(mean) == 0:
            raise ValueError("expected and actual must be one number a row, and rows there must be")
        if not (np.isfinite(mean).all() and np.isfinite(real).all()):
            raise ValueError("expected and actual must be finite")
        bins = _bins(mean)
        held = [None if weight is None else weight[rows] for rows in bins]
        each = list(zip(bins, held, strict=True))
        ends = np.array([_ends(real[rows], self.level, part) for rows, part in each])
        counts = np.array([weighted.size(mean[rows], part) for rows, part in each])
        self.centre = [weighted.mean(mean[rows], part) for rows, part in each]
        self.low = isotonic_regression(ends[:, 0], sample_weight=counts).tolist()
        self.high = isotonic_regression(ends[:, 1], sample_weight=counts).tolist()
        return self

    def predict(self, expected: ArrayLike) -> tuple[Floats, Floats]:
        """Ends of the interval.

        Parameters
        ----------
        expected : array-like of shape (n,)
            Account currency.

        Returns
        -------
        tuple of two ndarrays of shape (n,)
            low <= high, account currency.

        Raises
        ------
        ValueError
            If the interval is not fitted.
        """
        if not self.centre:
            raise ValueError("fit the interval first")
        mean = np.asarray(expected, dtype=float)
        growth = self._growth(mean)
        low = np.interp(mean, self.centre, self.low) * growth * self._fall(mean)
        high = np.interp(mean, self.centre, self.high) * growth
        return low, np.maximum(low, high)

    def _growth(self, mean: Floats) -> Floats:
        """Ratio to the last bin's centre of a value above it; 1 elsewhere."""
        last = self.centre[-1]
        return np.maximum(mean / last, 1.0) if last > 0 else np.ones_like(mean)

    def _fall(self, mean: Floats) -> Floats:
        """Ratio to the first bin's centre of a value below it, not negative; 1 elsewhere."""
        first = self.centre[0]
        falls = first > 0 and self.low[0] > 0
        return np.clip(mean / first, 0.0, 1.0) if falls else np.ones_like(mean)

    def state(self) -> State:
        """JSON-able; `from_state` is the inverse."""
        return dict(vars(self))

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The interval whose `state` this was."""
        interval = cls()
        vars(interval).update(state)
        return interval


def _bins(expected: Floats) -> list[NDArray[np.intp]]:
    """Rows in bins of equal count by expected value; equal values share the lower bin."""
    count = int(np.clip(len(expected) // ROWS_PER_BIN, 1, MAX_BINS))
    edges = np.unique(np.quantile(expected, np.linspace(0, 1, count + 1)[1:-1]))
    bin_of = np.searchsorted(edges, expected, side="left")
    return [np.flatnonzero(bin_of == i) for i in np.unique(bin_of)]


def _ends(actual: Floats, level: float, weight: Weights) -> tuple[float, float]:
    if weight is not None:
        return _weighted_ends(actual, level, weight)
    tail = max(int((len(actual) + 1) * (1 - level) / 2), 1)
    ordered = np.sort(actual)
    low = ordered[tail - 1]
    below = int(np.searchsorted(ordered, low, side="left"))  # at most tail - 1
    return float(low), float(ordered[below + 1 - 2 * tail])


def _weighted_ends(actual: Floats, level: float, weight: Floats) -> tuple[float, float]:
    """`_ends` of rows that stand for several customers; of rows that stand for one, the same."""
    order = np.argsort(actual, kind="stable")
    ordered, held = actual[order], weight[order]
    upto = np.cumsum(held)
    tail = max(float(np.floor((upto[-1] + 1) * (1 - level) / 2 + 1e-9)), min(1.0, upto[-1]))
    low = ordered[int(np.searchsorted(upto, tail - 1e-9, side="left"))]
    below = held[ordered < low].sum()
    # What may lie above the upper end: as much as outside of both ends, less what lies below.
    above = upto[-1] - upto
    room = max(2 * (tail - 1) - below, 0.0)
    high = ordered[int(np.argmax(above <= room + 1e-9))]
    return float(low), float(max(low, high))
