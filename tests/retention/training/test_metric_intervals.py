"""Metrics with intervals: value, low and high, and the gain of one model over the others."""

import numpy as np
import pandas as pd
import pytest

from models.components.base import Floats
from retention.stats.weighted import Weights
from retention.training import metrics
from retention.training.metric_intervals import (
    MeasuredRows,
    gains_over_others,
    metrics_with_intervals,
)


def test_a_figure_has_its_interval_and_is_null_where_there_is_none() -> None:
    def measure(numbers: Floats, _: Weights) -> dict[str, float]:
        return {"mean": float(numbers.mean()), "none": float("nan")}

    sample = MeasuredRows(["a", "b", "c"])
    figures = metrics_with_intervals(measure, sample, [np.ones(3)], 20, 1)
    assert figures == {
        "mean": {"value": 1.0, "low": 1.0, "high": 1.0},
        "none": {"value": None, "low": None, "high": None},
    }


def test_a_gain_is_the_difference_to_each_other_model() -> None:
    y = np.array([1.0, 0, 1, 0] * 10)
    frame = pd.DataFrame({"customer_id": range(40), "churned": y})
    frames = {
        "good": frame.assign(prediction=0.2 + 0.6 * y),
        "bad": frame.assign(prediction=0.8 - 0.6 * y),
        "alike": frame.assign(prediction=0.2 + 0.6 * y),
    }
    gains = gains_over_others(frames, "good", {"roc_auc": metrics.roc_auc}, 20, 1)
    assert list(gains) == ["bad", "alike"]
    assert gains["bad"]["roc_auc"]["value"] == pytest.approx(1.0)
    assert gains["alike"]["roc_auc"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_a_figure_of_several_days_is_the_mean_of_theirs_and_resamples_customers_with_all() -> None:
    days, who = np.repeat(["2026-01-05", "2026-02-02"], 50), np.tile(np.arange(50), 2)
    frame = pd.DataFrame({"customer_id": who, "snapshot_on": days})
    own = np.random.default_rng(1).normal(size=50)
    numbers = np.concatenate([own, own + 10])  # a day moves all, a customer has their own level

    def measure(column: Floats, weight: Weights) -> dict[str, float]:
        return {"mean": float(np.average(column, weights=weight))}

    together = metrics_with_intervals(measure, MeasuredRows.from_frame(frame), [numbers], 400, 1)[
        "mean"
    ]
    assert together["value"] == pytest.approx(own.mean() + 5)
    one_day = metrics_with_intervals(measure, MeasuredRows.from_frame(frame[:50]), [own], 400, 1)[
        "mean"
    ]
    widths = [float(f["high"] or 0) - float(f["low"] or 0) for f in (together, one_day)]
    assert widths[0] == pytest.approx(widths[1], rel=1e-9)  # a second day of the same is no news
    weighed = frame.assign(weight=np.where(days == "2026-01-05", 3.0, 2.0))
    again = metrics_with_intervals(measure, MeasuredRows.from_frame(weighed), [numbers], 20, 1)[
        "mean"
    ]
    assert again["value"] == pytest.approx(own.mean() + 5)  # each day counts once
