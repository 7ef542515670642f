"""Metrics with their 95 % bootstrap intervals, JSON-able.

Of several days a figure is the mean of the days' own, as a list is of one day; customers are
resampled with all their days, since a customer's days are alike.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from models.components.base import Floats
from retention.stats import bootstrap, weighted
from retention.stats.weighted import Weights

MetricInterval = dict[str, float | None]
"""value, low and high; None where there is no number."""
MetricIntervals = dict[str, MetricInterval]
"""MetricIntervals by the name of the metric."""
Measure = Callable[..., dict[str, float]]
"""measure(*columns, weight) to metrics by name; weight is None where all are 1."""
OfAll = Callable[..., object]
"""of_all(*columns, weight): what is taken from the rows of all days together."""


@dataclass(frozen=True)
class MeasuredRows:
    """The rows that figures are of; every array is (rows,)."""

    customers: ArrayLike  # ids
    weight: Weights = None  # customers that each row stands for; None: one
    day: NDArray[np.int64] | None = None  # of the snapshot; None: all of one

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "MeasuredRows":
        """The rows of a frame with customer_id, and where it has them weight and snapshot_on."""
        weight = weighted.unless_equal(frame["weight"]) if "weight" in frame else None
        if "snapshot_on" not in frame or frame["snapshot_on"].nunique() < 2:
            return cls(frame["customer_id"], weight)
        return cls(frame["customer_id"], weight, bootstrap.tie_ranks(frame["snapshot_on"]))

    def extras(self) -> list[ArrayLike]:
        """Columns that are resampled beside those of a metric."""
        return [column for column in (self.weight, self.day) if column is not None]

    def over_days(self, measure: Measure, of_all: OfAll | None = None) -> Measure:
        """The mean of the days' metrics; a day that cannot give a number is left out of the mean.

        Parameters
        ----------
        measure : callable
            The columns and the weights of one day to metrics by name.
        of_all : callable, optional
            What it gives of the columns and weights of all days follows the weights of each.

        Returns
        -------
        callable
            Of the columns and `extras` of all days.
        """
        has_weight, has_days = self.weight is not None, self.day is not None

        def over_all(*columns: Floats) -> dict[str, float]:
            rest = list(columns)
            day = rest.pop() if has_days else None
            weight = rest.pop() if has_weight else None
            common = () if of_all is None else (of_all(*rest, weight),)
            if day is None:
                return measure(*rest, weight, *common)
            parts = [day == number for number in np.unique(day)]
            figures = [
                measure(
                    *(column[rows] for column in rest),
                    None if weight is None else weight[rows],
                    *common,
                )
                for rows in parts
            ]
            return {name: _mean([figure[name] for figure in figures]) for name in figures[0]}

        return over_all


def _mean(numbers: list[float]) -> float:
    finite = [number for number in numbers if math.isfinite(number)]
    return math.fsum(finite) / len(finite) if finite else float("nan")


def metrics_with_intervals(
    measure: Measure,
    sample: MeasuredRows,
    columns: Sequence[ArrayLike],
    n: int,
    seed: int,
    of_all: OfAll | None = None,
) -> MetricIntervals:
    """Metrics with intervals over resampled customers.

    Parameters
    ----------
    measure : callable
        The columns and the weights to metrics by name.
    sample : MeasuredRows
    columns : sequence of array-likes of shape (rows,)
    n : int
        Resamples.
    seed : int
        The same seed gives the same resamples.
    of_all : callable, optional
        As `MeasuredRows.over_days` takes it; it is asked anew of every resample.

    Returns
    -------
    dict
        Name to value, low and high (95 %), in the metric's unit.
    """
    whole = sample.over_days(measure, of_all)
    arrays = [np.asarray(column) for column in (*columns, *sample.extras())]
    intervals = bootstrap.bootstrap(whole, sample.customers, arrays, n, seed)
    return {name: _figure(value, intervals[name]) for name, value in whole(*arrays).items()}


def gains_over_others(
    frames: dict[str, pd.DataFrame],
    name: str,
    metrics: Mapping[str, Callable[[Floats, Floats, Weights], float]],
    n: int,
    seed: int,
) -> dict[str, MetricIntervals]:
    """Differences of one model's metrics from every other's, paired on the same resamples.

    Parameters
    ----------
    frames : dict
        Model to customer_id, churned and prediction, on the same rows, as
        `MeasuredRows.from_frame` takes them.
    name : str
        The model whose gains these are.
    metrics : mapping
        Name to a callable of y, prediction and weights.
    n : int
        Resamples.
    seed : int

    Returns
    -------
    dict
        Other model to figures by the name of the metric.
    """
    frame = frames[name]
    sample = MeasuredRows.from_frame(frame)
    gains: dict[str, MetricIntervals] = {}
    for other in frames:
        if other == name:
            continue
        gains[other] = {}
        for metric_name, metric in metrics.items():
            difference = paired(
                metric,
                sample,
                frame["churned"],
                frame["prediction"],
                frames[other]["prediction"],
                n,
                seed,
            )
            gains[other][metric_name] = _figure(difference.difference, difference)
    return gains


def paired(
    metric: Callable[[Floats, Floats, Weights], float],
    sample: MeasuredRows,
    y: ArrayLike,
    p_a: ArrayLike,
    p_b: ArrayLike,
    n: int,
    seed: int,
) -> bootstrap.PairedDifference:
    """metric(a) - metric(b) on the same resamples of customers.

    Parameters
    ----------
    metric : callable
        Of outcomes, predictions and weights.
    sample : MeasuredRows
    y, p_a, p_b : array-like of shape (rows,) or (rows, k)
        Outcomes, and the predictions of either model.
    n : int
        Resamples.
    seed : int

    Returns
    -------
    PairedDifference
        In the unit of the metric.
    """
    whole = sample.over_days(lambda y, p, weight: {"": metric(y, p, weight)})
    return bootstrap.paired_difference(
        lambda *columns: whole(*columns)[""],
        y,
        p_a,
        p_b,
        sample.customers,
        n,
        seed,
        sample.extras(),
    )


def _figure(
    value: float, interval: bootstrap.Interval | bootstrap.PairedDifference
) -> MetricInterval:
    numbers = {"value": value, "low": interval.low, "high": interval.high}
    return {
        name: float(number) if math.isfinite(number) else None for name, number in numbers.items()
    }
