"""Weights of models: recovered where the truth is known, and equal where little is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize
from scipy.special import expit

from models.components.base import Floats
from retention.training import stacking

Weights = Callable[..., Floats]


def noisy_log_odds(n: int, seed: int, noise: tuple[float, ...] = (0.5, 1.0, 3.0)) -> Any:
    """True log-odds and one model for each noise around them; two turns."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(-1, 1.2, n)
    models = np.column_stack([truth + draw.normal(0, size, n) for size in noise])
    y = (draw.random(n) < expit(truth)).astype(float)
    return truth, models, y, np.arange(n) % 2


def noisy_values(n: int, seed: int, noise: tuple[float, ...] = (0.1, 0.5, 1.5)) -> Any:
    draw = np.random.default_rng(seed)
    truth = draw.gamma(1.0, 40, n)
    models = np.column_stack([truth * np.exp(draw.normal(0, size, n)) for size in noise])
    y = np.where(draw.random(n) < 0.4, truth * draw.gamma(2, 1.25, n), 0.0)
    return truth, models, y, np.arange(n) % 2


def churn_weights(n: int, seed: int) -> Floats:
    _, models, y, turn = noisy_log_odds(n, seed)
    return stacking.churn_weights(models, y, turn, np.ones(n))


def value_weights(n: int, seed: int) -> Floats:
    _, models, y, turn = noisy_values(n, seed)
    return stacking.value_weights(models, y, turn, np.ones(n))


# Recovery


def test_a_known_combination_of_log_odds_is_recovered() -> None:
    draw = np.random.default_rng(1)
    models = draw.normal(0, 1.5, (40_000, 3))
    y = (draw.random(40_000) < expit(models @ [0.7, 0.3, 0.0] - 0.4)).astype(float)
    weights = stacking.churn_weights(models, y, np.zeros(40_000, int), np.ones(40_000))
    assert weights == pytest.approx([0.7, 0.3, 0.0], abs=0.04)


def test_predictions_too_timid_are_stretched_and_too_bold_ones_drawn_in() -> None:
    truth, _, y, turn = noisy_log_odds(20_000, 2)
    for factor in (0.5, 2.0):
        weights = stacking.churn_weights(truth[:, None] * factor, y, turn, np.ones(len(y)))
        assert weights * factor == pytest.approx([1.0], abs=0.06)


def test_a_known_combination_of_values_is_recovered() -> None:
    draw = np.random.default_rng(3)
    models = draw.gamma(1.0, 40, (40_000, 3))
    mean = models @ [0.8, 0.2, 0.0]
    y = np.where(draw.random(40_000) < 0.5, mean * draw.gamma(2, 1, 40_000), 0.0)
    weights = stacking.value_weights(models, y, np.zeros(40_000, int), np.ones(40_000))
    assert weights == pytest.approx([0.8, 0.2, 0.0], abs=0.04)


@pytest.mark.parametrize("weights_of", [churn_weights, value_weights])
def test_the_better_model_counts_more(weights_of: Callable[[int, int], Floats]) -> None:
    best, middling, worst = weights_of(20_000, 4)
    assert best > middling >= worst


def test_the_weighted_probability_is_better_than_each_and_than_equal_weights_later() -> None:
    _, models, y, turn = noisy_log_odds(20_000, 5)
    weights = stacking.churn_weights(models, y, turn, np.ones(len(y)))
    _, later, later_y, _ = noisy_log_odds(20_000, 6)

    def loss(log_odds: Floats) -> float:
        return float((np.logaddexp(0, log_odds) - later_y * log_odds).mean())

    centre = np.log(y.mean() / (1 - y.mean())) * (1 - weights.sum())
    others = [loss(later[:, k]) for k in range(3)] + [loss(later.mean(axis=1))]
    assert loss(centre + later @ weights) < min(others) - 0.005


# Shrinkage


@pytest.mark.parametrize("weights_of", [churn_weights, value_weights])
def test_with_little_data_weights_are_nearly_equal_and_with_more_they_part(
    weights_of: Callable[[int, int], Floats],
) -> None:
    spread = [np.ptp(weights_of(n, 7)) for n in (6, 200, 20_000)]
    assert spread[0] < 0.25
    assert spread[0] < spread[2]
    assert spread[1] < spread[2] + 0.05


@pytest.mark.parametrize("weights_of", [churn_weights, value_weights])
@pytest.mark.parametrize("seed", range(5))
def test_no_weight_is_negative_and_some_count(
    weights_of: Callable[[int, int], Floats], seed: int
) -> None:
    weights = weights_of(400, seed)
    assert (weights >= 0).all()
    assert weights.sum() > 0.5
    assert ((weights == 0) | (weights >= stacking.NEGLIGIBLE)).all()


