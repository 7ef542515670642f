"""Metrics against golden values, scikit-learn and slow, obvious arithmetic."""

import time

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, spearmanr

from models.components.base import Floats
from retention.stats import bootstrap
from retention.training import metrics

Sample = tuple[Floats, Floats]


def golden() -> Sample:
    """42 churners of 200, made by a rule and not by chance."""
    i = np.arange(200)
    score = (i + 0.5) / 200
    return (((37 * i) % 100) / 100 < 0.4 * score).astype(float), score


def sample(n: int = 2000, seed: int = 0, ties: int | None = None) -> Sample:
    """Calibrated probabilities around 12 %; `ties` rounds them to so many decimals."""
    generator = np.random.default_rng(seed)
    p = generator.beta(1.0, 7.0, n)
    y = (generator.random(n) < p).astype(float)
    return y, p if ties is None else p.round(ties)


def test_empc_is_the_golden_one() -> None:
    y, score = golden()
    assert y.sum() == 42
    expected = metrics.empc(y, score)
    assert expected.money == pytest.approx(5.298806775, rel=1e-9)
    assert expected.targeted_share == pytest.approx(0.554801, abs=5e-7)


def test_mp_is_the_golden_one() -> None:
    profit = metrics.max_profit(*golden())
    assert profit.money == pytest.approx(5.115, rel=1e-9)
    assert profit.targeted_share == pytest.approx(0.54, rel=1e-9)


@pytest.mark.parametrize("ties", [None, 2, 1])
def test_empc_is_the_average_of_the_best_cut(ties: int | None) -> None:
    """Every threshold, 4,000 values of gamma: the hull and the integrals change nothing."""
    y, p = sample(400, 3, ties)
    shares = (np.arange(4000) + 0.5) / 4000
    gamma = beta.ppf(shares, *metrics.ACCEPTS)
    cuts = np.append(np.unique(p), 2.0)
    lost = np.array([y[p >= cut].sum() / len(y) for cut in cuts])
    stayers = np.array([(1 - y[p >= cut]).sum() / len(y) for cut in cuts])
    profits = 200 * (gamma[:, None] * 0.95 - 0.005) * lost - 200 * 0.055 * stayers
    assert metrics.empc(y, p).money == pytest.approx(profits.max(axis=1).mean(), rel=1e-3)


@pytest.mark.parametrize("ties", [None, 2, 1, 0])
def test_agrees_with_scikit_learn(ties: int | None) -> None:
    y, p = sample(ties=ties)
    assert metrics.roc_auc(y, p) == pytest.approx(sklearn.metrics.roc_auc_score(y, p))
    precision = sklearn.metrics.average_precision_score(y, p)
    assert metrics.average_precision(y, p) == pytest.approx(precision)
    assert metrics.brier(y, p) == pytest.approx(sklearn.metrics.brier_score_loss(y, p))
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    assert metrics.log_loss(y, p) == pytest.approx(sklearn.metrics.log_loss(y, inside))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=30))
def test_auc_and_precision_agree_on_any_small_sample(rows: list[tuple[bool, int]]) -> None:
    y = np.array([float(churned) for churned, _ in rows])
    p = np.array([level / 4 for _, level in rows])
    if y.min() == y.max():
        assert np.isnan(metrics.roc_auc(y, p))
        return
    assert metrics.roc_auc(y, p) == pytest.approx(sklearn.metrics.roc_auc_score(y, p))
    precision = sklearn.metrics.average_precision_score(y, p)
    assert metrics.average_precision(y, p) == pytest.approx(precision)
    assert np.isfinite(metrics.empc(y, p).money)


