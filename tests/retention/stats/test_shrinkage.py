"""Beliefs give way to measurements by their errors, and what is alike moves together."""

import numpy as np
import pytest

from retention.stats.shrinkage import shrink

BELIEF = np.array([0.2, 0.1])


def test_without_a_measurement_beliefs_stand() -> None:
    shrunk = shrink(BELIEF, 0.5, np.full(2, np.nan), np.full(2, np.nan))
    assert list(shrunk.mean) == list(BELIEF)
    assert np.sqrt(np.diag(shrunk.covariance)) == pytest.approx(0.5 * BELIEF)
    assert list(shrunk.sampling_error) == [0.0, 0.0]


def test_one_measurement_counts_by_its_error_and_moves_the_other() -> None:
    """.1 believed within .1, .2 measured within .1: half the way; the other half as far."""
    shrunk = shrink(BELIEF, 0.5, np.array([0.1, np.nan]), np.array([0.1, np.nan]))
    assert shrunk.mean == pytest.approx([0.15, 0.1 - 0.025 / 2])
    assert shrunk.covariance[0, 0] == pytest.approx(0.1**2 / 2)
    assert shrunk.sampling_error == pytest.approx([0.05, 0.0125])
    assert shrunk.covariance[1, 1] < 0.05**2


def test_much_data_leave_nothing_of_the_belief() -> None:
    shrunk = shrink(BELIEF, 0.5, np.array([0.03, 0.14]), np.array([1e-4, 1e-4]))
    assert shrunk.mean == pytest.approx([0.03, 0.14], abs=1e-3)
    assert shrunk.sampling_error == pytest.approx([1e-4, 1e-4], rel=0.01)


def test_a_belief_that_was_wrong_by_much_is_soon_forgotten() -> None:
    """Believed .01 within .005 and measured .1 within .02: the stated strength would keep .015."""
    shrunk = shrink(np.array([0.01]), 0.5, np.array([0.1]), np.array([0.02]))
    assert shrunk.mean[0] == pytest.approx(0.1 - 0.09 * (0.02 / 0.09) ** 2, rel=0.02)


def test_shrunk_rates_are_nearer_to_the_truth_than_either_side() -> None:
    draw = np.random.default_rng(3)
    belief = np.full(8, 0.15)
    errors = np.zeros(3)
    for _ in range(200):
        truth = belief * (1 + 0.35 * draw.normal() + 0.35 * draw.normal(size=8))
        measured = truth + draw.normal(0, 0.08, 8)
        shrunk = shrink(belief, 0.5, measured, np.full(8, 0.08))
        errors += [((each - truth) ** 2).mean() for each in (shrunk.mean, measured, belief)]
    assert errors[0] < 0.7 * min(errors[1:])
