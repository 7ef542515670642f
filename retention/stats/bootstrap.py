"""The cluster bootstrap: intervals of metrics over resampled customers.

A metric that a sample cannot give is nan, never an error: the bootstrap counts those.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retention.stats.intervals import Floats

Metric = Callable[..., float]


def tie_ranks(order: ArrayLike) -> NDArray[np.int64]:
    """Rank sortable values (say, customer ids) as integers, equal for equal."""
    return np.unique(np.asarray(order), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Interval:
    """A 95 % percentile interval over replicates."""

    low: float
    high: float
    standard_error: float
    used: int  # replicates that gave a number
    left_out: int  # replicates that gave nan


@dataclass(frozen=True)
class PairedDifference:
    """metric(a) - metric(b) on the same rows, with a 95 % interval over resampled customers."""

    difference: float
    low: float
    high: float
    standard_error: float
    used: int
    left_out: int


def resamples(customers: ArrayLike, n: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """Sample as many customers as there are, with replacement, each with all rows.

    Parameters
    ----------
    customers : array_like, shape (rows,)
        Whose row it is.
    n : int
        Samples.
    seed : int

    Yields
    ------
    ndarray of int
        Positions of rows; those of a customer who was sampled twice stand twice.

    References
    ----------
    Davison & Hinkley (1997), Bootstrap Methods and their Application, 3.8.
    """
    customer_of_row = tie_ranks(customers)
    count = int(customer_of_row.max()) + 1 if len(customer_of_row) else 0
    rows, generator = np.arange(len(customer_of_row)), np.random.default_rng(seed)
    for _ in range(n):
        times = np.bincount(generator.integers(count, size=count), minlength=count)
        yield np.repeat(rows, times[customer_of_row])


def _interval(replicates: Floats) -> Interval:
    numbers = replicates[np.isfinite(replicates)]
    left_out = len(replicates) - len(numbers)
    if len(numbers) < 2:
        nan = float("nan")
        return Interval(nan, nan, nan, len(numbers), left_out)
    low, high = np.quantile(numbers, [0.025, 0.975])
    return Interval(float(low), float(high), float(numbers.std(ddof=1)), len(numbers), left_out)


def bootstrap(
    metric_fn: Callable[..., dict[str, float]],
    customers: ArrayLike,
    arrays: Sequence[ArrayLike],
    n: int,
    seed: int,
) -> dict[str, Interval]:
    """Estimate an interval of each metric of metric_fn(*arrays).

    Parameters
    ----------
    metric_fn : callable
        Metrics by name, of arrays of one length.
    customers : array_like, shape (rows,)
        Whose row it is.
    arrays : sequence of array_like, each of shape (rows,)
        Arguments of metric_fn. Pass a tie order as integers (`tie_ranks`): to sort text for each
        sample is slow.
    n : int
        Samples.
    seed : int
        The same seed gives the same samples, so that models are compared on equal ones.

    Returns
    -------
    dict of str to Interval
    """
    columns = [np.asarray(column) for column in arrays]
    replicates = [
        metric_fn(*(column[rows] for column in columns)) for rows in resamples(customers, n, seed)
    ]
    return {
        name: _interval(np.array([metrics[name] for metrics in replicates]))
        for name in replicates[0]
    }


def paired_difference(
    metric: Metric,
    y: ArrayLike,
    p_a: ArrayLike,
    p_b: ArrayLike,
    customers: ArrayLike,
    n: int,
    seed: int,
    extra: Sequence[ArrayLike] = (),
) -> PairedDifference:
    """Compare metric(y, p_a) and metric(y, p_b) on the same samples of customers.

    What chance gives both cancels, so the interval is narrower than from two intervals.

    Parameters
    ----------
    metric : callable
        Of outcomes, predictions and `extra`, of one length.
    y : array_like of float, shape (rows,) or (rows, k)
        Outcomes.
    p_a, p_b : array_like of float, shape (rows,) or (rows, k)
        Predictions.
    customers, n, seed
        As in `bootstrap`.
    extra : sequence of array_like, each of shape (rows,)
        Further arguments of the metric, as weights.

    Returns
    -------
    PairedDifference
        In the unit of the metric.
    """
    actual, a, b = (np.asarray(values, dtype=float) for values in (y, p_a, p_b))
    more = [np.asarray(column) for column in extra]

    def difference(rows: Any) -> float:
        own = [column[rows] for column in more]
        return metric(actual[rows], a[rows], *own) - metric(actual[rows], b[rows], *own)

    replicates = [difference(rows) for rows in resamples(customers, n, seed)]
    return PairedDifference(difference(slice(None)), **vars(_interval(np.array(replicates))))
