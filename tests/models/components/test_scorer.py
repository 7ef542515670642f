"""One customer's scores: how churn and value are put together, and what is never let through."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from models.components.calibration import Platt
from models.components.interval import ValueInterval
from models.components.scorer import COLUMNS, Scorer
from tests.support import tracked_run


class FixedModel:
    """A fitted model with given predictions."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = np.array(numbers)

    def predict(self, X: Any) -> Any:
        return self.numbers

    def predict_proba(self, X: Any) -> Any:
        return np.column_stack([1 - self.numbers, self.numbers])


class NoCalibration:
    def predict(self, p: Any) -> Any:
        return p


def stub_scorer(
    p: list[float], if_kept: list[float], lost: list[float], interval: Any = None
) -> Scorer:
    churn, *value = (("stub", FixedModel(*numbers)) for numbers in (p, if_kept, lost))
    scorer_class: Any = Scorer
    scorer: Scorer = scorer_class(churn, NoCalibration(), *value, interval)
    return scorer


def rows(n: int) -> pd.DataFrame:
    return pd.DataFrame({"x": np.zeros(n)}, index=range(100, 100 + n))


def test_scores_are_put_together_as_defined() -> None:
    scores = stub_scorer([0.0, 0.25, 1.0], [100, 80, 40], [10, 20, -5]).score(rows(3))
    assert list(scores.columns) == list(COLUMNS)
    assert scores["expected_value"].tolist() == [100, 65, -5]
    assert scores["expected_loss"].tolist() == [0, 15, 45]
    assert scores["value_if_kept"].tolist() == [100, 80, 40]
    assert scores["value_if_lost"].tolist() == [10, 20, -5]
    assert scores.index.tolist() == [100, 101, 102]


def test_without_an_interval_both_ends_are_the_expected_value() -> None:
    scores = stub_scorer([0.5], [10], [0]).score(rows(1))
    assert (scores[["value_low", "value_high"]] == 5).all(axis=None)


def test_the_interval_is_that_of_the_expected_value() -> None:
    expected = np.arange(100.0)
    interval = ValueInterval().fit(expected, expected)
    scores = stub_scorer([0.5], [60], [40], interval).score(rows(1))
    low, high = interval.predict([50.0])
    assert (scores["value_low"][100], scores["value_high"][100]) == (low[0], high[0])


NUMBERS = st.floats(-1e6, 1e6)
CUSTOMERS = st.lists(st.tuples(st.floats(0, 1), NUMBERS, NUMBERS), min_size=1, max_size=20)


@settings(derandomize=True, deadline=None, database=None)
@given(CUSTOMERS)
def test_expected_value_and_loss_hold_for_any_numbers(
    customers: list[tuple[float, float, float]],
) -> None:
    p, if_kept, lost = (list(part) for part in zip(*customers, strict=True))
    scores = stub_scorer(p, if_kept, lost).score(rows(len(p)))
    for row, (chance, stays, leaves) in zip(scores.itertuples(), customers, strict=True):
        score: Any = row
        assert score.expected_value == pytest.approx((1 - chance) * stays + chance * leaves, 1e-9)
        assert score.expected_loss == pytest.approx(chance * (stays - leaves), 1e-9)


@pytest.mark.parametrize(
    ("p", "if_kept"),
    [(1.1, 1.0), (-0.1, 1.0), (np.nan, 1.0), (0.5, np.nan), (0.5, np.inf)],
)
def test_a_score_that_is_not_finite_or_no_probability_is_refused(p: float, if_kept: float) -> None:
    with pytest.raises(ValueError, match="not finite, or a probability lies outside 0 to 1"):
        stub_scorer([0.5, p], [1.0, if_kept], [0.0, 0.0]).score(rows(2))


def calibrated(with_interval: bool) -> Scorer:
    """Two real baselines, a fitted calibrator and numbers that no decimal writes short."""
    baseline = tracked_run.fitted_scorer(seed=3)
    draw = np.random.default_rng(5)
    p = draw.random(200) / 3
    platt = Platt().fit(p, (draw.random(200) < p).astype(float))
    return replace(
        baseline, calibrator=platt, interval=baseline.interval if with_interval else None
    )


@pytest.mark.parametrize("with_interval", [True, False])
def test_states_come_back_from_json_to_the_bit(with_interval: bool) -> None:
    scorer = calibrated(with_interval)
    written = json.dumps(scorer.states(), allow_nan=False)
    again = Scorer.from_states(json.loads(written))
    assert json.dumps(again.states()) == written
    X = tracked_run.features(200, seed=9)
    assert np.array_equal(again.score(X).to_numpy(), scorer.score(X).to_numpy())


def test_permuted_columns_give_the_same_scores() -> None:
    scorer, X = calibrated(with_interval=True), tracked_run.features(50, seed=9)
    pd.testing.assert_frame_equal(scorer.score(X[X.columns[::-1]]), scorer.score(X))


def test_a_renamed_column_is_refused_by_name() -> None:
    X = tracked_run.features(50, seed=9).rename(columns={"spend_28d": "spent_28d"})
    with pytest.raises(ValueError, match="X misses columns: spend_28d"):
        calibrated(with_interval=True).score(X)


def test_the_probability_is_the_calibrated_one() -> None:
    scorer, X = calibrated(with_interval=False), tracked_run.features(50, seed=9)
    raw = scorer.churn[1].predict_proba(X)[:, 1]
    assert np.array_equal(scorer.probability(X), scorer.calibrator.predict(raw))
    assert not np.allclose(scorer.probability(X), raw)


def test_contributions_are_those_of_the_churn_model() -> None:
    scorer, X = calibrated(with_interval=False), tracked_run.features(50, seed=9)
    contributions = scorer.contributions(X)
    pd.testing.assert_frame_equal(contributions, scorer.churn[1].contributions(X))
    assert set(contributions.columns) <= {*X.columns, "bias"}


def test_a_state_of_an_unknown_model_is_an_error() -> None:
    states = calibrated(with_interval=False).states()
    states["churn"]["model"]["name"] = "churn_of_the_future"
    assert "churn_of_the_future" not in models.discover()
    with pytest.raises(KeyError, match="churn_of_the_future"):
        Scorer.from_states(states)
