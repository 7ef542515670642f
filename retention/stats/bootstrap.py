"""Intervals of metrics over resampled customers: the cluster bootstrap.

A number that a sample cannot give is nan, never an error: the bootstrap counts those.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]


def tie_ranks(order: ArrayLike) -> NDArray[np.int64]:
    """Any sortable tie order (say, customer ids) as integers, equal for equal."""
    return np.unique(np.asarray(order), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Interval:
    """A 95 % percentile interval; `used` replicates of which `left_out` gave no number."""

    low: float
    high: float
    standard_error: float
    used: int
    left_out: int


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
    """n times the rows of as many customers as there are, drawn with replacement, whole.

    A customer drawn twice brings all rows twice (the cluster bootstrap, Davison & Hinkley 1997).
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
    """Intervals of each number that metric_fn(*arrays) gives, resampling customers.

    customers and every array are (rows,). Same seed, same resamples: models are compared on
    equal ones. Pass a tie order as integers (`tie_ranks`): sorting text each time is slow.
    """
    columns = [np.asarray(one) for one in arrays]
    replicates = [
        metric_fn(*(one[rows] for one in columns)) for rows in resamples(customers, n, seed)
    ]
    return {name: _interval(np.array([one[name] for one in replicates])) for name in replicates[0]}


def paired_difference(
    metric: Metric,
    y: ArrayLike,
    p_a: ArrayLike,
    p_b: ArrayLike,
    customers: ArrayLike,
    n: int,
    seed: int,
) -> PairedDifference:
    """metric(y, a) - metric(y, b), both on each resample of the customers: their common luck
    cancels, so the interval is narrower than two of their own."""
    actual, a, b = (np.asarray(one, dtype=float) for one in (y, p_a, p_b))
    replicates = [
        metric(actual[rows], a[rows]) - metric(actual[rows], b[rows])
        for rows in resamples(customers, n, seed)
    ]
    return PairedDifference(
        metric(actual, a) - metric(actual, b), **vars(_interval(np.array(replicates)))
    )