def test_ties_go_to_the_first_in_order() -> None:
    y, p = np.array([1.0, 0, 0, 1]), np.array([0.5, 0.5, 0.9, 0.5])
    assert metrics.top_rows(p, 2, np.array([3, 2, 1, 0])).tolist() == [2, 3]
    assert metrics.top_rows(p, 2, np.array([0, 1, 2, 3])).tolist() == [2, 0]
    assert metrics.lift_at(y, p, 2, np.array([1, 0, 2, 3])) == 0.0
    assert metrics.lift_at(y, p, 2, np.array([0, 1, 2, 3])) == 1.0
    assert metrics.lift_at(y, p, 99, np.arange(4)) == 1.0


def test_text_orders_are_ranked() -> None:
    assert bootstrap.tie_ranks(np.array(["b", "a", "b"])).tolist() == [1, 0, 1]


def test_lift_of_the_top_decile_rounds_up() -> None:
    y, p = np.zeros(11), np.arange(11) / 11
    y[-2:] = 1
    assert metrics.lift_at_fraction(y, p, 0.1, np.arange(11)) == pytest.approx(5.5)


def test_ece_by_hand() -> None:
    y, p = np.array([0.0, 1, 1, 1]), np.array([0.05, 0.05, 1.0, 0.95])
    assert metrics.ece(y, p) == pytest.approx(2 / 4 * 0.45 + 2 / 4 * 0.025)


def test_brier_skill_of_the_base_rate_is_nothing() -> None:
    y, p = sample()
    assert metrics.brier_skill(y, np.full_like(y, y.mean())) == pytest.approx(0.0)
    assert 0 < metrics.brier_skill(y, p) < 1


def test_calibration_line_finds_what_was_done_to_the_log_odds() -> None:
    y, p = sample(40_000)
    bent = 1 / (1 + np.exp(-(1.0 + 2.0 * np.log(p / (1 - p)))))
    intercept, slope = metrics.calibration_line(y, bent)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(-0.5, abs=0.06)


def test_calibration_line_has_no_answer_for_separated_classes() -> None:
    y = np.array([0.0, 0, 1, 1])
    assert np.isnan(metrics.calibration_line(y, np.array([0.1, 0.2, 0.8, 0.9]))).all()
    assert np.isnan(metrics.calibration_line(y, np.full(4, 0.3))).all()
    assert np.isnan(metrics.calibration_line(y, y)).all()


def test_churn_metrics_of_one_class_are_numbers_or_nan() -> None:
    for y in (np.zeros(20), np.ones(20)):
        figures = metrics.churn_metrics(y, np.linspace(0, 1, 20), 5, np.arange(20))
        assert np.isnan(figures["roc_auc"])
        assert np.isnan(figures["empc"])
        assert np.isfinite(figures["brier"])


def test_nothing_at_all_is_nan() -> None:
    none = np.empty(0)
    assert np.isnan(list(metrics.churn_metrics(none, none, 5, none).values())).all()
    assert np.isnan(list(metrics.value_metrics(none, none, none, none).values())).all()


def test_value_metrics_by_hand() -> None:
    y, predicted = np.array([0.0, 10, 20, 70]), np.array([5.0, 5, 30, 40])
    figures = metrics.value_metrics(y, predicted, predicted - 10, predicted + 10)
    assert figures["mae"] == pytest.approx((5 + 5 + 10 + 30) / 4)
    assert figures["bias"] == pytest.approx(0.8)
    assert figures["coverage"] == 0.75
    assert figures["width"] == 20.0
    assert figures["spearman"] == pytest.approx(spearmanr(y, predicted).statistic)


def test_gini_is_1_for_the_right_order_and_minus_1_for_the_reverse() -> None:
    y = np.array([0.0, 3, 4, 9, 100])
    assert metrics.normalised_gini(y, y**2) == pytest.approx(1.0)
    assert metrics.normalised_gini(y, -y) == pytest.approx(-1.0)
    assert metrics.normalised_gini(y, np.ones(5)) == pytest.approx(0.0)


