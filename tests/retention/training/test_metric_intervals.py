"""Metrics with intervals: value, low and high, and the gain of one model over the others."""

import numpy as np
import pandas as pd
import pytest

from models.components.base import Floats
from retention.training import metrics
from retention.training.metric_intervals import gains_over_others, metrics_with_intervals


def test_a_figure_has_its_interval_and_is_null_where_there_is_none() -> None:
    def measure(numbers: Floats) -> dict[str, float]:
        return {"mean": float(numbers.mean()), "none": float("nan")}

    figures = metrics_with_intervals(measure, ["a", "b", "c"], [np.ones(3)], 20, 1)
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
