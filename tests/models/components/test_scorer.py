"""One customer's scores: how churn and value are put together, and what is never let through."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

import models
from models.components.blend import ChurnBlend, ValueBlend
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


def stub_scorer(
    p: list[float], if_kept: list[float], lost: list[float], interval: Any = None
) -> Scorer:
    """A scorer of given numbers, of one model each."""
    churn, stays, leaves = (FixedModel(*numbers) for numbers in (p, if_kept, lost))
    parts: list[Any] = [(("stub", model, 1.0),) for model in (churn, stays, leaves)]
    return Scorer(ChurnBlend(parts[0]), ValueBlend(parts[1]), ValueBlend(parts[2]), interval)


def rows(n: int) -> pd.DataFrame:
    return pd.DataFrame({"x": np.zeros(n)}, index=range(100, 100 + n))


def test_scores_are_put_together_as_defined() -> None:
    scores = stub_scorer([0.5, 0.25, 0.8], [100, 80, 40], [10, 20, -5]).score(rows(3))
    assert list(scores.columns) == list(COLUMNS)
    assert scores["expected_value"].tolist() == pytest.approx([55, 65, 4])
    assert scores["expected_loss"].tolist() == pytest.approx([45, 15, 36])
    assert scores["value_if_kept"].tolist() == [100, 80, 40]
    assert scores["value_if_lost"].tolist() == [10, 20, -5]
    assert scores.index.tolist() == [100, 101, 102]


def test_without_an_interval_both_ends_are_null_and_never_of_zero_width() -> None:
    scores = stub_scorer([0.5], [10], [0]).score(rows(1))
    assert scores[["value_low", "value_high"]].isna().all(axis=None)
    assert scores.drop(columns=["value_low", "value_high"]).notna().all(axis=None)


def test_an_interval_that_is_not_finite_is_refused() -> None:
    class Broken:
        def predict(self, expected: Any) -> Any:
            return expected, np.full_like(expected, np.nan)

    with pytest.raises(ValueError, match="not finite"):
        stub_scorer([0.5], [10], [0], Broken()).score(rows(1))


def test_the_interval_is_that_of_the_expected_value() -> None:
    expected = np.arange(100.0)
    interval = ValueInterval().fit(expected, expected)
    scores = stub_scorer([0.5], [60], [40], interval).score(rows(1))
    low, high = interval.predict([50.0])
    assert (scores["value_low"][100], scores["value_high"][100]) == (low[0], high[0])


NUMBERS = st.floats(-1e6, 1e6)
CERTAIN = 1e-5  # beyond it a model is held to its clipped log-odds
CUSTOMERS = st.lists(
    st.tuples(st.floats(CERTAIN, 1 - CERTAIN), NUMBERS, NUMBERS), min_size=1, max_size=20
)


@settings(derandomize=True, deadline=None, database=None)
@given(CUSTOMERS)
def test_expected_value_and_loss_hold_for_any_numbers(
    customers: list[tuple[float, float, float]],
) -> None:
    p, if_kept, lost = (list(part) for part in zip(*customers, strict=True))
    scores = stub_scorer(p, if_kept, lost).score(rows(len(p)))
    for row, (chance, stays, leaves) in zip(scores.itertuples(), customers, strict=True):
        score: Any = row
        assert score.churn_probability == pytest.approx(chance)
        expected = (1 - chance) * stays + chance * leaves
        assert score.expected_value == pytest.approx(expected, rel=1e-9, abs=1e-8)
        assert score.expected_loss == pytest.approx(chance * (stays - leaves), rel=1e-9, abs=1e-8)


@pytest.mark.parametrize(
    ("p", "if_kept"),
    [(np.nan, 1.0), (0.5, np.nan), (0.5, np.inf)],
)
def test_a_score_that_is_not_finite_or_no_probability_is_refused(p: float, if_kept: float) -> None:
    with pytest.raises(ValueError, match="not finite, or a probability lies outside 0 to 1"):
        stub_scorer([0.5, p], [1.0, if_kept], [0.0, 0.0]).score(rows(2))


@pytest.fixture(scope="module")
def fitted() -> Scorer:
    return tracked_run.fitted_scorer(seed=3)


@pytest.mark.parametrize("with_interval", [True, False])
def test_states_come_back_from_json_to_the_bit(fitted: Scorer, with_interval: bool) -> None:
    scorer = fitted if with_interval else replace(fitted, interval=None)
    written = json.dumps(scorer.states(), allow_nan=False)
    again = Scorer.from_states(json.loads(written))
    assert json.dumps(again.states()) == written
    X = tracked_run.features(200, seed=9)
    assert np.array_equal(again.score(X).to_numpy(), scorer.score(X).to_numpy(), equal_nan=True)
    pd.testing.assert_frame_equal(again.contributions(X), scorer.contributions(X), check_exact=True)


def test_permuted_columns_give_the_same_scores(fitted: Scorer) -> None:
    X = tracked_run.features(50, seed=9)
    pd.testing.assert_frame_equal(fitted.score(X[X.columns[::-1]]), fitted.score(X))


def test_a_renamed_column_is_refused_by_name(fitted: Scorer) -> None:
    X = tracked_run.features(50, seed=9).rename(columns={"spend_28d": "spent_28d"})
    with pytest.raises(ValueError, match="X misses columns: spend_28d"):
        fitted.score(X)


def test_contributions_are_those_of_the_probability(fitted: Scorer) -> None:
    X = tracked_run.features(50, seed=9)
    contributions = fitted.contributions(X)
    assert set(contributions.columns) <= {*X.columns, "bias"}
    p = fitted.score(X)["churn_probability"].to_numpy()
    assert contributions.sum(axis=1).to_numpy() == pytest.approx(logit(p), abs=1e-9)


def test_a_state_of_an_unknown_model_is_an_error(fitted: Scorer) -> None:
    states = fitted.states()
    states["churn"]["parts"][0]["name"] = "churn_of_the_future"
    assert "churn_of_the_future" not in models.discover()
    with pytest.raises(KeyError, match="churn_of_the_future"):
        Scorer.from_states(states)