def test_gini_is_the_area_of_the_lorenz_curve() -> None:
    generator = np.random.default_rng(4)
    y = generator.lognormal(size=300)
    lorenz = np.append(0, np.cumsum(np.sort(y)) / y.sum())
    area = float((lorenz[1:] + lorenz[:-1]).sum() / 2 / len(y))
    order = np.argsort(np.argsort(y)) + 1.0
    assert metrics._gini(y, order.astype(np.float64), None) == pytest.approx(1 - 2 * area)


def test_no_money_has_no_bias_or_gini() -> None:
    y = np.zeros(5)
    figures = metrics.value_metrics(y, np.arange(5), y, y)
    assert np.isnan([figures["bias"], figures["normalised_gini"], figures["spearman"]]).all()


def test_resamples_keep_customers_whole() -> None:
    customers = np.array(["a", "b", "a", "c"])
    for rows in bootstrap.resamples(customers, 20, seed=1):
        assert (rows == 0).sum() == (rows == 2).sum()
        assert len(set(customers[rows])) <= 3


def test_bootstrap_is_wider_when_rows_repeat_customers() -> None:
    y, p = sample(500)
    copied = [np.tile(array, 4) for array in (y, p)]
    rows = bootstrap.bootstrap(_auc, np.arange(2000), copied, 200, seed=1)["auc"]
    clusters = bootstrap.bootstrap(_auc, np.tile(np.arange(500), 4), copied, 200, seed=1)["auc"]
    once = bootstrap.bootstrap(_auc, np.arange(500), [y, p], 200, seed=1)["auc"]
    assert clusters.standard_error == pytest.approx(once.standard_error)
    assert clusters.standard_error > 1.7 * rows.standard_error


def test_bootstrap_interval_holds_the_metric_and_repeats() -> None:
    y, p = sample(1000)
    interval = bootstrap.bootstrap(_auc, np.arange(1000), [y, p], 200, seed=1)["auc"]
    assert interval == bootstrap.bootstrap(_auc, np.arange(1000), [y, p], 200, seed=1)["auc"]
    assert interval.low < metrics.roc_auc(y, p) < interval.high
    assert (interval.used, interval.left_out) == (200, 0)


def test_degenerate_resamples_are_left_out_and_counted() -> None:
    y = np.array([1.0, 0, 0, 0])
    interval = bootstrap.bootstrap(_auc, np.arange(4), [y, 0.1 * np.arange(4)], 100, seed=1)["auc"]
    assert interval.left_out > 10
    assert interval.used + interval.left_out == 100
    never = bootstrap.bootstrap(_auc, np.arange(4), [np.zeros(4), np.arange(4)], 20, seed=1)["auc"]
    assert never.left_out == 20
    assert np.isnan(never.low)


def _auc(y: Floats, p: Floats) -> dict[str, float]:
    return {"auc": metrics.roc_auc(y, p)}


def test_paired_difference_is_sharper_than_two_intervals() -> None:
    y, p = sample(1500)
    worse = np.clip(p + np.random.default_rng(5).normal(0, 0.05, len(p)), 0, 1)
    customers = np.arange(len(y))
    difference = bootstrap.paired_difference(metrics.roc_auc, y, p, worse, customers, 200, seed=1)
    assert difference.difference == metrics.roc_auc(y, p) - metrics.roc_auc(y, worse)
    assert 0 < difference.low < difference.difference < difference.high
    alone = bootstrap.bootstrap(_auc, customers, [y, p], 200, seed=1)["auc"]
    assert difference.standard_error < alone.standard_error


