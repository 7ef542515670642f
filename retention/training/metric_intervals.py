"""Metrics with their 95 % bootstrap intervals, JSON-able."""

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from numpy.typing import ArrayLike

from retention.stats import bootstrap

MetricInterval = dict[str, float | None]
"""value, low and high; None where there is no number."""
MetricIntervals = dict[str, MetricInterval]
"""MetricIntervals by the name of the metric."""


def metrics_with_intervals(
    measure: Callable[..., dict[str, float]],
    customers: ArrayLike,
    columns: Sequence[ArrayLike],
    n: int,
    seed: int,
) -> MetricIntervals:
    """Metrics with intervals over resampled customers.

    Parameters
    ----------
    measure : callable
        The columns to metrics by name.
    customers : array-like of shape (rows,)
        Ids.
    columns : sequence of array-likes of shape (rows,)
    n : int
        Resamples.
    seed : int
        The same seed gives the same resamples.

    Returns
    -------
    dict
        Name to value, low and high (95 %), in the metric's unit.
    """
    intervals = bootstrap.bootstrap(measure, customers, columns, n, seed)
    return {name: _figure(value, intervals[name]) for name, value in measure(*columns).items()}


def gains_over_others(
    frames: dict[str, pd.DataFrame],
    name: str,
    metrics: Mapping[str, bootstrap.Metric],
    n: int,
    seed: int,
) -> dict[str, MetricIntervals]:
    """Differences of one model's metrics from every other's, paired on the same resamples.

    Parameters
    ----------
    frames : dict
        Model to customer_id, churned and prediction, on the same rows.
    name : str
        The model whose gains these are.
    metrics : mapping
        Name to a callable of y and prediction.
    n : int
        Resamples.
    seed : int

    Returns
    -------
    dict
        Other model to figures by the name of the metric.
    """
    frame = frames[name]
    gains: dict[str, MetricIntervals] = {}
    for other in frames:
        if other == name:
            continue
        gains[other] = {}
        for metric_name, metric in metrics.items():
            difference = bootstrap.paired_difference(
                metric,
                frame["churned"],
                frame["prediction"],
                frames[other]["prediction"],
                frame["customer_id"],
                n,
                seed,
            )
            gains[other][metric_name] = _figure(difference.difference, difference)
    return gains


def _figure(
    value: float, interval: bootstrap.Interval | bootstrap.PairedDifference
) -> MetricInterval:
    numbers = {"value": value, "low": interval.low, "high": interval.high}
    return {
        name: float(number) if math.isfinite(number) else None for name, number in numbers.items()
    }
