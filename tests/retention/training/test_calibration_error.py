"""The interval of the calibration error holds the truth; resampling alone lies above it."""

import numpy as np
import pandas as pd
import pytest

from retention.core.params import Play, Policy
from retention.training import calibration_error, metrics
from retention.training.churn_figures import churn_figures
from retention.training.metric_intervals import MeasuredRows, metrics_with_intervals

SIMULATED, RESAMPLES = 30, 50


def made_up(n: int, too_high: float, seed: int) -> tuple["np.ndarray", "np.ndarray"]:
    """Outcomes, and probabilities of which each is too high by as much."""
    draw = np.random.default_rng(seed)
    truth = draw.uniform(0.1, 0.4, n)
    return (draw.random(n) < truth).astype(float), truth + too_high


@pytest.mark.parametrize("too_high", [0.0, 0.05])
def test_the_interval_holds_the_true_error(too_high: float) -> None:
    """Of 30 samples it misses few; the percentiles miss all where nothing is wrong."""
    held, by_percentiles = 0, 0
    for seed in range(SIMULATED):
        y, p = made_up(500, too_high, seed)
        sample = MeasuredRows(np.arange(500))
        low, high = calibration_error.interval(y, p, sample, RESAMPLES, seed)
        held += low <= too_high + 1e-9 and too_high <= high
        plain = metrics_with_intervals(
            lambda y, p, weight: {"ece": metrics.ece(y, p, weight)}, sample, [y, p], RESAMPLES, seed
        )["ece"]
        assert plain["low"] is not None
        assert low <= metrics.ece(y, p) <= high
        by_percentiles += plain["low"] <= too_high
    assert held >= SIMULATED * 0.85
    assert too_high or not by_percentiles


def test_days_are_averaged_and_weights_count() -> None:
    """Two rows of weight 1 and one of weight 2 are the same; so are two equal days and one."""
    y, p = made_up(400, 0.05, 1)
    once = calibration_error.interval(y, p, MeasuredRows(np.arange(400)), RESAMPLES, 1)
    days = np.repeat([0, 1], 400)
    both = MeasuredRows(np.tile(np.arange(400), 2), np.full(800, 2.0), days)
    twice = calibration_error.interval(np.tile(y, 2), np.tile(p, 2), both, RESAMPLES, 1)
    assert twice == pytest.approx(once)


def test_profit_is_as_uncertain_as_what_a_customer_is_worth() -> None:
    """What is lost with a customer is estimated from the same customers as the profit."""
    draw = np.random.default_rng(1)
    y = np.repeat([1.0, 0.0], [40, 160])
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(200),
            "churned": y,
            "prediction": np.where(y == 1, 0.9, 0.1),
            "order": np.arange(200),
            "value": np.where(y == 1, 0.0, draw.exponential(100.0, 200)),
        }
    )
    policy = Policy(playbook=[Play(name="call", action="Call", cost=1.0, save_rate=0.3)])
    figures = churn_figures(frame, 40, policy, 60, 1)
    profit, rate = figures["empc"], figures["churn_rate"]
    assert rate["value"] == pytest.approx(0.2)
    assert 0.05 < _width(rate) < 0.15  # 4 standard errors of a share of 200 are .11
    same_money = frame.assign(value=np.where(y == 1, 0.0, frame["value"][40:].mean()))
    fixed = churn_figures(same_money, 40, policy, 60, 1)["empc"]
    assert profit["value"] == pytest.approx(fixed["value"])
    assert _width(profit) > 1.05 * _width(fixed)


def _width(figure: dict[str, float | None]) -> float:
    assert figure["low"] is not None
    assert figure["high"] is not None
    return figure["high"] - figure["low"]