def test_paired_difference_of_a_model_with_itself_is_none() -> None:
    y, p = sample(300)
    difference = bootstrap.paired_difference(metrics.brier, y, p, p, np.arange(300), 50, seed=1)
    assert (difference.difference, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_all_churn_metrics_are_light() -> None:
    """20 s are allowed for 8 models x 200 replicates of 2,300 rows: 12.5 ms each."""
    y, p = sample(2300)
    order = np.arange(2300)
    started = time.perf_counter()
    bootstrap.bootstrap(
        lambda y, p, order: metrics.churn_metrics(y, p, 200, order),
        order,
        [y, p, order],
        40,
        seed=1,
    )
    assert (time.perf_counter() - started) / 40 < 0.05


LIST_METRICS = {"listed", "churned_share", "found_share", "lift"}


@pytest.mark.parametrize(
    ("churned", "rank_by", "capacity", "figures"),
    [
        ([1, 0, 1, 0], [4, 3, 2, 1], 2, (2, 0.5, 0.5, 1.0)),
        ([1, 1, 0, 0], [4, 3, 2, 1], 2, (2, 1.0, 1.0, 2.0)),
        ([0, 0, 0, 1], [4, 3, 2, 1], 3, (3, 0.0, 0.0, 0.0)),
        ([1, 0, 1, 0], [4, 3, 2, 1], 9, (4, 0.5, 1.0, 1.0)),  # a list is as long as there are
        ([0, 1, 0, 0], [7, 7, 7, 1], 1, (1, 0.0, 0.0, 0.0)),  # of a tie the first in order
    ],
)
def test_a_lists_figures_are_those_of_its_rows(
    churned: list[float], rank_by: list[float], capacity: int, figures: tuple[float, ...]
) -> None:
    order = np.arange(len(churned), dtype=float)
    figures_of_list = metrics.list_metrics(
        np.array(churned, float), np.array(rank_by, float), order, capacity
    )
    assert tuple(figures_of_list.values()) == figures
    assert set(figures_of_list) == LIST_METRICS


def test_without_a_churner_a_list_finds_no_share_of_them() -> None:
    figures_of_list = metrics.list_metrics(
        np.array([0.0, 0]), np.array([2.0, 1]), np.array([0.0, 1]), 1
    )
    assert (figures_of_list["listed"], figures_of_list["churned_share"]) == (1, 0)
    assert np.isnan([figures_of_list["found_share"], figures_of_list["lift"]]).all()


def test_a_row_that_stands_for_several_customers_counts_as_so_many() -> None:
    y, p = sample(300, 5, ties=2)
    draw = np.random.default_rng(6)
    value, order = np.round(draw.gamma(2, 20, 300) * (1 - y), 1), np.arange(300.0)
    times = draw.integers(1, 5, 300)
    weight = times.astype(float)
    repeated = [np.repeat(column, times) for column in (y, p, value, order)]
    weighed = metrics.churn_metrics(y, p, 40, order, weight)
    assert weighed == pytest.approx(
        metrics.churn_metrics(repeated[0], repeated[1], 40, repeated[3])
    )
    assert weighed["roc_auc"] == pytest.approx(
        sklearn.metrics.roc_auc_score(y, p, sample_weight=weight)
    )
    assert weighed["average_precision"] == pytest.approx(
        sklearn.metrics.average_precision_score(y, p, sample_weight=weight)
    )
    list_figures = metrics.list_metrics(y, p, order, 41, weight)
    assert list_figures == pytest.approx(
        metrics.list_metrics(repeated[0], repeated[1], repeated[3], 41)
    )
    predicted = 60 * (1 - p)
    both = (predicted, predicted - 20, predicted + 20)
    assert metrics.value_metrics(value, *both, weight) == pytest.approx(
        metrics.value_metrics(repeated[2], *(np.repeat(column, times) for column in both))
    )
    ones = np.ones(300)
    assert metrics.churn_metrics(y, p, 40, order, ones) == pytest.approx(
        metrics.churn_metrics(y, p, 40, order)
    )


def test_without_money_a_list_goes_by_the_chance() -> None:
    p = np.array([0.2, 0.9, 0.5, 0.9])
    assert metrics.list_order(np.zeros(4), p).tolist() == [0, 2, 1, 2]
    assert metrics.list_order([3.0, 1.0, 2.0, 1.0], p).tolist() == [2, 0, 1, 0]
    assert metrics.list_order([3.0, 1.0, 1.0, 1.0], p).tolist() == [2, 1, 0, 1]
