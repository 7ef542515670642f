"""Qini, policy value, calibration of the effect, and the rule that refuses uplift."""

import math
from dataclasses import replace

import numpy as np
import pytest

import models
from models.components.base import Floats
from models.components.uplift import UpliftModel
from retention.uplift.metrics import (
    Choice,
    Crossed,
    Group,
    calibration,
    chosen,
    cross_fitted,
    disturbed_from,
    placed,
    qini,
    qini_coefficient,
    value,
    within,
)
from tests.support.experiments import Known, experiment, learner

QUICK = 200  # bootstrap replicates


def scores(known: Known) -> Floats:
    """Doubly robust scores with the risk as the nuisance."""
    return known.trial.scores(known.risk)


def one_fold(effect: Floats) -> Crossed:
    return Crossed(effect, np.zeros(len(effect), dtype=np.int64))


def choice(known: Known, effect: Crossed, share: float = 0.2, cost: float = 0.0) -> Choice:
    """By customers who are all worth 100."""
    worth = np.full(len(known.X), 100.0)
    of = scores(known), known.trial.customer
    return chosen(effect, known.risk * worth, worth, *of, share, cost, n=QUICK)


# Policies


@pytest.mark.parametrize(
    ("priority", "share", "expected"),
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
    priority: list[float], share: float, expected: list[float]
) -> None:
    assert within(np.array(priority, dtype=float), share).tolist() == expected


def test_value_is_what_the_chosen_gain() -> None:
    assert value(np.array([1.0, 0.5, 0.0, 0.0]), np.array([8.0, 4.0, 2.0, 2.0])) == 2.5


def test_the_value_of_a_policy_is_its_true_one() -> None:
    known = experiment(60_000, propensity=0.5)
    first = within(-known.effect, 0.2)
    kept = -scores(known)
    error = (first * kept).std() / math.sqrt(len(kept))
    assert value(first, kept) == pytest.approx(value(first, -known.effect), abs=3 * error)


# Qini


def test_qini_by_hand() -> None:
    """Kept 1 by the first of two, none by the second: the curve is 0, 1/2, 1/2."""
    assert qini_coefficient(np.array([2.0, 1.0]), np.array([1.0, 0.0])) == pytest.approx(0.125)
    assert qini_coefficient(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == pytest.approx(-0.125)
    assert qini_coefficient(np.ones(2), np.array([1.0, 0.0])) == 0.0


def test_the_curve_ends_at_the_effect_on_all() -> None:
    known = experiment(3000)
    kept = -scores(known)
    found = qini(one_fold(known.effect), -kept, known.trial.customer, n=QUICK)
    assert (found.share[0], found.share[-1]) == (0.0, 1.0)
    assert found.kept[0] == 0.0
    assert found.kept[-1] == pytest.approx(kept.mean())
    assert found.interval.low < found.coefficient < found.interval.high


def test_a_true_effect_has_a_qini_above_chance() -> None:
    known = experiment(6000)
    found = qini(one_fold(known.effect), scores(known), known.trial.customer, n=QUICK)
    assert found.interval.low > 0


def shuffled(seed: int) -> Known:
    """A/A: arms drawn after the fact change nobody."""
    known = experiment(1000, seed, propensity=0.5)
    arms = np.random.default_rng(seed + 50).permutation(known.trial.treated)
    return replace(known, trial=replace(known.trial, treated=arms))


def test_shuffled_treatment_has_a_qini_of_nothing() -> None:
    """Of 12 intervals 95 % should hold 0; 9 or fewer do so once in 50 times."""
    hits = 0
    for known in map(shuffled, range(12)):
        crossed = cross_fitted(learner, known.X, known.trial, folds=2)
        interval = qini(crossed, scores(known), known.trial.customer, n=100).interval
        hits += interval.low <= 0 <= interval.high
    assert hits >= 10


# Cross-fitting


def test_a_customers_own_outcome_says_nothing_of_them() -> None:
    known = experiment(800)
    crossed = cross_fitted(learner, known.X, known.trial, folds=3)
    mine = known.trial.customer == known.trial.customer[0]
    left = np.where(mine, 1 - known.trial.left, known.trial.left)
    again = cross_fitted(learner, known.X, replace(known.trial, left=left), folds=3)
    assert (again.effect[mine] == crossed.effect[mine]).all()
    assert (again.effect != crossed.effect).any()


def test_rows_are_placed_among_their_own_fold() -> None:
    priority = np.array([1.0, 2.0, 10.0, 30.0, 20.0, 20.0])
    assert placed(priority, [0, 0, 1, 1, 1, 1]).tolist() == [0.25, 0.75, 0.125, 0.875, 0.5, 0.5]


# Calibration of the effect


def test_fifths_are_measured_beside_what_was_predicted() -> None:
    known = experiment(20_000)
    groups = calibration(one_fold(known.effect), scores(known), known.trial.customer)
    assert len(groups) == 5
    assert sum(group.rows for group in groups) == 20_000
    assert [group.predicted for group in groups] == sorted(group.predicted for group in groups)
    assert all(group.low - 0.02 < group.predicted < group.high + 0.02 for group in groups)
    assert all(group.least <= group.predicted for group in groups)


def test_equal_predictions_are_one_group() -> None:
    known = experiment(500)
    (group,) = calibration(one_fold(np.zeros(500)), scores(known), known.trial.customer)
    assert group.rows == 500
    assert group.measured == pytest.approx(scores(known).mean())


def group(least: float, low: float, predicted: float | None = None) -> Group:
    return Group(100, least, least + 0.01 if predicted is None else predicted, 0.0, low, 1.0)


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
def test_only_credible_harm_disturbs(groups: list[Group], edge: float | None) -> None:
    assert disturbed_from(groups) == edge


def test_those_who_are_disturbed_are_found() -> None:
    known = experiment(20_000)
    edge = disturbed_from(calibration(one_fold(known.effect), scores(known), known.trial.customer))
    assert edge is not None
    assert (known.X["visits_90d"][known.effect >= edge] == 0).mean() > 0.95


# The choice


def test_uplift_that_beats_loss_is_chosen() -> None:
    known = experiment(6000)
    effect = cross_fitted(learner, known.X, known.trial, folds=3)
    found = choice(known, effect)
    assert found.uplift
    assert found.better == pytest.approx(found.by_uplift - found.by_loss)
    assert found.by_uplift > found.by_loss > found.at_random


@pytest.mark.parametrize("seed", range(3))
def test_uplift_is_refused_where_contact_does_nothing(seed: int) -> None:
    known = experiment(3000, seed, effect=0.0)
    effect = cross_fitted(learner, known.X, known.trial, folds=2)
    assert not choice(known, effect).uplift


def test_uplift_that_ranks_as_loss_does_is_refused() -> None:
    known = experiment(2000)

    def make() -> UpliftModel:
        return models.build_uplift("uplift_none", 1, 1)

    model = make().fit(known.X, *known.told)
    found = choice(known, one_fold(model.effect(known.X)))
    assert not found.uplift
    assert found.better == 0.0
    assert (found.interval.low, found.interval.high) == (0.0, 0.0)


def test_a_contact_costs_the_same_by_every_ranking() -> None:
    known = experiment(2000)
    free, dear = (choice(known, one_fold(-known.risk), cost=cost) for cost in (0.0, 5.0))
    assert free.at_random - dear.at_random == pytest.approx(0.2 * 5)
    assert free.by_loss - dear.by_loss == pytest.approx(0.2 * 5)
