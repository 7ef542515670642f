"""Qini, policy value, calibration of the effect, and the rule that refuses uplift."""

import math
from dataclasses import replace

import numpy as np
import pytest

import models
from models.components.base import Floats
from models.components.uplift import UpliftModel
from retention.stats import sequential
from retention.uplift.metrics import (
    PLANNED_CUSTOMERS,
    CrossFitted,
    EffectQuintile,
    Ranking,
    RankingComparison,
    compare_rankings,
    cross_fit,
    effect_calibration,
    policy_value,
    qini,
    qini_coefficient,
    rank_share,
    sleeping_dog_threshold,
    treatment_probability,
)
from tests.support.experiments import PlantedExperiment, experiment, learner

QUICK = 200  # bootstrap replicates


def scores(planted: PlantedExperiment) -> Floats:
    """Doubly robust scores with the risk as the nuisance."""
    return planted.data.doubly_robust_scores(planted.risk)


def one_fold(effect: Floats) -> CrossFitted:
    return CrossFitted(effect, np.zeros(len(effect), dtype=np.int64))


def choice(
    planted: PlantedExperiment, effect: CrossFitted, contact_share: float = 0.2, cost: float = 0.0
) -> RankingComparison:
    """By customers who are all worth 100."""
    gain = -100 * scores(planted) - cost
    return compare_rankings(
        Ranking(-100 * effect.effect - cost, gain),
        Ranking(100 * planted.risk, gain),
        effect.fold,
        planted.data.customer,
        contact_share,
        n=QUICK,
    )


# Policies


@pytest.mark.parametrize(
    ("priority", "contact_share", "expected"),
    [
        ([4, 3, 2, 1], 0.5, [1, 1, 0, 0]),
        ([1, 2, 3, 4], 0.25, [0, 0, 0, 1]),
        ([1, 1, 1, 1], 0.5, [0.5, 0.5, 0.5, 0.5]),
        ([9, 5, 5, 1], 0.5, [1, 0.5, 0.5, 0]),
        ([4, 3, 2, 1], 0.375, [1, 0.5, 0, 0]),
        ([2, 1], 0.0, [0, 0]),
        ([2, 1], 1.0, [1, 1]),
    ],
)
def test_ties_at_the_edge_share_the_places(
    priority: list[float], contact_share: float, expected: list[float]
) -> None:
    assert (
        treatment_probability(np.array(priority, dtype=float), contact_share).tolist() == expected
    )


def test_value_is_what_the_chosen_gain() -> None:
    assert policy_value(np.array([1.0, 0.5, 0.0, 0.0]), np.array([8.0, 4.0, 2.0, 2.0])) == 2.5


def test_the_value_of_a_policy_is_its_true_one() -> None:
    planted = experiment(60_000, propensity=0.5)
    first = treatment_probability(-planted.effect, 0.2)
    saved = -scores(planted)
    error = (first * saved).std() / math.sqrt(len(saved))
    assert policy_value(first, saved) == pytest.approx(
        policy_value(first, -planted.effect), abs=3 * error
    )


# Qini


