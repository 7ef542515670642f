"""Several models as one: exact contributions, bounded parts, states."""

import json
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import models
from models.components.base import BIAS, ChurnModel, Floats
from models.components.blend import CERTAIN, ChurnBlend, ValueBlend, clipped_log_odds
from models.components.scorer import Scorer
from retention.core.documents.modelling import STATES_FORMAT
from tests.support import tracked_run

PARTS = ("churn_lightgbm", "churn_logistic", "churn_recency")
QUICK: dict[str, dict[str, Any]] = {"churn_lightgbm": {"rounds": 10, "seeds": 1}}


class Certain:
    """A model that gives one probability, its reason being `silence`."""

    def __init__(self, p: float) -> None:
        self.p = p

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        return np.tile([1 - self.p, self.p], (len(X), 1))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        inside = np.clip(self.p, 1e-12, 1 - 1e-12)
        return pd.DataFrame({"silence": logit(inside) + 1.0, BIAS: -1.0}, index=X.index)


def part(p: float, weight: float) -> Any:
    return ("churn_stub", Certain(p), weight)


def fitted_part(name: str, X: pd.DataFrame, y: Floats) -> ChurnModel:
    return cast(ChurnModel, models.build(name, 28, 1, 1, QUICK.get(name)).fit(X, y))


@pytest.fixture(scope="module")
def blend() -> ChurnBlend:
    X = tracked_run.features(300, seed=1)
    y = (np.random.default_rng(2).random(300) < 0.3).astype(float)
    weights = (0.5, 0.4, 0.3)
    parts = [(name, fitted_part(name, X, y), w) for name, w in zip(PARTS, weights, strict=True)]
    return ChurnBlend(tuple(parts), intercept=-0.4)


ROWS = pd.DataFrame({"silence": np.zeros(3)}, index=[5, 6, 7])


def test_the_log_odds_are_the_weighted_sum_of_those_of_the_parts(blend: ChurnBlend) -> None:
    X = tracked_run.features(100, seed=3)
    by_hand = -0.4 + sum(
        weight * logit(model.predict_proba(X)[:, 1]) for _, model, weight in blend.parts
    )
    assert blend.predict(X) == pytest.approx(expit(by_hand))


def test_contributions_sum_to_the_log_odds_and_keep_the_index(blend: ChurnBlend) -> None:
    X = tracked_run.features(100, seed=3).set_index(np.arange(100) + 1000)
    parts = blend.contributions(X)
    assert parts.index.equals(X.index)
    assert set(parts.columns) <= {*X.columns, BIAS}
    assert parts.notna().all(axis=None)
    assert parts.sum(axis=1).to_numpy() == pytest.approx(logit(blend.predict(X)), abs=1e-9)


def test_a_feature_that_one_part_reads_keeps_the_weight_of_that_part(blend: ChurnBlend) -> None:
    X = tracked_run.features(20, seed=3)
    silence = sum(
        weight * model.contributions(X)["days_since_purchase"] for _, model, weight in blend.parts
    )
    assert blend.contributions(X)["days_since_purchase"].to_numpy() == pytest.approx(silence)
    spent = sum(  # the recency rule does not read it
        weight * model.contributions(X)["spend_28d"] for _, model, weight in blend.parts[:2]
    )
    assert blend.contributions(X)["spend_28d"].to_numpy() == pytest.approx(spent)


def test_weights_that_sum_to_more_than_one_stretch(blend: ChurnBlend) -> None:
    once, twice = ChurnBlend((part(0.3, 1.0),)), ChurnBlend((part(0.3, 2.0),))
    assert logit(twice.predict(ROWS)) == pytest.approx(2 * logit(once.predict(ROWS)))


@pytest.mark.parametrize("p", [0.0, 1e-13, 1.0])
def test_a_part_that_is_certain_does_not_overrule_the_others(p: float) -> None:
    alone = ChurnBlend((part(p, 0.5), part(0.5, 0.5)))
    bounded = np.sign(p - 0.5) * CERTAIN / 2
    assert logit(alone.predict(ROWS)) == pytest.approx(bounded)
    assert ((alone.predict(ROWS) > 0) & (alone.predict(ROWS) < 1)).all()


@pytest.mark.parametrize("p", [0.0, 1e-13, 0.2, 1.0])
def test_contributions_of_a_part_that_is_cut_off_still_sum_to_the_log_odds(p: float) -> None:
    blended = ChurnBlend((part(p, 0.7), part(0.4, 0.6)), intercept=0.2)
    parts = blended.contributions(ROWS)
    assert parts.sum(axis=1).to_numpy() == pytest.approx(logit(blended.predict(ROWS)), abs=1e-9)


def test_log_odds_within_the_bound_are_exact() -> None:
    p = np.array([0.0, expit(-CERTAIN), 0.01, 0.5, 0.99, 1.0])
    expected = [-CERTAIN, -CERTAIN, logit(0.01), 0.0, logit(0.99), CERTAIN]
    assert clipped_log_odds(p) == pytest.approx(expected)


def test_values_are_added_by_their_weights() -> None:
    class Purse:
        def __init__(self, value: float) -> None:
            self.value = value

        def predict(self, X: pd.DataFrame) -> Floats:
            return np.full(len(X), self.value)

    parts: Any = (("value_a", Purse(100.0), 0.75), ("value_b", Purse(-20.0), 0.5))
    assert ValueBlend(parts).predict(ROWS).tolist() == [65.0] * 3


def test_no_rows_give_no_numbers(blend: ChurnBlend) -> None:
    nobody = tracked_run.features(5, seed=3).iloc[:0]
    assert len(blend.predict(nobody)) == 0
    assert blend.contributions(nobody).empty


def test_a_blend_comes_back_from_json_to_the_bit(blend: ChurnBlend) -> None:
    X = tracked_run.features(100, seed=3)
    text = json.dumps(blend.state(), allow_nan=False)
    again = ChurnBlend.from_state(json.loads(text))
    assert json.dumps(again.state()) == text
    assert (again.predict(X) == blend.predict(X)).all()
    pd.testing.assert_frame_equal(again.contributions(X), blend.contributions(X), check_exact=True)


def test_states_of_this_format_name_parts_intercept_and_both_values(blend: ChurnBlend) -> None:
    """What is changed here makes old champions unreadable: raise STATES_FORMAT with it."""
    states = tracked_run.fitted_scorer(seed=3).states()
    assert set(states["churn"]) == {"parts", "intercept"}
    assert set(states["value"]) == {"kept", "lost", "interval"}
    assert set(states["churn"]["parts"][0]) == {"name", "weight", "params", "columns", "learnt"}
    assert STATES_FORMAT == 2
    with pytest.raises(KeyError):  # the first format
        Scorer.from_states({"churn": {"model": {}, "calibrator": {}}, "value": {"model": {}}})