def test_a_model_that_is_wrong_way_round_gets_nothing() -> None:
    truth, _, y, turn = noisy_log_odds(4000, 8)
    weights = stacking.churn_weights(np.column_stack([truth, -2 * truth]), y, turn, np.ones(4000))
    assert weights[1] == 0


def test_rows_that_share_a_window_share_their_weight() -> None:
    _, models, y, turn = noisy_log_odds(600, 9)
    once = stacking.churn_weights(models, y, turn, np.ones(600))
    twice = stacking.churn_weights(
        np.vstack([models, models]), np.tile(y, 2), np.tile(turn, 2), np.full(1200, 0.5)
    )
    assert twice == pytest.approx(once, abs=2e-3)


# Seasons


def test_a_season_does_not_move_the_weights_of_churn_models() -> None:
    truth, models, _, turn = noisy_log_odds(30_000, 10)
    draw = np.random.default_rng(11)
    u = draw.random(len(truth))
    calm, busy = ((u < expit(truth + shift * turn)).astype(float) for shift in (0.0, 1.5))
    usual, turned = (stacking.churn_weights(models, y, turn, np.ones(len(y))) for y in (calm, busy))
    assert turned == pytest.approx(usual, abs=0.05)


def test_a_season_does_not_move_the_weights_of_value_models() -> None:
    _, models, y, turn = noisy_values(30_000, 12)
    ones = np.ones(len(y))
    usual = stacking.value_weights(models, y, turn, ones)
    turned = stacking.value_weights(models, np.where(turn == 1, 3 * y, y), turn, ones)
    assert turned == pytest.approx(usual, abs=0.02)


@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_the_scale_of_money_does_not_matter(scale: float) -> None:
    _, models, y, turn = noisy_values(2000, 13)
    ones = np.ones(len(y))
    usual = stacking.value_weights(models, y, turn, ones)
    assert stacking.value_weights(models * scale, y * scale, turn, ones) == pytest.approx(
        usual, abs=2e-3
    )
    assert usual.sum() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("money", [0.0, -5.0])
def test_where_nobody_brought_money_values_are_weighed_equally(money: float) -> None:
    models = np.abs(np.random.default_rng(14).normal(10, 1, (50, 4)))
    weights = stacking.value_weights(models, np.full(50, money), np.zeros(50, int), np.ones(50))
    assert weights.tolist() == [0.25] * 4


# The optimiser


@pytest.mark.parametrize(
    ("weights_of", "data"),
    [(stacking.churn_weights, noisy_log_odds), (stacking.value_weights, noisy_values)],
)
def test_gradients_are_those_of_the_losses(
    monkeypatch: pytest.MonkeyPatch, weights_of: Weights, data: Callable[[int, int], Any]
) -> None:
    recorded_losses: list[tuple[Any, Floats]] = []

    def recorded(fun: Any, start: Floats, **options: Any) -> Any:
        recorded_losses.append((fun, start))
        return minimize(fun, start, **options)

    monkeypatch.setattr(stacking, "minimize", recorded)
    _, models, y, turn = data(300, 15)
    weights_of(models, y, turn, np.random.default_rng(16).uniform(0.2, 1, 300))
    ((fun, start),) = recorded_losses
    for seed in range(3):
        point = np.abs(start + np.random.default_rng(seed).normal(0, 0.2, len(start))) + 0.05
        error = check_grad(lambda x: fun(x)[0], lambda x: fun(x)[1], point)
        assert error < 1e-4 * np.linalg.norm(fun(point)[1])


# Deviance


def test_the_deviance_is_zero_where_all_is_right_and_grows_with_the_error() -> None:
    y = np.array([0.5, 1.0, 4.0])
    assert stacking.tweedie_deviance(y, y) == pytest.approx(0, abs=1e-12)
    near, far = (stacking.tweedie_deviance(y, y * factor) for factor in (1.2, 2.0))
    assert (near > 0).all()
    assert (near < far).all()


def test_the_deviance_is_least_at_the_mean_and_free_of_the_scale() -> None:
    y = np.array([0.0, 0.0, 0.0, 12.0, 40.0, -3.0])
    mean = np.maximum(y, 0).mean()
    losses = [stacking.tweedie_deviance(y, np.full(6, mean * f)).mean() for f in (0.8, 1, 1.25)]
    assert losses[1] == min(losses)
    scaled = stacking.tweedie_deviance(1000 * y, np.full(6, 800 * mean)).mean()
    assert scaled == pytest.approx(losses[0])


def test_where_nobody_brought_money_there_is_no_deviance() -> None:
    assert stacking.tweedie_deviance(np.array([0.0, -2.0]), np.ones(2)).tolist() == [0, 0]
    assert stacking.tweedie_deviance(np.empty(0), np.empty(0)).tolist() == []