def test_qini_by_hand() -> None:
    """Kept 1 by the first of two, none by the second: the curve is 0, 1/2, 1/2."""
    assert qini_coefficient(np.array([2.0, 1.0]), np.array([1.0, 0.0])) == pytest.approx(0.125)
    assert qini_coefficient(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == pytest.approx(-0.125)
    assert qini_coefficient(np.ones(2), np.array([1.0, 0.0])) == 0.0


def test_the_curve_ends_at_the_effect_on_all() -> None:
    planted = experiment(3000)
    saved = -scores(planted)
    curve = qini(one_fold(planted.effect), -saved, planted.data.customer, n=QUICK)
    assert (curve.contact_share[0], curve.contact_share[-1]) == (0.0, 1.0)
    assert curve.saved[0] == 0.0
    assert curve.saved[-1] == pytest.approx(saved.mean())
    assert curve.interval.low < curve.coefficient < curve.interval.high


def test_a_true_effect_has_a_qini_above_chance() -> None:
    planted = experiment(6000)
    curve = qini(one_fold(planted.effect), scores(planted), planted.data.customer, n=QUICK)
    assert curve.interval.low > 0


def shuffled(seed: int) -> PlantedExperiment:
    """A/A test: arms assigned after the outcome have no effect."""
    planted = experiment(1000, seed, propensity=0.5)
    arms = np.random.default_rng(seed + 50).permutation(planted.data.treated)
    return replace(planted, data=replace(planted.data, treated=arms))


def test_shuffled_treatment_has_a_qini_of_nothing() -> None:
    """Of 12 intervals 95 % should hold 0; 9 or fewer do so once in 50 times."""
    hits = 0
    for planted in map(shuffled, range(12)):
        crossed = cross_fit(learner, planted.X, planted.data, folds=2)
        interval = qini(crossed, scores(planted), planted.data.customer, n=100).interval
        hits += interval.low <= 0 <= interval.high
    assert hits >= 10


# Cross-fitting


def test_a_customers_own_outcome_says_nothing_of_them() -> None:
    planted = experiment(800)
    crossed = cross_fit(learner, planted.X, planted.data, folds=3)
    of_customer = planted.data.customer == planted.data.customer[0]
    left = np.where(of_customer, 1 - planted.data.y, planted.data.y)
    again = cross_fit(learner, planted.X, replace(planted.data, y=left), folds=3)
    assert (again.effect[of_customer] == crossed.effect[of_customer]).all()
    assert (again.effect != crossed.effect).any()


def test_rows_are_placed_among_their_own_fold() -> None:
    priority = np.array([1.0, 2.0, 10.0, 30.0, 20.0, 20.0])
    assert rank_share(priority, [0, 0, 1, 1, 1, 1]).tolist() == [0.25, 0.75, 0.125, 0.875, 0.5, 0.5]


# Calibration of the effect


def test_fifths_are_measured_beside_what_was_predicted() -> None:
    planted = experiment(20_000)
    groups = effect_calibration(one_fold(planted.effect), scores(planted), planted.data.customer)
    assert len(groups) == 5
    assert sum(group.rows for group in groups) == 20_000
    assert [group.predicted for group in groups] == sorted(group.predicted for group in groups)
    assert all(group.low - 0.02 < group.predicted < group.high + 0.02 for group in groups)
    assert all(group.lowest <= group.predicted for group in groups)


def test_equal_predictions_are_one_group() -> None:
    planted = experiment(500)
    (group,) = effect_calibration(one_fold(np.zeros(500)), scores(planted), planted.data.customer)
    assert group.rows == 500
    assert group.measured == pytest.approx(scores(planted).mean())


def group(lowest: float, low: float, predicted: float | None = None) -> EffectQuintile:
    return EffectQuintile(
        100, lowest, lowest + 0.01 if predicted is None else predicted, 0.0, low, 1.0
    )


@pytest.mark.parametrize(
    ("groups", "edge"),
    [
        ([group(-0.2, -0.1), group(0.03, 0.01)], 0.03),
        ([group(-0.2, -0.1), group(0.03, -0.01)], None),
        ([group(0.02, 0.01), group(0.03, 0.01)], 0.02),
        ([group(0.02, 0.01), group(0.03, -0.01)], None),
        ([group(-0.02, 0.01, 0.01)], 0.0),
        ([group(-0.2, 0.01)], None),
    ],
)
def test_only_credible_harm_disturbs(groups: list[EffectQuintile], edge: float | None) -> None:
    assert sleeping_dog_threshold(groups) == edge


def test_those_who_are_disturbed_are_found() -> None:
    planted = experiment(20_000)
    edge = sleeping_dog_threshold(
        effect_calibration(one_fold(planted.effect), scores(planted), planted.data.customer)
    )
    assert edge is not None
    assert (planted.X["visits_90d"][planted.effect >= edge] == 0).mean() > 0.95


# The choice


def test_uplift_that_beats_loss_is_chosen() -> None:
    planted = experiment(10_000)
    effect = cross_fit(learner, planted.X, planted.data, folds=3)
    comparison = choice(planted, effect)
    assert comparison.uplift_ranks
    assert comparison.difference == pytest.approx(comparison.by_uplift - comparison.by_loss)
    assert comparison.by_uplift > comparison.by_loss > comparison.at_random
    # read at every run: as wide as a confidence sequence of so many customers
    n = len(np.unique(planted.data.customer.astype(str)))
    half = comparison.interval.standard_error * sequential.width_factor(n / PLANNED_CUSTOMERS)
    assert comparison.interval.high - comparison.difference == pytest.approx(half)
    assert comparison.difference - comparison.interval.low == pytest.approx(half)


@pytest.mark.parametrize("seed", range(3))
def test_uplift_is_refused_where_contact_does_nothing(seed: int) -> None:
    planted = experiment(3000, seed, effect=0.0)
    effect = cross_fit(learner, planted.X, planted.data, folds=2)
    assert not choice(planted, effect).uplift_ranks


def test_uplift_that_ranks_as_loss_does_is_refused() -> None:
    planted = experiment(2000)

    def make() -> UpliftModel:
        return models.build_uplift("uplift_none", 1, 1)

    model = make().fit(planted.X, *planted.fit_arguments)
    comparison = choice(planted, one_fold(model.effect(planted.X)))
    assert not comparison.uplift_ranks
    assert comparison.difference == 0.0
    assert (comparison.interval.low, comparison.interval.high) == (0.0, 0.0)


def test_a_contact_costs_the_same_by_every_ranking() -> None:
    planted = experiment(2000)
    free, dear = (choice(planted, one_fold(-planted.risk), cost=cost) for cost in (0.0, 5.0))
    assert free.at_random - dear.at_random == pytest.approx(0.2 * 5)
    assert free.by_loss - dear.by_loss == pytest.approx(0.2 * 5)
