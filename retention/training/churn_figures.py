"""The figures of churn probabilities with their intervals: those of metrics.json."""

import math

import pandas as pd

from models.components.base import Floats
from retention.core.params import Policy
from retention.stats import weighted
from retention.stats.weighted import Weights
from retention.training import calibration_error, metrics
from retention.training.campaign_money import campaign_money
from retention.training.metric_intervals import (
    MeasuredRows,
    MetricIntervals,
    metrics_with_intervals,
)
from retention.training.metrics import CampaignMoney


def churn_figures(
    frame: pd.DataFrame, capacity: int, policy: Policy, n: int, seed: int
) -> MetricIntervals:
    """Every churn metric of one model.

    Parameters
    ----------
    frame : DataFrame
        churned, prediction, order and value, as `MeasuredRows.from_frame` takes it.
    capacity : int
        Length of the list, customers.
    policy : Policy
        Whose plays say what a campaign costs.
    n : int
        Resamples of the customers.
    seed : int

    Returns
    -------
    dict
        Name to value, low and high (95 %), with the churn_rate itself. What is lost with a
        customer is estimated from the same customers as the profit, and anew in every resample.
    """

    def money(
        y: Floats, _p: Floats, _order: Floats, value: Floats, weight: Weights
    ) -> CampaignMoney | None:
        return campaign_money(policy, y, value, weight)

    def measure(
        y: Floats,
        p: Floats,
        order: Floats,
        _value: Floats,
        weight: Weights,
        money: CampaignMoney | None,
    ) -> dict[str, float]:
        figures = metrics.churn_metrics(y, p, capacity, order, weight, money)
        return figures | {"churn_rate": weighted.mean(y, weight)}

    sample = MeasuredRows.from_frame(frame)
    columns = [frame[name].to_numpy() for name in ("churned", "prediction", "order", "value")]
    figures = metrics_with_intervals(measure, sample, columns, n, seed, money)
    y, p = (frame[name].to_numpy(dtype=float) for name in ("churned", "prediction"))
    ends = calibration_error.interval(y, p, sample, n, seed)
    if all(map(math.isfinite, ends)):
        figures["ece"] |= dict(zip(("low", "high"), ends, strict=True))
    return figures
